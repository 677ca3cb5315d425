package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Failover is what became of one region in a round: another server serves it.
type Failover struct {
	Region   string `json:"region"`
	Players  int    `json:"players"`
	Critical bool   `json:"critical,omitempty"`
	Score    uint64 `json:"score"` // how urgent the controller called it; 0: it said nothing
	Rank     int    `json:"rank"`  // among the regions of the round: 1 is to be served first

	From        string `json:"from"` // servers
	To          string `json:"to"`
	EpochBefore uint64 `json:"epoch_before"`
	EpochAfter  uint64 `json:"epoch_after"`
	Hot         bool   `json:"hot"` // the new primary had everything and was restored from nothing

	Noticed time.Duration `json:"noticed_ns"` // since the fault: until any process did; 0: none said so
	Elected time.Duration `json:"elected_ns"`
	Serves  time.Duration `json:"serves_ns"`
	Back    time.Duration `json:"back_ns"` // until all of its players could play on
	Stages  []Stage       `json:"stages,omitempty"`

	heir string // who was elected last
}

// Cover is who has the state of a region.
type Cover struct {
	Region  string   `json:"region"`
	Primary string   `json:"primary"` // servers
	InSync  []string `json:"in_sync"`
}

// covers are those of all regions, as they stand.
func covers(now []standing) (out []Cover) {
	for _, r := range now {
		out = append(out, Cover{r.Name, r.leader, r.members})
	}
	return out
}

// begin begins a round.
func (s *stage) begin(at time.Time, planned bool) {
	s.timeline.begin(at)
	s.update(func(k *known) {
		k.began, k.planned, k.back, k.levels = at, planned, false, nil
		clear(k.moves)
	})
}

// concern adds the regions that some servers lead to those of the round, and ranks
// them all anew.
func (s *stage) concern(now []standing, servers []string) {
	s.update(func(k *known) {
		for _, r := range now {
			if !slices.Contains(servers, r.leader) || k.moves[r.Name] != nil {
				continue
			}
			k.moves[r.Name] = &Failover{
				Region: r.Name, Players: r.Players, Critical: r.Critical, Score: r.score,
				From: r.leader, EpochBefore: r.epoch,
			}
		}
		rank := 0
		for _, r := range slices.SortedFunc(slices.Values(now), urgency) {
			if f := k.moves[r.Name]; f != nil {
				rank++
				f.Rank = rank
			}
		}
	})
}

// take takes in what a primary says of itself, in a round that began at a time.
func (f *Failover) take(e fleet.Event, began time.Time) {
	f.notice(e, began)
	if uint64(e.Number("epoch")) <= f.EpochBefore {
		return
	}
	switch e.Name {
	case "elected":
		f.heir, f.Elected = e.From, e.At.Sub(began)
	case "serving":
		f.To, f.Serves, f.EpochAfter = e.From, e.At.Sub(began), uint64(e.Number("epoch"))
	}
}

// end ends a round: it returns what became of its regions, in the order in which
// they were served again, and on which levels the mesh was.
func (s *stage) end() (out []Failover, levels []Level) {
	s.update(func(k *known) {
		for name, f := range k.moves {
			r := k.regions[name]
			f.EpochAfter = max(f.EpochAfter, r.view.Epoch)
			f.Hot = f.EpochAfter > f.EpochBefore && !r.restored.After(k.began)
			out = append(out, *f)
		}
		levels = k.levels
	})
	slices.SortFunc(out, func(a, b Failover) int { return cmp.Or(cmp.Compare(a.Serves, b.Serves), cmp.Compare(a.Rank, b.Rank)) })
	return out, levels
}

// summarize says what an event means where there are several regions: of each that
// fails only that it is served again, and that it has its backups again.
func (k *known) summarize(e fleet.Event) string {
	r := k.regions[e.Text("region")]
	if r == nil {
		return ""
	}
	f := k.moves[r.Name]
	switch {
	case e.Name == "serving" && (f == nil || k.back):
		text := fmt.Sprintf("%-*s is served by %s now, in epoch %d", k.width, r.Name, e.From, e.Number("epoch"))
		if !k.page {
			text += ": nobody has asked for that"
		}
		return text
	case e.Name == "serving" && f.To == e.From:
		if k.planned {
			return fmt.Sprintf("%-*s is served by %-9s  %s", k.width, r.Name, e.From, plural(f.Players, "player"))
		}
		return fmt.Sprintf("%-*s is served by %-9s  rank %s", k.width, r.Name, e.From, f.rank(len(k.moves)))
	case e.Name == "insync":
		return k.protection(r)
	case e.Name == "quarantined":
		return tell(e, k.names)
	}
	return ""
}

// rank is "2 of 5: score 1,010, 10 players". A critical region's score says no more
// than that it is one.
func (f *Failover) rank(of int) string {
	var why []string
	switch {
	case f.Critical:
		why = append(why, "critical")
	case f.Score > 0:
		why = append(why, "score "+grouped(f.Score))
	}
	why = append(why, plural(f.Players, "player"))
	return fmt.Sprintf("%d of %d: %s", f.Rank, of, strings.Join(why, ", "))
}

// quarters are the steps in which it is told that many regions are protected again.
const quarters = 4

// protection says that a region has all its backups again, when it has not had
// them before.
func (k *known) protection(r *told) string {
	if r.full || k.living(r.set) < r.wants(len(k.lives), nil) {
		return ""
	}
	r.full = true
	full := 0
	for _, other := range k.regions {
		if other.full {
			full++
		}
	}
	if all := len(k.regions); all > introduced {
		if full*quarters/all == (full-1)*quarters/all {
			return ""
		}
		return fmt.Sprintf("%d of %d regions have all their backups again", full, all)
	}
	var joined []string
	for _, id := range r.set {
		if !slices.Contains(r.before, id) {
			joined = append(joined, k.names.of(id))
		}
	}
	if len(joined) == 0 {
		return "" // whoever was struck had left the set before
	}
	slices.Sort(joined)
	return fmt.Sprintf("%-*s has all its backups again, with %s (%d of %d regions)", k.width, r.Name, list(joined), full, len(k.regions))
}
