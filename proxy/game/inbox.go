package game

import (
	"context"
	"sync"

	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// The bounds of an inbox. It only has to keep the region busy while the reader
// fetches more; what waits beyond that waits in the socket and in the players'
// logs, where it is counted and where the player is told.
const (
	maxEvents = 1024
	maxBytes  = 256 << 10
)

// event is a frame for a region on its way from the socket reader to the
// region's goroutine.
type event struct {
	kind    wire.Type // TypeDo, TypeArrive, TypeOutcome, TypeJoin, TypeLeave, TypeCut, TypePromote or TypeMode
	handle  uint64
	number  uint64 // Do, Arrive: log index; Outcome: To; Cut: N; Promote: epoch; Mode: Level
	from    uint64 // Outcome: From
	seq     uint64 // Do; Mode: Fidelity
	here    bool   // Join
	player  string // Join
	payload []byte // Do, Arrive, Outcome; in the data of the batch
}

// batch is a run of events, with the memory of their payloads.
type batch struct {
	events []event
	data   []byte
}

// add copies payload. When data has to grow, the payloads already added stay
// where they are, in the old memory.
func (b *batch) add(ev event, payload []byte) {
	start := len(b.data)
	b.data = append(b.data, payload...)
	ev.payload = b.data[start:len(b.data):len(b.data)]
	b.events = append(b.events, ev)
}

func (b *batch) reset() { b.events, b.data = b.events[:0], b.data[:0] }

func (b *batch) full() bool { return len(b.events) >= maxEvents || len(b.data) >= maxBytes }

// inbox is the bounded queue of a region. Two batches take turns: one fills
// while the region works on the other, so nothing is allocated per action.
type inbox struct {
	wake pump.Waker

	mu   sync.Mutex // guards the fields below
	next batch
	room chan struct{} // closed by the next take; nil while nobody waits
}

func newInbox() *inbox { return &inbox{wake: pump.NewWaker()} }

// put queues an event; it waits while the inbox is full, and fails only with
// the cause of ctx.
func (in *inbox) put(ctx context.Context, ev event, payload []byte) error {
	for {
		room := in.offer(ev, payload)
		if room == nil {
			in.wake.Wake()
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// offer queues an event, or returns a channel that is closed when there is room.
func (in *inbox) offer(ev event, payload []byte) <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.next.full() {
		in.next.add(ev, payload)
		return nil
	}
	if in.room == nil {
		in.room = make(chan struct{})
	}
	return in.room
}

// take returns all that waits, in exchange for the batch that was taken before.
func (in *inbox) take(old batch) batch {
	old.reset()
	in.mu.Lock()
	defer in.mu.Unlock()
	taken := in.next
	in.next = old
	if in.room != nil {
		close(in.room)
		in.room = nil
	}
	return taken
}
