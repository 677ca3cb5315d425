package history

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// What the processes' logs say about who was in charge.

// checkEpochs is promise 9.
func checkEpochs(r *run, f *findings) {
	elected := r.e.eventsOf(eventElected)
	if len(elected) == 0 {
		f.lacks("no elections in the logs")
		return
	}
	holder := map[int64]fleet.Event{}
	var before int64
	for _, ev := range elected {
		epoch := ev.Number("epoch")
		if other, taken := holder[epoch]; taken {
			f.say("epoch %d was taken by %s and by %s", epoch, who(other), who(ev))
		} else if epoch <= before {
			f.say("%s took epoch %d after epoch %d", who(ev), epoch, before)
		}
		holder[epoch] = ev
		before = max(before, epoch)
	}
	primaries := 0
	for _, d := range r.e.Dumps {
		if !d.Primary {
			continue
		}
		if primaries++; primaries > 1 {
			f.say("%s and %s both call themselves primary", r.e.primary().From, d.From)
		}
		if ev, ok := holder[int64(d.Epoch)]; ok && ev.Text("incarnation") != d.Incarnation {
			f.say("%s serves epoch %d, which %s took", d.From, d.Epoch, who(ev))
		}
	}
}

func who(ev fleet.Event) string {
	if inc := ev.Text("incarnation"); inc != "" {
		return ev.From + "/" + inc
	}
	return ev.From
}

// checkEmptySet is promise 12 for the empty set: with output commit nothing
// becomes durable while no backup is in sync.
func checkEmptySet(r *run, f *findings) {
	sets := r.e.eventsOf(eventInSync)
	switch {
	case !r.setup.Strict:
		f.lacks("without output commit snapshots at the edges make actions durable, too")
		return
	case len(sets) == 0:
		f.lacks("no in-sync sets in the logs")
		return
	}
	empty := func(set fleet.Event) bool { return len(set.Texts("members")) == 0 }
	lag := int64(r.setup.Lag)
	for i, set := range sets {
		if !empty(set) || i > 0 && empty(sets[i-1]) {
			continue
		}
		from, to := set.At.UnixNano()+lag, int64(0)
		if j := slices.IndexFunc(sets[i:], func(s fleet.Event) bool { return !empty(s) }); j > 0 {
			to = sets[i+j].At.UnixNano() - lag
		}
		for _, p := range r.h.Players {
			for j := range p.Ops {
				if o := &p.Ops[j]; o.Call > from && o.Durable != 0 && (to == 0 || o.Durable < to) {
					f.say("%s: action %d became durable while no backup was in sync", p.Name, o.N)
				}
			}
		}
	}
}

// checkFenced is promise 13, as late as a client can tell.
func checkFenced(r *run, f *findings) {
	end := map[uint64]int64{} // of epochs: the last moment that their output may be heard
	elected := r.e.eventsOf(eventElected)
	for _, down := range r.e.eventsOf(eventDown) {
		for _, ev := range elected {
			if ev.Text("incarnation") == down.Text("incarnation") && !ev.At.After(down.At) {
				end[uint64(ev.Number("epoch"))] = down.At.UnixNano() + int64(r.setup.Flight)
			}
		}
	}
	if len(end) == 0 {
		f.lacks("no primary said that it ended")
		return
	}
	late := func(p *Player, what string, epoch uint64, at int64) {
		if limit, over := end[epoch]; over && at > limit {
			f.say("%s: heard %s of epoch %d %v after its primary had ended", p.Name, what, epoch,
				time.Duration(at-limit)+r.setup.Flight)
		}
	}
	for _, p := range r.h.Players {
		for _, m := range p.Marks {
			late(p, "a durable mark", m.Epoch, m.At)
		}
		for i := range p.Ops {
			for _, a := range p.Ops[i].replies() {
				late(p, "an answer", a.Epoch, a.At)
			}
		}
	}
}

// checkElected is promise 15. The set is the one that the transaction checked,
// if the event tells it, else the last one in the logs.
func checkElected(r *run, f *findings) {
	var set []string
	known, judged, forced := false, false, false
	for _, ev := range r.e.eventsOf(eventInSync, eventElected, eventForced) {
		switch ev.Name {
		case eventInSync:
			set, known = ev.Texts("members"), !ev.Flag("cold") // a cold region is open to all who get a snapshot
		case eventForced:
			forced = true
		case eventElected:
			checked, told := set, known
			switch {
			case ev.Flag("cold"):
				told = false
			case ev.Has("members"):
				checked, told = ev.Texts("members"), true
			}
			judged = judged || told
			if told && !forced && !slices.Contains(checked, ev.Text("incarnation")) {
				f.say("%s took epoch %d, but the in-sync set was %v", who(ev), ev.Number("epoch"), checked)
			}
			forced = false
		}
	}
	if !judged {
		f.lacks("no in-sync sets in the logs")
	}
}

// checkIncarnations is promise 16.
func checkIncarnations(r *run, f *findings) {
	joined, over := map[string]fleet.Event{}, map[string]bool{}
	for _, ev := range r.e.eventsOf(eventJoined, eventDown, eventElected) {
		inc := ev.Text("incarnation")
		if inc == "" {
			continue
		}
		switch ev.Name {
		case eventJoined:
			if first, again := joined[inc]; again {
				f.say("incarnation %s joined as %s and again as %s", inc, first.From, ev.From)
			}
			joined[inc] = ev
		case eventDown:
			over[inc] = true
		case eventElected:
			if over[inc] {
				f.say("%s took epoch %d after its end", who(ev), ev.Number("epoch"))
			}
		}
	}
	if len(joined) == 0 {
		f.lacks("nobody joined in the logs")
	}
}

// checkQuiet is promise 29.
func checkQuiet(r *run, f *findings) {
	switch {
	case len(r.e.Faults) > 0:
		f.lacks("there were faults")
		return
	case r.e.Started == 0:
		f.lacks("nobody said when the players began")
		return
	}
	for _, ev := range r.e.takeovers() {
		f.say("%s took epoch %d without a fault", who(ev), ev.Number("epoch"))
	}
	for _, p := range r.h.Players {
		for _, news := range p.News {
			if news.At > r.e.Started && (news.What == Held || news.What == Reseated) {
				f.say("%s: was %s without a fault", p.Name, news.What)
			}
		}
	}
}
