package controller

import (
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/failover/mesh"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	KindLeading      Kind = "leading"   // this edge leads the mesh
	KindFollowing    Kind = "following" // it does not any more
	KindLevel        Kind = "level"
	KindSeats        Kind = "seats"
	KindAlert        Kind = "alert" // raised, repeated or cleared
	KindMoved        Kind = "moved"
	KindMoveFailed   Kind = "move_failed"
	KindDrained      Kind = "drained"
	KindLaunch       Kind = "launch"
	KindLaunchFailed Kind = "launch_failed"
)

// Event is what the controller of this edge has done or noticed.
type Event struct {
	At       time.Time
	Kind     Kind
	Region   string
	Server   string // incarnation: who leads now, should, or is drained
	From     string // incarnation: who led
	Why      mesh.Why
	Added    []string // seats
	Removed  []string
	Level    string
	Fidelity float64
	Alert    *mesh.Alert
	Detail   string // for people
	Lost     uint64 // events before this one that its reader was too slow for
}

// maxEvents is how far a reader may be behind. It covers a mesh of a hundred
// regions in which every one changes its seats at once, with its alerts.
const maxEvents = 512

// feed gives events to whoever wants them, and waits for nobody.
type feed struct {
	mu      sync.Mutex // guards the field below
	readers map[*reader]struct{}
}

type reader struct {
	ch   chan Event
	lost uint64
}

func newFeed() *feed { return &feed{readers: map[*reader]struct{}{}} }

// Events returns what happens from now on, until stop. Of a reader that is too slow
// the oldest events are lost, and the next one says how many.
func (r *Runner) Events() (events <-chan Event, stop func()) {
	f := r.feed
	one := &reader{ch: make(chan Event, maxEvents)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers[one] = struct{}{}
	return one.ch, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.readers, one)
	}
}

func (f *feed) tell(ev Event) {
	ev.At = time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for one := range f.readers {
		one.put(ev)
	}
}

// put never waits: nobody else sends.
func (r *reader) put(ev Event) {
	if len(r.ch) == cap(r.ch) {
		select {
		case old := <-r.ch:
			r.lost += 1 + old.Lost
		default: // it has been taken this moment
		}
	}
	ev.Lost, r.lost = r.lost, 0
	r.ch <- ev
}
