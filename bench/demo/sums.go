package demo

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// newReport judges a run.
func newReport(e evidence) Report {
	sum, each := judge.All(e.result.Ledgers, e.before, e.after, allowances(e)...)
	r := Report{
		Problems: []string{}, Verdict: sum, Regions: each, Rounds: e.rounds,
		QuietDurable: e.result.QuietDurable, QuietReply: e.result.QuietReply,
		Holds: e.result.Holds, Reseats: e.result.Reseats, Epochs: e.epochs, LagMax: e.result.Lag,
		Scheduled: uint64(e.played.Seconds() * e.settings.Rate * float64(e.settings.Players)),
		Settings:  e.settings, Machine: thisMachine(), Alone: e.alone, Idle: e.idle,
	}
	for _, books := range e.after {
		r.Trades += books.Trades
	}
	for i := range r.Rounds {
		if i < len(e.result.Faults) {
			r.Rounds[i].Stalls = e.result.Faults[i].Stalls
		}
		for _, f := range r.Rounds[i].Regions {
			if f.Hot {
				r.Hot++
			}
		}
	}
	r.Faults = byFault(r.Rounds)
	if e.failed != nil {
		r.Problems = append(r.Problems, e.failed.Error())
	}
	r.Problems = append(append(r.Problems, r.Verdict.Violations...), r.happened()...)
	r.OK = len(r.Problems) == 0
	return r
}

// allowances are what the faults of a run explain.
func allowances(e evidence) (all []judge.Allowance) {
	if slices.ContainsFunc(e.rounds, func(r Round) bool { return len(r.Edges) > 0 }) {
		all = append(all, judge.AllowResumes)
	}
	if e.settings.OutputCommit == "none" || len(e.alone) > 0 { // who is alone has no output commit
		all = append(all, judge.AllowRerolls)
	}
	return all
}

// costs gathers stalls of players.
type costs struct{ durable, reply, others []time.Duration }

func byFault(rounds []Round) []FaultReport {
	var reports []FaultReport
	sums := map[string]*costs{}
	for _, round := range rounds {
		if sums[round.Fault] == nil {
			sums[round.Fault] = &costs{}
			reports = append(reports, FaultReport{Fault: round.Fault, Edge: len(round.Edges) > 0})
		}
		i := slices.IndexFunc(reports, func(f FaultReport) bool { return f.Fault == round.Fault })
		reports[i].Rounds++
		for _, s := range round.Stalls {
			reports[i].add(s, round.Concerns(s), sums[round.Fault])
		}
	}
	for i := range reports {
		reports[i].sum(sums[reports[i].Fault])
	}
	return reports
}

// Concerns tells whether a player was of a region that had to move, or lost an edge.
func (r *Round) Concerns(s judge.Stall) bool {
	return s.Lost > 0 || slices.ContainsFunc(r.Regions, func(f Failover) bool { return f.Region == s.Region })
}

// add takes in the stall of one player, who is concerned or not.
func (f *FaultReport) add(s judge.Stall, concerned bool, c *costs) {
	if !concerned {
		c.others = append(c.others, s.Durable)
		return
	}
	if s.Lost > 0 && s.Resumed >= s.Lost {
		f.Resumed++
	}
	f.InFlight += s.InFlight
	f.Unreplied += s.Unreplied
	c.durable, c.reply = append(c.durable, s.Durable), append(c.reply, s.Reply)
}

func (f *FaultReport) sum(c *costs) {
	f.Durable, f.Reply = judge.SpreadOf(c.durable), judge.SpreadOf(c.reply)
	if len(c.others) > 0 || f.Edge {
		others := judge.SpreadOf(c.others)
		f.Others = &others
	}
}
