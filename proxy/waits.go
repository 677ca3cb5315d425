package proxy

import (
	"time"
)

// What players wait for their actions. All of it is measured under the region's lock
// where that is held anyway, and costs an action a comparison or two.

// WaitBounds are the upper bounds of the buckets of a Histogram, but of the last: what
// is longer than all of them.
var WaitBounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second,
}

// Histogram counts durations by how long they were.
type Histogram struct {
	Counts [len(WaitBounds) + 1]uint64
	Sum    time.Duration
}

func (h *Histogram) add(d time.Duration) {
	i := 0
	for i < len(WaitBounds) && d > WaitBounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
}

// Waits are how long the players of a region waited.
type Waits struct {
	// Durable: from the moment when this edge took an action until it was durable,
	// while a primary served. One action of each player at a time is timed, and none
	// that was sent twice.
	Durable Histogram
	// Stall: how long the oldest action of a player waited to be durable that was kept
	// when the region got a primary again; so it begins before the loss was noticed. Who
	// did not act waited for nothing, and who left before the end is not in it.
	Stall Histogram
}

// Waits returns how long the players of a region waited so far; zero for one that is
// not served here.
func (e *Edge) Waits(region string) Waits {
	r := e.regions[region]
	if r == nil {
		return Waits{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waits
}

// timed is the action of a session whose way is timed. The zero value: none is.
type timed struct {
	seq uint64
	at  time.Time // when it was taken
}

// taken begins to time an action that was taken.
func (s *session) taken(seq uint64, now time.Time) {
	if s.attached && s.timed.seq == 0 {
		s.timed = timed{seq, now}
	}
}

// measure counts the way of the action that is timed, if it is durable now. The
// caller holds r.mu.
func (r *region) measure(s *session, durable uint64) {
	if t := &s.timed; t.seq != 0 && durable >= t.seq {
		r.waits.Durable.add(time.Since(t.at))
		t.seq = 0
	}
}
