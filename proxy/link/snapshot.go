package link

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// remembered is how many snapshots of a region serve as bases of deltas, at both
// ends: a receiver may confirm one while the next is already under way.
const remembered = 2

// encoding is the wire form of a snapshot. Immutable.
type encoding struct {
	epoch, index uint64
	bytes        []byte
}

// Sealed is a snapshot in wire form, ready for any number of links. Immutable.
type Sealed struct {
	Head wire.SnapshotHead // as of its plain form

	whole  func() *Parcel
	deltas []delta
}

type delta struct {
	base   uint64
	parcel func() *Parcel // nil when it does not pay
}

// Parcel is a snapshot in the form in which it travels. Immutable.
type Parcel struct {
	Head wire.SnapshotHead
	body []byte
}

// Seal encodes a snapshot for senders of that epoch. The snapshot is copied.
// Compression is left to whoever first sends it.
func Seal(epoch uint64, snap *buffer.Snapshot) *Sealed {
	return seal(epoch, snap, encode(snap), nil)
}

func encode(snap *buffer.Snapshot) *encoding {
	room := snap.Size() + 128 + 40*len(snap.Players)
	return &encoding{snap.Epoch, snap.Index, wire.AppendSnapshot(make([]byte, 0, room), snap)}
}

func seal(epoch uint64, snap *buffer.Snapshot, e *encoding, bases []*encoding) *Sealed {
	size := uint64(len(e.bytes))
	s := &Sealed{Head: wire.SnapshotHead{
		Epoch: epoch, Region: snap.Region, SnapEpoch: snap.Epoch, SnapIndex: snap.Index,
		Whole: size, Size: size, Sum: wire.Sum(e.bytes),
	}}
	s.whole = sync.OnceValue(func() *Parcel { return s.pack(e) })
	for _, base := range bases {
		if base.index > 0 && base.index < e.index {
			s.deltas = append(s.deltas, delta{base.index, sync.OnceValue(func() *Parcel { return s.packDelta(e, base) })})
		}
	}
	return s
}

// pack compresses e where that saves an eighth at least.
func (s *Sealed) pack(e *encoding) *Parcel {
	p := &Parcel{s.Head, e.bytes}
	if len(e.bytes) < smallest {
		return p
	}
	if body := compress(e.bytes); len(body) < len(e.bytes)-len(e.bytes)/8 {
		p.Head.Form, p.Head.Size, p.body = wire.FormZstd, uint64(len(body)), body
	}
	return p
}

// packDelta returns nil when the whole is not much larger.
func (s *Sealed) packDelta(e, base *encoding) *Parcel {
	if len(e.bytes) < smallest || len(base.bytes) < smallest {
		return nil
	}
	body := compressDelta(e.bytes, base.bytes)
	switch size := uint64(len(body)); {
	case size < s.Head.Whole/16: // not worth compressing the whole to compare
	case size < s.whole().Head.Size/2:
	default:
		return nil
	}
	head := s.Head
	head.Form, head.Base, head.Size = wire.FormDelta, base.index, uint64(len(body))
	return &Parcel{head, body}
}

// Whole returns what any receiver can read. The first call compresses: it is not
// to be made with a lock that others wait for.
func (s *Sealed) Whole() *Parcel { return s.whole() }

// Delta returns what a receiver can read that holds the snapshot base of the same
// epoch (0: none); false when there is no such delta or it does not pay. The
// first call for a base compresses.
func (s *Sealed) Delta(base uint64) (*Parcel, bool) {
	for _, d := range s.deltas {
		if d.base == base {
			p := d.parcel()
			return p, p != nil
		}
	}
	return nil, false
}

// WriteTo writes the whole.
func (s *Sealed) WriteTo(w io.Writer) (n int64, err error) { return s.Whole().WriteTo(w) }

// WriteTo writes head and chunks, in batches.
func (p *Parcel) WriteTo(w io.Writer) (n int64, err error) {
	buf := p.Head.Append(make([]byte, 0, min(len(p.body)+256, pump.Batch+wire.MaxChunk+64)))
	flush := func() error {
		m, err := w.Write(buf)
		n, buf = n+int64(m), buf[:0]
		return err
	}
	for c := range wire.Chunks(p.body) {
		buf = c.Append(buf)
		if len(buf) < pump.Batch {
			continue
		}
		if err := flush(); err != nil {
			return n, err
		}
		fault.Point(fault.SnapshotHalfSent)
	}
	return n, flush()
}

// Sealer seals the snapshots of one region and remembers the last ones, so that
// receivers who hold one of them get what has changed. The zero value is ready.
// It is for one goroutine at a time; what it returns is for any number.
type Sealer struct{ last []*encoding }

// Seal is like the function Seal, with deltas.
func (s *Sealer) Seal(epoch uint64, snap *buffer.Snapshot) *Sealed {
	e := encode(snap)
	if n := len(s.last); n > 0 && (s.last[n-1].epoch != e.epoch || s.last[n-1].index > e.index) {
		s.last = nil // another primary's, or it began anew
	}
	sealed := seal(epoch, snap, e, s.last)
	s.last = remember(s.last, e)
	return sealed
}

// remember adds e to the last ones, in the place of one with the same index.
func remember(last []*encoding, e *encoding) []*encoding {
	next := make([]*encoding, 0, remembered+1)
	for _, old := range last {
		if old.epoch == e.epoch && old.index != e.index {
			next = append(next, old)
		}
	}
	next = append(next, e)
	return next[max(0, len(next)-remembered):]
}

// Send writes the snapshot whole, on a stream of its own. It does not wait for
// the receiver.
func (c *Conn) Send(ctx context.Context, s *Sealed) error {
	st, err := c.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	_, err = s.WriteTo(st)
	if err == nil {
		err = st.Close()
	}
	if err != nil {
		st.CancelWrite(0)
		return verdict(st, err)
	}
	return nil
}

// SendTo sends a delta where the receiver holds the snapshot base (0: none), and
// where there is one that pays; and the whole otherwise, or when the receiver
// has not got that base after all. What it holds is what it has confirmed last.
// With a delta SendTo returns when the receiver, which must use Receiver.Receive,
// has it or refuses it for good.
func (c *Conn) SendTo(ctx context.Context, s *Sealed, base uint64) error {
	p, ok := s.Delta(base)
	if !ok {
		return c.Send(ctx, s)
	}
	err := c.sendDelta(ctx, p)
	if wire.CodeOf(err) == wire.CodeBadSnapshot {
		return c.Send(ctx, s)
	}
	return err
}

// sendDelta keeps the stream open until the receiver stops it.
func (c *Conn) sendDelta(ctx context.Context, p *Parcel) error {
	st, err := c.OpenUniStreamSync(ctx)
	if err != nil {
		return err
	}
	defer st.CancelWrite(0) // the end also of a stream that was stopped
	if _, err := p.WriteTo(st); err != nil {
		return verdict(st, err)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-st.Context().Done():
		return verdict(st, context.Cause(st.Context()))
	}
}

// verdict is what the receiver said with the code by which it stopped a stream,
// or err when it said nothing.
func verdict(st *quic.SendStream, err error) error {
	var stopped *quic.StreamError
	if !errors.As(context.Cause(st.Context()), &stopped) || !stopped.Remote {
		return err
	}
	if code := wire.Code(stopped.ErrorCode); code != wire.CodeNone {
		return &wire.Error{Code: code, Detail: "the receiver refused the snapshot"}
	}
	return nil
}
