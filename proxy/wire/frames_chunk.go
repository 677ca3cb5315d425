package wire

// SnapshotHead announces a snapshot of Size bytes (see AppendSnapshot) whose
// CRC-32C is Sum. Epoch is the sender's, as in every frame; the snapshot's own
// epoch and index are SnapEpoch and SnapIndex.
type SnapshotHead struct {
	Epoch     uint64
	Region    string
	SnapEpoch uint64
	SnapIndex uint64
	Size      uint64
	Sum       uint64
}

func (f *SnapshotHead) fields(c *codec) {
	c.uint(&f.Epoch)
	c.name(&f.Region)
	c.uint(&f.SnapEpoch)
	c.uint(&f.SnapIndex)
	c.uint(&f.Size)
	c.uint(&f.Sum)
}

// Chunk is the next part of a snapshot or state.
type Chunk struct {
	Offset uint64
	Data   []byte // <= MaxChunk
}

func (f *Chunk) fields(c *codec) {
	c.uint(&f.Offset)
	c.rest(&f.Data, MaxChunk)
}
