package demo

import (
	"fmt"
	"strings"
)

// happened looks for signs that the run proves nothing: a demo in which no
// server failed while there was something to lose is no success.
func (r *Report) happened() (problems []string) {
	inFlight := 0
	for _, f := range r.Faults {
		inFlight += f.InFlight
	}
	if r.Settings.Page {
		return r.short() // nothing has to happen
	}
	for i, round := range r.Rounds {
		if problem := round.missed(); problem != "" {
			problems = append(problems, fmt.Sprintf("round %d (%s): %s", i+1, round.Fault, problem))
		}
	}
	if n := r.Dropped(); n > 0 {
		problems = append(problems, plural(n, "connection")+" lost that no death of an edge explains")
	}
	if asked := r.asked(); len(r.Rounds) < asked {
		problems = append(problems, fmt.Sprintf("only %d of %s took place", len(r.Rounds), plural(asked, "round")))
	}
	if len(r.Rounds) > 0 && inFlight == 0 && r.usuallyInFlight() >= enough {
		problems = append(problems, "no action was in flight when the faults came: nothing was at stake")
	}
	return append(problems, r.short()...)
}

// short tells whether the players could not do what they wanted.
func (r *Report) short() (problems []string) {
	if r.Verdict.Sent < r.Scheduled/2 {
		problems = append(problems, fmt.Sprintf("the players sent only %s of %s: the machine, or the edge's push-back, slowed them down",
			grouped(r.Verdict.Sent), plural(r.Scheduled, "action")))
	}
	return problems
}

// asked is how many rounds should have taken place.
func (r *Report) asked() (n int) {
	for _, fault := range r.Settings.Faults {
		if fault == rollingName {
			n += r.Settings.Servers
			continue
		}
		n++
	}
	return n * r.Settings.Rounds
}

// missed says what should have happened in a round and did not.
func (r *Round) missed() string {
	if len(r.Untrue) > 0 {
		return strings.Join(r.Untrue, "; ")
	}
	if len(r.Edges) > 0 && r.lost() == 0 {
		return "nobody was on the edge that failed"
	}
	if !r.Planned && len(r.Servers) > 0 && len(r.Regions) == 0 {
		return "no region was led by a server that failed"
	}
	for _, f := range r.Regions {
		switch {
		case f.EpochAfter <= f.EpochBefore:
			return fmt.Sprintf("no failover of %s happened, the epoch is still %d", f.Region, f.EpochAfter)
		case !f.Hot:
			return fmt.Sprintf("%s was restored from a snapshot of an edge for %s, although the backups were in sync", f.To, f.Region)
		}
	}
	return ""
}

// lost is how often players lost their edge in a round.
func (r *Round) lost() (n uint64) {
	for _, s := range r.Stalls {
		n += uint64(s.Lost)
	}
	return n
}

// Dropped is how often players were disconnected although no edge had failed.
func (r *Report) Dropped() uint64 {
	var explained uint64
	for _, round := range r.Rounds {
		if len(round.Edges) > 0 {
			explained += round.lost()
		}
	}
	return r.Verdict.Disconnects - min(r.Verdict.Disconnects, explained)
}

// enough is how many actions must usually be in flight for none to be a sign
// that something is wrong, and not that the players are few.
const enough = 20

// usuallyInFlight is how many actions of the players who were concerned are on their
// way at any time: how many start in a second, times how many seconds they take.
func (r *Report) usuallyInFlight() float64 {
	concerned := 0
	for _, f := range r.Faults {
		concerned += f.Durable.N
	}
	return r.Settings.Rate * float64(concerned) * r.QuietDurable.P50.Seconds()
}

// struck is how many times a game server failed, and an edge.
func (r *Report) struck() (servers, edges int) {
	for _, round := range r.Rounds {
		if !round.Planned {
			servers += len(round.Servers)
		}
		edges += len(round.Edges)
	}
	return servers, edges
}

// moved is how many times a region had to move, and how many of them were planned.
func (r *Report) moved() (all, planned int) {
	for _, round := range r.Rounds {
		all += len(round.Regions)
		if round.Planned {
			planned += len(round.Regions)
		}
	}
	return all, planned
}

// unexplained is how often players were reseated beyond once for each time that
// their region had to move: a link was given up, or a primary changed, without one.
func (r *Report) unexplained() uint64 {
	explained := r.Verdict.Resumes
	for _, round := range r.Rounds {
		for _, f := range round.Regions {
			explained += uint64(f.Players) * max(1, f.EpochAfter-min(f.EpochAfter, f.EpochBefore))
		}
	}
	return r.Reseats - min(r.Reseats, explained)
}

// faultNames are the kinds of faults that were asked for.
func (r *Report) faultNames() string { return strings.Join(r.Settings.Faults, ", ") }
