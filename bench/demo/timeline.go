package demo

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Entry is one line of a timeline.
type Entry struct {
	At   time.Duration `json:"at_ns"` // since the fault
	Mark string        `json:"mark"`
	Text string        `json:"text"`
}

// The marks of entries.
const (
	markFault = "✗"
	markStep  = "·"
	markDone  = "✓"
	markHeal  = "↺"
)

// settleTime is how long a line waits for earlier ones: the processes' logs
// come by different ways, and on a busy machine some milliseconds apart.
const settleTime = 60 * time.Millisecond

// timeline shows what happens after a fault, in the order in which it happened.
// It may be used from any goroutine.
type timeline struct {
	screen *Screen

	mu      sync.Mutex
	fault   time.Time // offsets count from it; zero: nothing is shown
	waiting []Entry   // not shown yet
	shown   []Entry
}

// begin starts a new timeline and returns the one before it. What happened
// before the fault is not shown.
func (t *timeline) begin(fault time.Time) (before []Entry) {
	before = t.end()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fault = fault
	return before
}

// end shows everything, stops showing more, and returns the timeline.
func (t *timeline) end() []Entry {
	t.flush(time.Time{})
	t.mu.Lock()
	defer t.mu.Unlock()
	entries := t.shown
	t.shown, t.fault = nil, time.Time{}
	return entries
}

// soFar is the timeline up to now, which goes on.
func (t *timeline) soFar() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Concat(t.shown, t.waiting)
}

// add puts in a line. One that is there already is not said again.
func (t *timeline) add(at time.Time, mark, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == "" || t.fault.IsZero() || at.Before(t.fault) {
		return
	}
	e := Entry{At: at.Sub(t.fault), Mark: mark, Text: text}
	same := func(o Entry) bool { return o.Text == text }
	if slices.ContainsFunc(t.waiting, same) || slices.ContainsFunc(t.shown, same) {
		return
	}
	t.waiting = append(t.waiting, e)
}

// flush shows the lines that are old enough at now; all, if now is zero.
func (t *timeline) flush(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.waiting, func(a, b Entry) int { return int(a.At - b.At) })
	n := 0
	for ; n < len(t.waiting); n++ {
		e := t.waiting[n]
		if !now.IsZero() && now.Sub(t.fault)-e.At < settleTime {
			break
		}
		t.screen.Line("%s", t.screen.entry(e))
	}
	t.shown = append(t.shown, t.waiting[:n]...)
	t.waiting = slices.Delete(t.waiting, 0, n)
}

// entry draws a line of the timeline.
func (s *Screen) entry(e Entry) string {
	colors := map[string]style{markFault: red, markDone: green, markHeal: cyan}
	offset := fmt.Sprintf("%+10.1f ms", float64(e.At)/float64(time.Millisecond))
	return s.paint(dim, offset) + "  " + s.paint(colors[e.Mark], e.Mark+" "+e.Text)
}
