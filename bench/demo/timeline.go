package demo

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
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
func (t *timeline) begin(fault time.Time, text string) (before []Entry) {
	before = t.end()
	t.mu.Lock()
	t.fault = fault
	t.mu.Unlock()
	t.add(fault, markFault, text)
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

// names turns incarnations into the names of servers.
type names map[string]string

func (n names) of(incarnation string) string {
	if name := n[incarnation]; name != "" {
		return name
	}
	return "a server"
}

// words say what an event means to a person who watches; empty: nothing. What
// is not in here is not shown.
var words = map[string]func(e fleet.Event, n names) string{
	"game_down": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("sidecar of %s notices: %s", e.From, reason(e))
	},
	"down": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s gives up: %s", e.From, reason(e))
	},
	"suspect": func(e fleet.Event, n names) string {
		if !e.Has("primary") {
			return "" // a backup repeats what a witness told it
		}
		return fmt.Sprintf("%s suspects %s: %s", e.From, n.of(e.Text("primary")), reason(e))
	},
	"detected": func(e fleet.Event, n names) string {
		return fmt.Sprintf("%s has two witnesses against %s: %s", e.From, n.of(e.Text("primary")), reason(e))
	},
	"held": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s keeps the actions of %s, %s so far", e.From, plural(e.Number("players"), "player"), grouped(e.Number("actions")))
	},
	"elected": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s elected, epoch %d", e.From, e.Number("epoch"))
	},
	"restored": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s has the newest snapshot, %s", e.From, bytesOf(e.Number("bytes")))
	},
	"serving": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s serves epoch %d", e.From, e.Number("epoch"))
	},
	"switch": func(e fleet.Event, n names) string {
		return fmt.Sprintf("%s switches %s to %s", e.From, plural(e.Number("players"), "player"), n.of(e.Text("primary")))
	},
	"resent": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s has re-sent %s of %s", e.From, plural(e.Number("actions"), "kept action"), plural(e.Number("players"), "player"))
	},
	"joined": func(e fleet.Event, _ names) string { return e.From + " is back, as a backup" },
}

// reasons are the codes of the protocol in words.
var reasons = map[string]string{
	"game_exit":    "the game process ended",
	"game_hang":    "the game missed its heartbeats",
	"game_fault":   "the game could not go on",
	"refused":      "nothing listens at its port",
	"silence":      "it is silent",
	"no_lock":      "nobody holds the lock",
	"deposed":      "there is a newer primary",
	"drain":        "planned",
	"link_closed":  "it closed its links",
	"session_lost": "its session is gone",
	"shutdown":     "it stops",
}

func reason(e fleet.Event) string {
	code := e.Text("reason")
	if text := reasons[code]; text != "" {
		return text
	}
	return code
}
