package history

import (
	"cmp"
	"slices"
)

// What clients heard, without any help by servers.

// checkMarks is promise 6.
func checkMarks(r *run, f *findings) {
	for _, p := range r.h.Players {
		var before uint64
		for _, m := range p.Marks {
			if m.Seq < before {
				f.say("%s: the durable mark fell from %d to %d", p.Name, before, m.Seq)
			}
			before = m.Seq
		}
	}
}

// checkBounds is promise 7.
func checkBounds(r *run, f *findings) {
	for _, p := range r.h.Players {
		i, submitted := 0, uint64(0)
		for _, m := range p.Marks {
			for ; i < len(p.Ops) && p.Ops[i].Call <= m.At; i++ {
				submitted = max(submitted, p.Ops[i].Seq)
			}
			if m.Seq > submitted {
				f.say("%s: %d is durable when only %d were sent", p.Name, m.Seq, submitted)
			}
		}
		for ; i < len(p.Ops); i++ {
			submitted = max(submitted, p.Ops[i].Seq)
		}
		for _, d := range r.e.members() {
			if row := d.row(p.Name); row.Durable > row.Have || row.Applied > row.Have || row.Have > submitted {
				f.say("%s: of %s %d are durable, %d applied, %d in the log, %d sent",
					d.From, p.Name, row.Durable, row.Applied, row.Have, submitted)
			}
		}
	}
}

// checkReseated is promise 8 as clients see it.
func checkReseated(r *run, f *findings) {
	for _, p := range r.h.Players {
		i, mark := 0, uint64(0)
		for _, news := range p.News {
			for ; i < len(p.Marks) && p.Marks[i].At <= news.At; i++ {
				mark = max(mark, p.Marks[i].Seq)
			}
			if news.What == Reseated && news.Seq < mark {
				f.say("%s: epoch %d began with %d applied, but %d was durable", p.Name, news.Epoch, news.Seq, mark)
			}
		}
	}
}

// checkHeard is promise 11: the epochs that a client hears never fall.
func checkHeard(r *run, f *findings) {
	type word struct {
		at    int64
		epoch uint64
	}
	told := false
	for _, p := range r.h.Players {
		var words []word
		for _, m := range slices.Concat(p.Marks, p.News, p.Strays) {
			words = append(words, word{m.At, m.Epoch})
		}
		for i := range p.Ops {
			for _, a := range p.Ops[i].replies() {
				words = append(words, word{a.At, a.Epoch})
			}
		}
		slices.SortFunc(words, func(a, b word) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.epoch, b.epoch)) })
		var before uint64
		for _, w := range words {
			if w.epoch == 0 {
				continue
			}
			told = true
			if w.epoch < before {
				f.say("%s: heard epoch %d after %d", p.Name, w.epoch, before)
			}
			before = w.epoch
		}
	}
	if !told {
		f.lacks("no epochs were recorded")
	}
}

// checkKept is promise 21: when an action was taken, the one that many before it
// had been durable. The library knows of room before the client's callback does,
// so this allows the setup's Lag.
func checkKept(r *run, f *findings) {
	kept := int(r.setup.Kept)
	for _, p := range r.h.Players {
		for i := kept; i < len(p.Ops); i++ {
			o, old := &p.Ops[i], &p.Ops[i-kept]
			if old.Durable == 0 || old.Durable > o.Sent+int64(r.setup.Lag) {
				f.say("%s: action %d was taken while more than %d were not durable", p.Name, o.N, kept)
			}
		}
	}
	if most := r.e.Counters[counterKept]; most > r.setup.Kept {
		f.say("an edge kept %d actions of one player", most)
	}
}

// checkForgotten is promise 22: what is not durable at the end is still kept.
func checkForgotten(r *run, f *findings) {
	told := false
	for _, p := range r.h.Players {
		i := slices.IndexFunc(p.News, func(n Record) bool { return n.What == Unsaved })
		if i < 0 || len(p.Ops) == 0 {
			continue
		}
		told = true
		kept, mark, last := p.News[i], p.mark(), p.Ops[len(p.Ops)-1].Seq
		if mark < last && (kept.First == 0 || kept.First > mark+1 || kept.Last < last) {
			f.say("%s: %d to %d are not durable, but the client keeps only %d to %d", p.Name, mark+1, last, kept.First, kept.Last)
		}
	}
	if !told {
		f.lacks("no client said what it still keeps")
	}
}

// checkReads is promise 25: an answer to an action counts at least all that was
// durable before the action was wanted.
func checkReads(r *run, f *findings) {
	for _, p := range r.h.Players {
		var covered uint64 // actions that have an effect and were durable at this call
		i := 0
		for j := range p.Ops {
			o := &p.Ops[j]
			for ; i < j && p.Ops[i].Durable != 0 && p.Ops[i].Durable < o.Call; i++ {
				if !r.wasRefused(&p.Ops[i]) {
					covered++
				}
			}
			for _, a := range o.replies() {
				if a.Applied != 0 && a.Applied < covered+1 {
					f.say("%s: the answer to action %d counts %d, but %d before it were durable", p.Name, o.N, a.Applied, covered)
				}
			}
		}
	}
}
