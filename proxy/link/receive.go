package link

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// ErrBase is a delta that does not fit: what it changes is not kept here. Its
// sender then sends the whole. It is a *wire.Error with CodeBadSnapshot.
var ErrBase error = &wire.Error{Code: wire.CodeBadSnapshot, Detail: "a delta to a snapshot that is not kept here"}

// Receiver reads snapshots and remembers the last ones of each region, as what
// deltas change. It is safe for concurrent use.
type Receiver struct {
	// Limit is the most bytes of a snapshot's encoding.
	Limit int
	// Accept judges a snapshot by its head, before the rest of it is read. It
	// should refuse regions that this process has nothing to do with: what is
	// accepted is remembered. Nil accepts all.
	Accept func(wire.SnapshotHead) error

	mu   sync.Mutex
	last map[string][]*encoding // by region
}

// Forget frees what is remembered of a region.
func (r *Receiver) Forget(region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.last, region)
}

// Stream is the receiving end of a snapshot stream: a *quic.ReceiveStream.
type Stream interface {
	io.Reader
	CancelRead(code quic.StreamErrorCode)
}

// Receive reads the snapshot of a stream and tells the sender, by the code with
// which it stops the stream, whether it could be used. After ErrBase it will be
// sent again, on another stream.
func (r *Receiver) Receive(st Stream) (wire.SnapshotHead, *buffer.Snapshot, error) {
	head, snap, err := r.Read(st)
	st.CancelRead(quic.StreamErrorCode(wire.CodeOf(err)))
	return head, snap, err
}

// Read reads one snapshot, and not what comes after its last chunk. Head and
// content must agree. State is shared with the Receiver: it must not be changed.
func (r *Receiver) Read(src io.Reader) (wire.SnapshotHead, *buffer.Snapshot, error) {
	reader := wire.NewReader(src, wire.LinkSnapshot)
	head, err := r.readHead(reader)
	if err != nil {
		return head, nil, err
	}
	base, err := r.base(head)
	if err != nil {
		return head, nil, err
	}
	body, err := assemble(reader, head)
	if err != nil {
		return head, nil, err
	}
	whole, err := unpack(head, body, base)
	if err != nil {
		return head, nil, err
	}
	snap, err := wire.DecodeSnapshot(whole, r.Limit)
	if err != nil {
		return head, nil, err
	}
	if snap.Region != head.Region || snap.Epoch != head.SnapEpoch || snap.Index != head.SnapIndex {
		return head, nil, bad("a snapshot is not the one that its head announced")
	}
	r.remember(head.Region, &encoding{snap.Epoch, snap.Index, whole})
	return head, snap, nil
}

func (r *Receiver) readHead(reader *wire.Reader) (head wire.SnapshotHead, err error) {
	t, body, err := reader.Next()
	if err != nil {
		return head, err
	}
	if t != wire.TypeSnapshot {
		return head, bad("a snapshot stream must begin with its head")
	}
	if err := head.Decode(body); err != nil {
		return head, err
	}
	if head.Whole > uint64(r.Limit) { // and Size is not above it
		return head, &wire.Error{Code: wire.CodeTooLarge, Detail: "a snapshot above the limit was announced"}
	}
	if r.Accept != nil {
		err = r.Accept(head)
	}
	return head, err
}

// base returns what a delta changes.
func (r *Receiver) base(head wire.SnapshotHead) ([]byte, error) {
	if head.Form != wire.FormDelta {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.last[head.Region] {
		if e.epoch == head.SnapEpoch && e.index == head.Base {
			return e.bytes, nil
		}
	}
	return nil, fmt.Errorf("%w: %s, epoch %d, index %d", ErrBase, head.Region, head.SnapEpoch, head.Base)
}

func (r *Receiver) remember(region string, e *encoding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[string][]*encoding{}
	}
	r.last[region] = remember(r.last[region], e)
}

// ReceiveSnapshot reads one whole snapshot whose encoding has at most limit
// bytes, as Receiver.Read does. The snapshot owns its memory.
func ReceiveSnapshot(r io.Reader, limit int) (wire.SnapshotHead, *buffer.Snapshot, error) {
	return (&Receiver{Limit: limit}).Read(r)
}

// unpack returns the whole encoding. That a delta yields something else than was
// announced means that the base is another one.
func unpack(head wire.SnapshotHead, body, base []byte) ([]byte, error) {
	switch head.Form {
	case wire.FormPlain:
		return body, head.Verify(body)
	case wire.FormZstd:
		whole, err := decompress(body, head.Whole)
		if err != nil {
			return nil, bad("a snapshot does not decompress: " + err.Error())
		}
		return whole, head.Verify(whole)
	}
	whole, err := decompressDelta(body, base, head.Whole)
	if err == nil {
		err = head.Verify(whole)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBase, err)
	}
	return whole, nil
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
