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
	// when the region lost its primary, or that came while it had none; so it begins
	// before the loss was noticed. Who did not act waited for nothing, and who left
	// before the end is not in it.
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

// timed is what is measured of a session. The zero value measures nothing now.
type timed struct {
	seq     uint64    // the action that is timed; 0: none
	at      time.Time // when it was taken
	stalled time.Time // since when the player waits for a primary; zero: he does not
}

// taken begins to measure with an action that was taken.
func (s *session) taken(seq uint64, now time.Time) {
	switch t := &s.timed; {
	case s.attached && t.seq == 0:
		t.seq, t.at = seq, now
	case !s.attached && s.arrival == nil && t.stalled.IsZero():
		t.stalled = now
	}
}

// stall notes that the player's region has lost its primary. What he has sent will be
// sent again: an ack would not tell of which of the two it is.
func (s *session) stall() {
	s.timed.seq = 0
	if s.actions == nil || !s.timed.stalled.IsZero() {
		return
	}
	if at, kept := s.actions.Oldest(); kept {
		s.timed.stalled = at
	}
}

// measure counts what a durable mark ends. The caller holds r.mu.
func (r *region) measure(s *session, seq uint64) {
	t := &s.timed
	done := t.seq != 0 && seq >= t.seq
	if !done && t.stalled.IsZero() {
		return
	}
	now := time.Now()
	if done {
		r.waits.Durable.add(now.Sub(t.at))
		t.seq = 0
	}
	if !t.stalled.IsZero() {
		r.waits.Stall.add(now.Sub(t.stalled))
		t.stalled = time.Time{}
	}
}
