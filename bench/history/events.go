package history

import (
	"cmp"
	"slices"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// The events that checks read, and the attributes that they need. An event of
// another region (attribute "region") is passed over.
const (
	eventJoined      = "joined"      // a process began a life: incarnation
	eventElected     = "elected"     // a takeover's transaction went through: epoch, incarnation, members or cold
	eventServing     = "serving"     // epoch
	eventDown        = "down"        // an incarnation is over, by its own word: incarnation
	eventInSync      = "insync"      // a set was published: members (incarnations); cold: taken down
	eventForced      = "forced"      // a person forced a takeover
	eventQuarantined = "quarantined" // player, seq, attempts (servers that died of it)
	eventResent      = "resent"      // an edge has re-sent what it kept: epoch, actions
)

// eventsOf returns the region's events with one of the names, by time.
func (e *Evidence) eventsOf(names ...string) (out []fleet.Event) {
	for _, ev := range e.Events {
		other := ev.Has("region") && e.Region != "" && ev.Text("region") != e.Region
		if slices.Contains(names, ev.Name) && !other {
			out = append(out, ev)
		}
	}
	slices.SortStableFunc(out, func(a, b fleet.Event) int { return a.At.Compare(b.At) })
	return out
}

// takeovers are the elections after the players began.
func (e *Evidence) takeovers() (out []fleet.Event) {
	for _, ev := range e.eventsOf(eventElected) {
		if ev.At.UnixNano() > e.Started {
			out = append(out, ev)
		}
	}
	return out
}

// healed is when the last fault was over; 0: there was none.
func (e *Evidence) healed() (at int64) {
	for _, f := range e.Faults {
		at = max(at, f.At, f.Healed)
	}
	return at
}

// firstFault is when the first fault came; the end of the run if there was none.
func (e *Evidence) firstFault() int64 {
	if len(e.Faults) == 0 {
		return e.Ended
	}
	return slices.MinFunc(e.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) }).At
}
