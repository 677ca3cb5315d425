package wire

// SnapshotHead announces a snapshot (see AppendSnapshot) of Whole bytes, whose
// CRC-32C is Sum, as Size bytes of chunks in some Form. Epoch is the sender's, as
// in every frame; the snapshot's own epoch and index are SnapEpoch and SnapIndex.
// A FormDelta needs the encoding of the snapshot (SnapEpoch, Base) to be read,
// which is an earlier one; Base is 0 in all other forms. What is compressed is
// smaller than Whole, or it would be sent plain.
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
	if c.mode == decoding {
		f.check(c)
	}
}

func (f *SnapshotHead) check(c *codec) {
	switch {
	case f.Form > FormDelta:
		c.fail(CodeProtocol, "a snapshot of unknown form %d", f.Form)
	case f.Form == FormDelta && (f.Base == 0 || f.Base >= f.SnapIndex):
		c.fail(CodeProtocol, "a delta to snapshot %d from %d", f.SnapIndex, f.Base)
	case f.Form != FormDelta && f.Base != 0:
		c.fail(CodeProtocol, "a whole snapshot with a base")
	case f.Form == FormPlain && f.Size != f.Whole, f.Form != FormPlain && f.Size >= f.Whole:
		c.fail(CodeProtocol, "a snapshot of %d bytes as %d in form %d", f.Whole, f.Size, f.Form)
	}
}

// Verify tells whether whole is what f announces: its length and its sum are
// right. The error is an *Error with CodeBadSnapshot.
func (f *SnapshotHead) Verify(whole []byte) error {
	if uint64(len(whole)) != f.Whole {
		return snapshotFault(CodeBadSnapshot, "%d bytes, the head says %d", len(whole), f.Whole)
	}
	if sum := Sum(whole); sum != f.Sum {
		return snapshotFault(CodeBadSnapshot, "its sum is %#x, the head says %#x", sum, f.Sum)
	}
	return nil
}

// The forms of a snapshot's chunks.
const (
	FormPlain uint64 = 0 // as AppendSnapshot writes it
	FormZstd  uint64 = 1 // as one zstd frame
	FormDelta uint64 = 2 // as one zstd frame for each DeltaPiece bytes, with parts of snapshot Base as raw dictionaries
)

const (
	// DeltaPiece is how many bytes of a snapshot one zstd frame of a delta has;
	// the last has what is left.
	DeltaPiece = 64 << 10
	// DeltaMargin is how far apart the same bytes may be in a snapshot and in its
	// base, to be found again.
	DeltaMargin = 16 << 10
)

// DeltaBase returns the raw dictionary with which the id-th piece of a delta is
// compressed, counted from 1; id is also its ID in the zstd frame. It is the part
// of base around the same place: DeltaPiece bytes and DeltaMargin on either side,
// moved to lie within base.
func DeltaBase(base []byte, id uint32) []byte {
	const width = DeltaPiece + 2*DeltaMargin
	from := max(0, min(int(id-1)*DeltaPiece-DeltaMargin, len(base)-width))
	return base[from:min(from+width, len(base))]
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
