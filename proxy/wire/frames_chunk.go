package wire

// SnapshotHead announces a snapshot (see AppendSnapshot) of Whole bytes, whose
// CRC-32C is Sum, as Size bytes of chunks in some Form. Epoch is the sender's, as
// in every frame; the snapshot's own epoch and index are SnapEpoch and SnapIndex.
// A FormDelta needs the snapshot (SnapEpoch, Base) to be read.
type SnapshotHead struct {
	Epoch     uint64
	Region    string
	SnapEpoch uint64
	SnapIndex uint64
	Form      uint64
	Base      uint64
	Whole     uint64
	Size      uint64
	Sum       uint64
}

func (f *SnapshotHead) fields(c *codec) {
	c.uint(&f.Epoch)
	c.name(&f.Region)
	c.uint(&f.SnapEpoch)
	c.uint(&f.SnapIndex)
	c.uint(&f.Form)
	c.uint(&f.Base)
	c.uint(&f.Whole)
	c.uint(&f.Size)
	c.uint(&f.Sum)
}

// The forms of a snapshot's chunks.
const (
	FormPlain uint64 = 0 // as AppendSnapshot writes it
	FormZstd  uint64 = 1 // as one zstd frame
	FormDelta uint64 = 2 // as one zstd frame, with snapshot Base as raw dictionary
)

// Chunk is the next part of a snapshot or state.
type Chunk struct {
	Offset uint64
	Data   []byte // <= MaxChunk
}

func (f *Chunk) fields(c *codec) {
	c.uint(&f.Offset)
	c.rest(&f.Data, MaxChunk)
}
