package history

import (
	"cmp"

	"github.com/reseat-proxy/reseat/bench/world"
)

// The game's books against what the clients recorded. Replicas' logs are looked
// at by the same checks, in check_log.go.

// checkDurable is promise 1. That a log has an action once is promise 2.
func checkDurable(r *run, f *findings) {
	primary := r.e.primary()
	if r.accounts == nil && primary == nil {
		f.lacks("neither books nor a dump of the primary")
		return
	}
	for _, p := range r.h.Players {
		if primary != nil {
			if have, mark := primary.row(p.Name).Have, p.mark(); have < mark {
				f.say("%s: durable up to %d, but the primary has only %d", p.Name, mark, have)
			}
		}
		if r.accounts == nil {
			continue
		}
		j := r.accounts[p.Name]
		for i := range p.Ops {
			if o := &p.Ops[i]; o.Durable != 0 && !r.wasRefused(o) && !j.Has(o.N) {
				f.say("%s: action %d (seq %d) is lost: durable, but not in the game", p.Name, o.N, o.Seq)
			}
		}
	}
}

// checkOnce is promise 2.
func checkOnce(r *run, f *findings) {
	if r.accounts == nil {
		f.lacks("no books")
		return
	}
	for _, a := range r.e.After.Books.Players {
		if a.Journal.Repeats > 0 {
			f.say("%s: %d actions applied twice", a.Player, a.Journal.Repeats)
		}
	}
	logsOnce(r, f)
}

// checkOrder is promise 3. A refused action is no gap.
func checkOrder(r *run, f *findings) {
	if r.accounts == nil {
		f.lacks("no books")
		return
	}
	for _, a := range r.e.After.Books.Players {
		if a.Journal.Late > 0 {
			f.say("%s: %d actions out of order", a.Player, a.Journal.Late)
		}
		p := r.players[a.Player]
		if p == nil {
			continue // promise 4
		}
		for i := range p.Ops {
			if o := &p.Ops[i]; o.N < a.Journal.Last && !a.Journal.Has(o.N) && !r.wasRefused(o) {
				f.say("%s: action %d skipped: never applied, though later ones were", a.Player, o.N)
			}
		}
	}
	logsOrder(r, f)
}

// checkSubmitted is promise 4.
func checkSubmitted(r *run, f *findings) {
	if r.accounts == nil {
		f.lacks("no books")
		return
	}
	if n := r.e.After.Books.Malformed; n > 0 {
		f.say("%d actions reached the game malformed", n)
	}
	for _, a := range r.e.After.Books.Players {
		p := r.players[a.Player]
		switch {
		case a.Journal.Applied == 0:
		case p == nil:
			f.say("%s: %d actions applied of a client that sent nothing", a.Player, a.Journal.Applied)
		case p.op(a.Journal.Last) == nil:
			f.say("%s: action %d was applied, but never sent", a.Player, a.Journal.Last)
		case whole(a.Journal) && altered(p.op(a.Journal.Last), a.Journal):
			f.say("%s: all actions up to %d are there once, but not as they were sent", a.Player, a.Journal.Last)
		}
	}
	logsSubmitted(r, f)
}

// whole tells whether the game has applied exactly 1..Last, in order; only then
// can the hashes be compared.
func whole(j world.Journal) bool {
	return j.Applied == j.Last && j.Repeats == 0 && j.Late == 0 && len(j.Missing) == 0
}

func altered(last *Op, j world.Journal) bool { return last.Chain != 0 && last.Chain != j.Hash }

// checkNumbers is promise 5, of clients and in all logs.
func checkNumbers(r *run, f *findings) {
	for _, p := range r.h.Players {
		for i := 1; i < len(p.Ops); i++ {
			if a, b := &p.Ops[i-1], &p.Ops[i]; cmp.Compare(a.Seq, b.Seq) >= 0 {
				f.say("%s: action %d got seq %d after action %d had got %d", p.Name, b.N, b.Seq, a.N, a.Seq)
			}
		}
	}
	logsNumbers(r, f)
}

// checkRows is promise 23: the row that refuses duplicates moves with the effect.
func checkRows(r *run, f *findings) {
	primary := r.e.primary()
	if r.accounts == nil || primary == nil {
		f.lacks("no books, or no dump of the primary")
		return
	}
	for _, p := range r.h.Players {
		have, last := primary.row(p.Name).Have, r.accounts[p.Name].Last
		for i := range p.Ops {
			o := &p.Ops[i]
			switch {
			case r.wasRefused(o):
			case o.Seq <= have && o.N > last:
				f.say("%s: the row says %d, but action %d (seq %d) has no effect", p.Name, have, o.N, o.Seq)
			case o.Seq > have && o.N <= last:
				f.say("%s: action %d (seq %d) had its effect, but the row says %d", p.Name, o.N, o.Seq, have)
			}
		}
	}
}

// checkTotals is promise 24.
func checkTotals(r *run, f *findings) {
	if r.e.Before == nil || r.e.After == nil {
		f.lacks("the books were not asked for twice")
		return
	}
	if before, after := r.e.Before.Books.Totals, r.e.After.Books.Totals; before != after {
		f.say("the conserved totals were %v and are %v", before, after)
	}
}
