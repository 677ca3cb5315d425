package link

import (
	"context"
	"errors"
	"io"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Sealed is a snapshot in wire form, ready for any number of links. Immutable.
type Sealed struct {
	Head wire.SnapshotHead
	blob []byte
}

// Seal encodes a snapshot for senders of that epoch. The snapshot is copied.
func Seal(epoch uint64, snap *buffer.Snapshot) *Sealed {
	blob := wire.AppendSnapshot(make([]byte, 0, snap.Size()+64), snap)
	return &Sealed{blob: blob, Head: wire.SnapshotHead{
		Epoch: epoch, Region: snap.Region, SnapEpoch: snap.Epoch, SnapIndex: snap.Index,
		Whole: uint64(len(blob)), Size: uint64(len(blob)), Sum: wire.Sum(blob),
	}}
}

// WriteTo writes head and chunks, in batches.
func (s *Sealed) WriteTo(w io.Writer) (n int64, err error) {
	buf := s.Head.Append(make([]byte, 0, pump.Batch+wire.MaxChunk))
	flush := func() error {
		m, err := w.Write(buf)
		n, buf = n+int64(m), buf[:0]
		return err
	}
	for c := range wire.Chunks(s.blob) {
		buf = c.Append(buf)
		if len(buf) < pump.Batch {
			continue
		}
		if err := flush(); err != nil {
			return n, err
		}
	}
	return n, flush()
}

// Send writes the snapshot on a stream of its own.
func (c *Conn) Send(ctx context.Context, s *Sealed) error {
	st, err := c.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	if _, err := s.WriteTo(st); err != nil {
		st.CancelWrite(0)
		return err
	}
	return st.Close()
}

// ReceiveSnapshot reads one snapshot whose encoding has at most limit bytes.
// Head and content must agree. The snapshot owns its memory.
func ReceiveSnapshot(r io.Reader, limit int) (wire.SnapshotHead, *buffer.Snapshot, error) {
	var head wire.SnapshotHead
	reader := wire.NewReader(r, wire.LinkSnapshot)
	t, body, err := reader.Next()
	if err != nil {
		return head, nil, err
	}
	if t != wire.TypeSnapshot {
		return head, nil, bad("a snapshot stream must begin with its head")
	}
	if err := head.Decode(body); err != nil {
		return head, nil, err
	}
	if head.Size > uint64(limit) {
		return head, nil, &wire.Error{Code: wire.CodeTooLarge, Detail: "a snapshot above the limit was announced"}
	}
	blob, err := assemble(reader, head)
	if err != nil {
		return head, nil, err
	}
	snap, err := wire.DecodeSnapshot(blob, limit)
	if err != nil {
		return head, nil, err
	}
	if snap.Region != head.Region || snap.Epoch != head.SnapEpoch || snap.Index != head.SnapIndex {
		return head, nil, bad("a snapshot is not the one that its head announced")
	}
	return head, snap, nil
}

func assemble(reader *wire.Reader, head wire.SnapshotHead) ([]byte, error) {
	a := wire.NewAssembler(head)
	for !a.Done() {
		t, body, err := reader.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = bad("a snapshot ended early")
			}
			return nil, err
		}
		if t != wire.TypeChunk {
			return nil, bad("a frame that is no chunk on a snapshot stream")
		}
		var c wire.Chunk
		if err := c.Decode(body); err != nil {
			return nil, err
		}
		if err := a.Add(c); err != nil {
			return nil, err
		}
	}
	blob, err := a.Bytes()
	if err != nil {
		return nil, err
	}
	return blob, head.Verify(blob)
}

func bad(detail string) error { return &wire.Error{Code: wire.CodeBadSnapshot, Detail: detail} }
