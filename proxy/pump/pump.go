// Package pump moves bytes from producers to one connection: one goroutine owns
// the writes, producers never block on I/O, and what gathers while a write is
// under way leaves in the next one.
//
// A Source is asked for bytes by the pump, under whatever lock governs them; so
// a queue that is a cursor (a player's log) needs no copy of itself in a
// buffer. Buffer is the Source for everything else.
package pump

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Source hands out what is to be written next.
type Source interface {
	// Fill appends to dst and returns it; nothing appended means nothing to do
	// until the next Wake. It must not keep dst.
	Fill(dst []byte) []byte
}

// Waker is a one-slot signal: a wake-up between "nothing to do" and "wait" is
// not lost, and many are one. The zero value is not usable; see NewWaker.
type Waker chan struct{}

// NewWaker returns a Waker.
func NewWaker() Waker { return make(Waker, 1) }

// Wake signals. It never blocks and may be called under any lock.
func (w Waker) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Batch is how many bytes a Source should hand out at once at the most, about
// the size at which a larger write gains nothing.
const Batch = 32 << 10

// Run writes what src hands out until ctx ends (it then returns the cause) or a
// write fails.
func Run(ctx context.Context, w io.Writer, wake Waker, src Source) error {
	var buf []byte
	for {
		buf = src.Fill(buf[:0])
		if len(buf) == 0 {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-wake:
			}
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		if cap(buf) > 4*Batch {
			buf = nil // one large frame must not pin its memory
		}
	}
}

// ErrFull is returned by Buffer.Append when the bound is reached: the peer does
// not read what it is sent.
var ErrFull = errors.New("pump: buffer is full")

// Buffer is a bounded byte queue and the Source of one pump. It is safe for
// concurrent use.
type Buffer struct {
	Waker
	max int

	mu    sync.Mutex // guards the fields below
	bytes []byte
	room  chan struct{} // closed by the next Fill; nil while nobody waits
}

// NewBuffer returns a Buffer that takes at most limit bytes.
func NewBuffer(limit int) *Buffer { return &Buffer{Waker: NewWaker(), max: limit} }

// Frame is anything that can append itself in wire form.
type Frame interface{ Append(dst []byte) []byte }

// Put appends whole frames that are already encoded, or nothing and ErrFull. The
// caller wakes the pump, when it has put all that is to leave together.
func (b *Buffer) Put(encoded []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bytes)+len(encoded) > b.max {
		return ErrFull
	}
	b.bytes = append(b.bytes, encoded...)
	return nil
}

// Add appends one frame and wakes the pump, or appends nothing and returns ErrFull.
func Add[F Frame](b *Buffer, f F) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.bytes)
	grown := f.Append(b.bytes)
	if len(grown) > b.max {
		b.bytes = grown[:before]
		return ErrFull
	}
	b.bytes = grown
	b.Wake()
	return nil
}

// Room waits until the buffer is at most half full, so that a producer which may
// wait never meets ErrFull. It returns the cause when ctx ends first.
func (b *Buffer) Room(ctx context.Context) error {
	for {
		b.mu.Lock()
		if len(b.bytes) <= b.max/2 {
			b.mu.Unlock()
			return nil
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-room:
		}
	}
}

// Len is the number of bytes that wait.
func (b *Buffer) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.bytes)
}

// Fill implements Source. It hands over everything that waits: the memory of the
// two sides is swapped by copying, so each keeps its own.
func (b *Buffer) Fill(dst []byte) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	dst = append(dst, b.bytes...)
	if cap(b.bytes) > 4*Batch {
		b.bytes = nil
	}
	b.bytes = b.bytes[:0]
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
	return dst
}
