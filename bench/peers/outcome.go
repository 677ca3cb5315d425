package peers

import (
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Outcome is what one fault was to the players of one contender.
type Outcome struct {
	Contender string       `json:"contender"`
	Load      measure.Load `json:"load"`
	Fault     string       `json:"fault"`
	Round     int          `json:"round"`

	Moved         int             `json:"moved"`            // players who could play on
	Interruptions []time.Duration `json:"interruptions_ns"` // of those
	Acked         int             `json:"acked"`            // actions that the players were told are done, in the whole run
	Missing       int             `json:"missing"`          // of those: the server that the player is on now does not know them
	Lost          int             `json:"lost"`
	Twice         int             `json:"twice"`
	Reconnects    int             `json:"reconnects"`

	Lag      time.Duration `json:"lag_ns"`   // how late the players' schedule ran, at most
	Delay    time.Duration `json:"delay_ns"` // the longest wait for a core of a process that measures, Lag included
	Void     bool          `json:"void"`     // that was too long
	Problems []string      `json:"problems,omitempty"`
}

// Never is how many players did not come back while we watched.
func (o Outcome) Never() int { return o.Load.Players - o.Moved }

// reckon compares what players were told with what two servers have done. The backup
// is the one that serves those who moved.
func reckon(a Accounts, fault string, at int64, primary, backup []action) (o Outcome) {
	w := judge.Window{Fault: fault, From: at, To: a.Ended}
	there := make(map[action]bool, len(backup))
	for _, act := range backup {
		there[act] = true
	}
	o.Twice = len(primary) + len(backup) - distinct(primary, backup)
	o.Lag, o.Delay = a.Lag, a.Delay
	for _, p := range a.Players {
		moved, acked, missing, lost := false, 0, 0, 0
		for i, s := range p.Samples {
			switch {
			case s.Durable != 0:
				acked++
				moved = moved || s.Intended > at
				if !there[action{p.Player, uint32(i) + 1}] {
					missing++
				}
			case s.Sent != 0:
				lost++
			}
		}
		o.Acked += acked
		o.Reconnects += p.Reconnects
		if moved {
			o.Moved++
			o.Missing, o.Lost = o.Missing+missing, o.Lost+lost
			o.Interruptions = append(o.Interruptions, judge.Measure("", p.Samples, w, a.Now).Durable)
		}
	}
	return o
}

// distinct is how many different actions there are.
func distinct(lists ...[]action) int {
	all := map[action]struct{}{}
	for _, list := range lists {
		for _, a := range list {
			all[a] = struct{}{}
		}
	}
	return len(all)
}
