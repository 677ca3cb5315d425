package wire

import "fmt"

// Assembler puts together the Size bytes that a SnapshotHead announces from its
// Chunks. Memory is taken as bytes come, at most twice of them: a head that lies
// costs nothing.
// Errors are *Error with CodeBadSnapshot. It is not safe for concurrent use.
type Assembler struct {
	size uint64
	b    []byte
}

// NewAssembler returns an Assembler. Whether head.Size is acceptable is the
// caller's to decide, before.
func NewAssembler(head SnapshotHead) *Assembler {
	return &Assembler{size: head.Size}
}

// Add takes the next chunk and copies its data. Chunks come in order, without
// holes and overlaps, each with at least one byte and none beyond the end.
func (a *Assembler) Add(c Chunk) error {
	have := uint64(len(a.b))
	switch n := uint64(len(c.Data)); {
	case c.Offset != have:
		return snapshotFault(CodeBadSnapshot, "a chunk at %d, the next is at %d", c.Offset, have)
	case n == 0:
		return snapshotFault(CodeBadSnapshot, "an empty chunk at %d", have)
	case n > a.size-have:
		return snapshotFault(CodeBadSnapshot, "a chunk of %d bytes at %d of %d", n, have, a.size)
	}
	a.grow(len(c.Data))
	a.b = append(a.b, c.Data...)
	return nil
}

// grow makes room for n bytes: twice what there is, and never beyond the end.
func (a *Assembler) grow(n int) {
	if need := len(a.b) + n; need > cap(a.b) {
		room := min(uint64(max(2*cap(a.b), need)), a.size)
		a.b = append(make([]byte, 0, room), a.b...)
	}
}

// Done tells whether all bytes are there.
func (a *Assembler) Done() bool { return uint64(len(a.b)) == a.size }

// Bytes returns them, once all are there: the snapshot in the head's form. The
// caller owns them. What comes out of them is for [SnapshotHead.Verify].
func (a *Assembler) Bytes() ([]byte, error) {
	if !a.Done() {
		return nil, snapshotFault(CodeBadSnapshot, "%d bytes of %d", len(a.b), a.size)
	}
	return a.b, nil
}

func snapshotFault(code Code, format string, args ...any) error {
	return &Error{Code: code, Detail: "snapshot: " + fmt.Sprintf(format, args...)}
}
