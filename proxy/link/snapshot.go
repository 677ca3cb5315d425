package link

import (
	"errors"
	"io"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// SendSnapshot writes one encoded snapshot as head and chunks.
func SendSnapshot(w io.Writer, head wire.SnapshotHead, blob []byte) error {
	buf := head.Append(make([]byte, 0, pump.Batch+1024))
	for off := 0; off < len(blob); {
		n := min(wire.MaxChunk, len(blob)-off)
		buf = wire.Chunk{Offset: uint64(off), Data: blob[off : off+n]}.Append(buf)
		off += n
		if len(buf) >= pump.Batch || off == len(blob) {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return nil
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
	return a.Bytes()
}

func bad(detail string) error { return &wire.Error{Code: wire.CodeBadSnapshot, Detail: detail} }
