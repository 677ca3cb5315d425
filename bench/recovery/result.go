package recovery

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Result is what a cell has shown. As JSON, durations are nanoseconds.
type Result struct {
	Cell
	Servers int `json:"servers"`
	Regions int `json:"regions"`
	Edges   int `json:"edges"`
	Rounds  int `json:"rounds"` // that took place

	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"` // why it is not

	Void  bool          `json:"void"`
	Delay time.Duration `json:"delay_ns"` // the longest that something waited for a core, from a fault until a second after
	Lag   time.Duration `json:"lag_ns"`   // of the players at any time, while servers were started again too

	Stall  measure.Hist `json:"stall"` // of each player who was concerned, in each round
	First  measure.Hist `json:"first"`
	Reply  measure.Hist `json:"reply"` // as Stall, until the game's answer was there
	Stages []Stage      `json:"stages"`

	Moves     int    `json:"moves"` // regions that another server took over
	Hot       int    `json:"hot"`   // of them: by one that had everything
	InFlight  int    `json:"in_flight"`
	Sent      uint64 `json:"sent"`
	Lost      uint64 `json:"lost"`
	Twice     uint64 `json:"twice"`
	Reordered uint64 `json:"reordered"`
	Dropped   uint64 `json:"dropped"` // connections that no death of an edge explains
	Resumed   uint64 `json:"resumed"` // sessions at another edge

	Quiet judge.Spread `json:"quiet"` // every action without a fault, from intended to durable
	Took  float64      `json:"took_s"`
}

// Stage is a point on the way back, over all rounds and regions.
type Stage struct {
	Name string        `json:"name"`
	N    int           `json:"n"`
	P50  time.Duration `json:"p50_ns"` // since the fault; where nothing failed, since the actions were held
	Max  time.Duration `json:"max_ns"`
}

// The stages besides those of an edge, see demo.Stage.
const (
	noticed = "noticed" // by any process; of an edge that died, by its first player
	resumed = "resumed" // all players of an edge that died are on another one
	back    = "back"    // all players can play on
)

// stageNames are all there are, in the order in which they are reached.
func stageNames() []string {
	return []string{noticed, "held", "elected", "serving", "switched", "resent", "durable", resumed, back}
}

// newResult takes the figures out of a report. failed is why the run was not shown to
// its end; nil: it was.
func newResult(cell Cell, r demo.Report, failed error) Result {
	out := Result{
		Cell: cell, OK: r.OK && failed == nil, Problems: r.Problems,
		Servers: r.Settings.Servers, Regions: len(r.Settings.Regions), Edges: r.Settings.Edges, Rounds: len(r.Rounds),
		Stall: measure.NewHist(), First: measure.NewHist(), Reply: measure.NewHist(), Stages: stagesOf(r.Rounds),
		Hot: r.Hot, Sent: r.Verdict.Sent, Lost: r.Verdict.Lost + r.Verdict.Skipped, Twice: r.Verdict.Doubled,
		Reordered: r.Verdict.Reordered, Dropped: r.Dropped(), Resumed: r.Verdict.Resumes, Quiet: r.QuietDurable, Lag: r.LagMax, Took: r.Took,
	}
	if failed != nil {
		out.Problems = append(slices.Clone(out.Problems), failed.Error())
	}
	for _, round := range r.Rounds {
		out.delayed(round.Delay)
		out.Moves += len(round.Regions)
		for _, s := range round.Stalls {
			out.delayed(s.Lag)
			if !round.Concerns(s) {
				continue
			}
			out.InFlight += s.InFlight
			out.Stall.Record(s.Durable)
			out.Reply.Record(s.Reply)
			if s.First > 0 && !round.Planned { // nobody waits for what is still served
				out.First.Record(s.First)
			}
		}
	}
	return out
}

// delayed notes that something waited for a core.
func (r *Result) delayed(d time.Duration) {
	r.Delay = max(r.Delay, d)
	r.Void = measure.Loaded(r.Delay) != nil
}

// reachedAt is when a region had reached a stage, since the fault.
func reachedAt(f demo.Failover, stage string) time.Duration {
	if i := slices.IndexFunc(f.Stages, func(s demo.Stage) bool { return s.Name == stage }); i >= 0 {
		return f.Stages[i].At
	}
	return 0
}

// stagesOf are those that were reached. Where nothing failed nobody waits before the
// actions are held: time counts from there.
func stagesOf(rounds []demo.Round) (out []Stage) {
	all := map[string][]time.Duration{}
	add := func(name string, at time.Duration) {
		if at > 0 {
			all[name] = append(all[name], at)
		}
	}
	for _, round := range rounds {
		if len(round.Edges) > 0 {
			add(noticed, round.Left)
			add(resumed, round.Resumed)
		}
		if len(round.Regions) == 0 {
			add(back, round.Back)
		}
		for _, f := range round.Regions {
			from := time.Duration(0)
			if round.Planned {
				from = reachedAt(f, "held")
			} else {
				add(noticed, f.Noticed)
				add(back, f.Back)
			}
			for _, s := range f.Stages {
				add(s.Name, s.At-from)
			}
		}
	}
	for _, name := range stageNames() {
		if s := judge.SpreadOf(all[name]); s.N > 0 {
			out = append(out, Stage{name, s.N, s.P50, s.Max})
		}
	}
	return out
}

// stage is one of a result; 0: it was not reached.
func (r *Result) stage(name string) time.Duration {
	if i := slices.IndexFunc(r.Stages, func(s Stage) bool { return s.Name == name }); i >= 0 {
		return r.Stages[i].P50
	}
	return 0
}
