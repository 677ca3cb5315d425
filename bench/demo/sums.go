package demo

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// newReport judges a run.
func newReport(e evidence) Report {
	r := Report{
		Problems:     []string{},
		Verdict:      judge.Judge(e.result.Ledgers, e.before, e.after, allowances(e)...),
		Rounds:       e.rounds,
		QuietDurable: e.result.QuietDurable, QuietReply: e.result.QuietReply,
		Trades: e.after.Trades, Holds: e.result.Holds, Reseats: e.result.Reseats, LagMax: e.result.Lag,
		Scheduled: uint64(e.played.Seconds() * e.settings.Rate * float64(e.settings.Players)),
		Settings:  e.settings, Machine: thisMachine(),
	}
	for i := range r.Rounds {
		if i < len(e.result.Faults) {
			r.Rounds[i].Stalls = e.result.Faults[i].Stalls
		}
		if r.Rounds[i].Hot {
			r.Hot++
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
	if slices.ContainsFunc(e.rounds, func(r Round) bool { return r.Edge }) {
		all = append(all, judge.AllowResumes)
	}
	if e.settings.OutputCommit == "none" {
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
			reports = append(reports, FaultReport{Fault: round.Fault, Edge: round.Edge})
		}
		i := slices.IndexFunc(reports, func(f FaultReport) bool { return f.Fault == round.Fault })
		reports[i].Rounds++
		for _, s := range round.Stalls {
			reports[i].add(s, sums[round.Fault])
		}
	}
	for i := range reports {
		reports[i].sum(sums[reports[i].Fault])
	}
	return reports
}

// add takes in the stall of one player. When an edge fails, those on others are
// not concerned.
func (f *FaultReport) add(s judge.Stall, c *costs) {
	if f.Edge && s.Lost == 0 {
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
	if f.Edge {
		others := judge.SpreadOf(c.others)
		f.Others = &others
	}
}
