// Package judge decides whether a run kept the promises, from two accounts that
// know nothing of each other: what the clients wrote down while they played
// ([Ledger]), and what the game says at the end ([world.Books]). It sees neither
// logs nor metrics of the proxy, and it is pure: the same accounts, the same
// [Verdict].
//
// A client numbers its actions itself: 1, 2, 3 … The promises, in these terms:
//
//	lost       durable for the client, but not in the game
//	unsettled  sent, but not durable when the run had ended
//	doubled    carried out again
//	reordered  carried out after an action that came later
//	skipped    passed over: a later action was carried out, this one never
//	altered    all actions are there once and in order, but not as they were sent
//	invented   carried out, but never sent
//	rerolled   the player saw what chance gave, and the game says otherwise
//
// The package also measures how long players had to wait: see [Stalls].
package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/bench/world"
)

// Verdict is the outcome of a run. Counts are of actions unless they say
// otherwise; all from Lost to Malformed must be 0, unless an [Allowance] says
// otherwise.
type Verdict struct {
	Players int    `json:"players"`
	Sent    uint64 `json:"sent"`
	Durable uint64 `json:"durable"`
	Applied uint64 `json:"applied"` // by the game, repeats included

	Lost        uint64 `json:"lost"`
	Unsettled   uint64 `json:"unsettled"`
	Doubled     uint64 `json:"doubled"`
	Reordered   uint64 `json:"reordered"`
	Skipped     uint64 `json:"skipped"`
	Altered     uint64 `json:"altered"` // players
	Invented    uint64 `json:"invented"`
	Rolls       uint64 `json:"rolls"` // that players saw
	Rerolled    uint64 `json:"rerolled"`
	Refused     uint64 `json:"refused"`
	Fell        uint64 `json:"fell"`
	Strays      uint64 `json:"strays"`
	Disconnects uint64 `json:"disconnects"`
	Resumes     uint64 `json:"resumes"` // of the disconnects
	Ended       uint64 `json:"ended"`   // players
	Malformed   uint64 `json:"malformed"`

	Before world.Totals `json:"before"`
	After  world.Totals `json:"after"`

	// Violations says each broken promise in words; empty means that the run is good.
	Violations []string `json:"violations"`

	allowed Allowance
}

// OK tells whether every promise was kept.
func (v *Verdict) OK() bool { return len(v.Violations) == 0 }

// maxViolations bounds the list: who reads more than this?
const maxViolations = 20

// Judge compares what the clients wrote down with what the game says. before
// are the books of an audit from before the first fault, after those of one
// from when everything had settled.
func Judge(ledgers []Ledger, before, after world.Books, allow ...Allowance) Verdict {
	v := Verdict{
		Players: len(ledgers), Malformed: after.Malformed,
		Before: before.Totals, After: after.Totals, Violations: []string{},
	}
	for _, a := range allow {
		v.allowed |= a
	}
	accounts := make(map[string]world.Account, len(after.Players))
	for _, a := range after.Players {
		accounts[a.Player] = a
	}
	for _, l := range sorted(ledgers) {
		v.compare(l, accounts[l.Player])
		delete(accounts, l.Player)
	}
	for _, a := range after.Players {
		if _, unclaimed := accounts[a.Player]; unclaimed && a.Journal.Applied > 0 {
			v.Applied += a.Journal.Applied
			v.count(&v.Invented, a.Journal.Applied, a.Player, "%s carried out for a client that sent nothing")
		}
	}
	if v.Malformed > 0 {
		v.violate("%s reached the game malformed", plural(v.Malformed, "action"))
	}
	if v.Before != v.After {
		v.violate("the conserved totals were %v and are %v", v.Before, v.After)
	}
	return v
}

// compare holds one client's ledger against the game's account of it.
func (v *Verdict) compare(l Ledger, a world.Account) {
	j := a.Journal
	v.Sent += l.Sent
	v.Durable += l.Durable
	v.Applied += j.Applied
	lost, skipped := absent(l, j)
	v.count(&v.Lost, lost, l.Player, "%s lost: durable, but not in the game")
	v.count(&v.Skipped, skipped, l.Player, "%s skipped: never carried out, though later ones were")
	v.count(&v.Unsettled, l.Sent-min(l.Sent, l.Durable), l.Player, "%s not durable at the end")
	v.count(&v.Doubled, j.Repeats, l.Player, "%s applied twice")
	v.count(&v.Reordered, j.Late, l.Player, "%s out of order")
	v.count(&v.Invented, j.Last-min(j.Last, l.Sent), l.Player, "%s carried out, but never sent")
	v.rolls(l, a)
	if whole(l, j) && l.Hash != j.Hash {
		v.Altered++
		v.violate("%s: all actions are there once, but not as they were sent", l.Player)
	}
	v.refusals(l, j)
	v.session(l)
}

// rolls compares what the player was told with what the game remembers.
func (v *Verdict) rolls(l Ledger, a world.Account) {
	for _, roll := range l.Rolls.All() {
		if roll != 0 {
			v.Rolls++
		}
	}
	again := l.Contradicted + rerolled(l, a)
	if v.allowed&AllowRerolls != 0 {
		v.Rerolled += again
		return
	}
	v.count(&v.Rerolled, again, l.Player, "%s rolled otherwise than the player saw")
}

// refusals looks at the actions that the client was refused.
func (v *Verdict) refusals(l Ledger, j world.Journal) {
	n := uint64(len(l.Refused))
	if v.allowed&AllowRefusals == 0 {
		v.count(&v.Refused, n, l.Player, "%s refused")
		return
	}
	v.Refused += n
	var done uint64
	for _, r := range l.Refused {
		if j.Has(r) {
			done++
		}
	}
	if done > 0 {
		v.violate("%s: %s refused, but carried out", l.Player, plural(done, "action"))
	}
}

// session looks at what the client heard besides answers.
func (v *Verdict) session(l Ledger) {
	if v.Fell += l.Fell; l.Fell > 0 {
		v.violate("%s: the durable mark went wrong %s", l.Player, plural(l.Fell, "time"))
	}
	if v.Strays += l.Strays; l.Strays > 0 {
		v.violate("%s: %s to no action of its own", l.Player, plural(l.Strays, "answer"))
	}
	v.Disconnects += l.Disconnects
	v.Resumes += l.Resumes
	switch {
	case v.allowed&AllowResumes == 0 && l.Disconnects > 0:
		v.violate("%s: disconnected %s", l.Player, plural(l.Disconnects, "time"))
	case l.Disconnects > l.Resumes:
		v.violate("%s: disconnected %s, but resumed only %d", l.Player, plural(l.Disconnects, "time"), l.Resumes)
	}
	if l.Ended != "" {
		v.Ended++
		v.violate("%s: the session ended: %s", l.Player, l.Ended)
	}
}

// count adds n to a count, and says it when it is not 0. format takes the
// number of actions in words.
func (v *Verdict) count(sum *uint64, n uint64, player, format string) {
	if *sum += n; n > 0 {
		v.violate("%s: "+format, player, plural(n, "action"))
	}
}

func (v *Verdict) violate(format string, args ...any) {
	switch len(v.Violations) {
	case maxViolations:
	case maxViolations - 1:
		v.Violations = append(v.Violations, "… and more")
	default:
		v.Violations = append(v.Violations, fmt.Sprintf(format, args...))
	}
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sorted(ledgers []Ledger) []Ledger {
	return slices.SortedFunc(slices.Values(ledgers), func(a, b Ledger) int { return cmp.Compare(a.Player, b.Player) })
}
