package history

import (
	"fmt"
	"time"
)

// Counts say whether the interesting things happened in a run. As the Gate of a
// [Setup] they are the least of each.
type Counts struct {
	Players uint64 `json:"players"`
	Actions uint64 `json:"actions"`
	Durable uint64 `json:"durable"` // actions
	Unknown uint64 `json:"unknown"` // actions that were never confirmed to their client
	Rate    uint64 `json:"rate"`    // actions per second of all players before the first fault

	Faults            uint64 `json:"faults"`
	DoubleFaults      uint64 `json:"double_faults"` // that came before anybody served after the fault before
	Takeovers         uint64 `json:"takeovers"`
	TakeoversInFlight uint64 `json:"takeovers_in_flight"` // with one action or more that was sent, but not durable
	TakeoversResent   uint64 `json:"takeovers_resent"`    // in which two edges or more sent kept actions again
	Shrinks           uint64 `json:"shrinks"`             // of the in-sync set
	Grows             uint64 `json:"grows"`

	Holds            uint64 `json:"holds"` // as told to players, like the rest
	Reseats          uint64 `json:"reseats"`
	Losses           uint64 `json:"losses"` // of connections
	Resumes          uint64 `json:"resumes"`
	ResumesElsewhere uint64 `json:"resumes_elsewhere"` // on another edge
	Fulls            uint64 `json:"fulls"`             // times that an edge pushed back
	Refused          uint64 `json:"refused"`           // actions

	Duplicates uint64 `json:"duplicates"` // these by the servers' counters
	Stale      uint64 `json:"stale"`
	Gaps       uint64 `json:"gaps"`
}

// The names of the servers' counters in Evidence.
const (
	counterDuplicates = "duplicates"
	counterStale      = "stale"
	counterGaps       = "gaps"
	counterKept       = "kept_max"
)

// fields are all counts by name.
var fields = []struct {
	name string
	of   func(*Counts) uint64
}{
	{"players", func(c *Counts) uint64 { return c.Players }},
	{"actions", func(c *Counts) uint64 { return c.Actions }},
	{"durable actions", func(c *Counts) uint64 { return c.Durable }},
	{"actions of unknown outcome", func(c *Counts) uint64 { return c.Unknown }},
	{"actions per second before the first fault", func(c *Counts) uint64 { return c.Rate }},
	{"faults", func(c *Counts) uint64 { return c.Faults }},
	{"faults inside a takeover", func(c *Counts) uint64 { return c.DoubleFaults }},
	{"takeovers", func(c *Counts) uint64 { return c.Takeovers }},
	{"takeovers with actions in flight", func(c *Counts) uint64 { return c.TakeoversInFlight }},
	{"takeovers in which two edges re-sent", func(c *Counts) uint64 { return c.TakeoversResent }},
	{"shrinks of the in-sync set", func(c *Counts) uint64 { return c.Shrinks }},
	{"growths of the in-sync set", func(c *Counts) uint64 { return c.Grows }},
	{"holds", func(c *Counts) uint64 { return c.Holds }},
	{"reseats", func(c *Counts) uint64 { return c.Reseats }},
	{"lost connections", func(c *Counts) uint64 { return c.Losses }},
	{"resumes", func(c *Counts) uint64 { return c.Resumes }},
	{"resumes on another edge", func(c *Counts) uint64 { return c.ResumesElsewhere }},
	{"times of back-pressure", func(c *Counts) uint64 { return c.Fulls }},
	{"refused actions", func(c *Counts) uint64 { return c.Refused }},
	{"duplicates rejected", func(c *Counts) uint64 { return c.Duplicates }},
	{"stale messages refused", func(c *Counts) uint64 { return c.Stale }},
	{"gaps asked for", func(c *Counts) uint64 { return c.Gaps }},
}

// below says in words what did not happen often enough.
func (c *Counts) below(gate Counts) (out []string) {
	for _, f := range fields {
		if n, least := f.of(c), f.of(&gate); n < least {
			out = append(out, fmt.Sprintf("%s: %d, must be %d or more", f.name, n, least))
		}
	}
	return out
}

// Count counts what happened.
func Count(h *History, e *Evidence) Counts {
	c := Counts{
		Players: uint64(len(h.Players)), Faults: uint64(len(e.Faults)),
		Duplicates: e.Counters[counterDuplicates], Stale: e.Counters[counterStale], Gaps: e.Counters[counterGaps],
	}
	first := e.firstFault()
	var early uint64
	for _, p := range h.Players {
		c.connection(p)
		for i := range p.Ops {
			o := &p.Ops[i]
			c.Actions++
			if o.Durable != 0 {
				c.Durable++
			} else if o.Replied == 0 {
				c.Unknown++
			}
			if e.Started <= o.Sent && o.Sent < first {
				early++
			}
		}
	}
	if quiet := first - e.Started; quiet > 0 {
		c.Rate = uint64(float64(early) / time.Duration(quiet).Seconds())
	}
	c.takeovers(h, e)
	c.sets(e)
	c.doubles(e)
	return c
}

// connection counts what one player was told.
func (c *Counts) connection(p *Player) {
	edge := ""
	for _, news := range p.News {
		switch news.What {
		case Held:
			c.Holds++
		case Reseated:
			c.Reseats++
		case Lost:
			c.Losses++
		case Resumed:
			c.Resumes++
			if news.Edge != edge {
				c.ResumesElsewhere++
			}
		case Full:
			c.Fulls++
		case Refused:
			c.Refused++
		default: // counted by others, or no news of a connection
		}
		if news.What == Connected || news.What == Resumed {
			edge = news.Edge
		}
	}
}

func (c *Counts) takeovers(h *History, e *Evidence) {
	edges := map[int64]map[string]bool{} // that re-sent, by epoch
	for _, ev := range e.eventsOf(eventResent) {
		epoch := ev.Number("epoch")
		if edges[epoch] == nil {
			edges[epoch] = map[string]bool{}
		}
		if ev.Number("actions") > 0 {
			edges[epoch][ev.From] = true
		}
	}
	for _, ev := range e.takeovers() {
		c.Takeovers++
		if h.inFlight(ev.At.UnixNano()) {
			c.TakeoversInFlight++
		}
		if len(edges[ev.Number("epoch")]) >= 2 {
			c.TakeoversResent++
		}
	}
}

// inFlight tells whether any action was sent before a time and not durable then.
func (h *History) inFlight(at int64) bool {
	for _, p := range h.Players {
		for i := range p.Ops {
			if o := &p.Ops[i]; o.Sent <= at && (o.Durable == 0 || o.Durable > at) {
				return true
			}
		}
	}
	return false
}

func (c *Counts) sets(e *Evidence) {
	for i, sets := 1, e.eventsOf(eventInSync); i < len(sets); i++ {
		switch before, now := len(sets[i-1].Texts("members")), len(sets[i].Texts("members")); {
		case now < before:
			c.Shrinks++
		case now > before:
			c.Grows++
		}
	}
}

// doubles counts the faults that came before the last one was overcome.
func (c *Counts) doubles(e *Evidence) {
	serving := e.eventsOf(eventServing)
	for i := 1; i < len(e.Faults); i++ {
		from, to := e.Faults[i-1].At, e.Faults[i].At
		overcome, later := false, false
		for _, ev := range serving {
			at := ev.At.UnixNano()
			overcome = overcome || from < at && at <= to
			later = later || at > to
		}
		if !overcome && later {
			c.DoubleFaults++
		}
	}
}
