package mesh

import (
	"cmp"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Result is what a scene has shown. As JSON, durations are nanoseconds.
type Result struct {
	Scene    string   `json:"scene"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"` // why it is not

	Void  bool          `json:"void"`
	Delay time.Duration `json:"delay_ns"` // the longest that something waited for a core, from a fault until a second after
	Lag   time.Duration `json:"lag_ns"`   // of the players at any time, while servers were started again too

	Servers int     `json:"servers"`
	Regions int     `json:"regions"`
	Players int     `json:"players"`
	Rate    float64 `json:"rate"`

	Planned bool   `json:"planned"` // nothing failed: servers were emptied and restarted
	Struck  int    `json:"struck"`  // servers that were killed, or restarted
	Moves   []Move `json:"moves"`   // of regions, by round and rank

	Serves  judge.Spread  `json:"serves"`     // of the moves: until the region was served again
	Back    judge.Spread  `json:"back"`       // until all of its players could play on
	Stall   measure.Hist  `json:"stall"`      // of the players who were concerned: of those regions, or on an edge that was killed
	Worst   time.Duration `json:"worst_ns"`   // the largest p99 of the stalls of one move
	Others  time.Duration `json:"others_ns"`  // the longest stall of a player elsewhere
	Ordered float64       `json:"ordered"`    // share of the pairs of regions that were served in the order of their ranks
	Covered time.Duration `json:"covered_ns"` // until every region had all its backups again
	Levels  []demo.Level  `json:"levels"`
	Costs   []demo.Cost   `json:"costs"` // of the first round, until all players were back

	Idle []Idle `json:"idle,omitempty"` // what it cost that all were there

	Lost        uint64 `json:"lost"`
	Twice       uint64 `json:"twice"`
	Reordered   uint64 `json:"reordered"`
	Disconnects uint64 `json:"disconnects"` // of players, but for those on an edge that was killed

	Quiet judge.Spread `json:"quiet"` // every action without a fault, from intended to durable
	Took  float64      `json:"took_s"`
}

// Move is one region that another server took over.
type Move struct {
	demo.Failover
	Stall judge.Spread `json:"stall"` // of its players
}

// newResult takes the figures out of a report. failed is why the run was not shown to
// its end; nil: it was.
func newResult(scene string, r demo.Report, failed error) Result {
	out := Result{
		Scene: scene, OK: r.OK && failed == nil, Problems: r.Problems,
		Servers: r.Settings.Servers, Regions: len(r.Settings.Regions), Players: r.Settings.Players, Rate: r.Settings.Rate,
		Stall: measure.NewHist(), Ordered: inOrder(r.Rounds),
		Lost: r.Verdict.Lost + r.Verdict.Skipped, Twice: r.Verdict.Doubled, Reordered: r.Verdict.Reordered,
		Disconnects: r.Dropped(), Quiet: r.QuietDurable, Lag: r.LagMax, Took: r.Took,
	}
	if failed != nil {
		out.Problems = append(slices.Clone(out.Problems), failed.Error())
	}
	if len(r.Rounds) > 0 {
		out.Costs = r.Rounds[0].Costs
	}
	for _, round := range r.Rounds {
		out.add(round)
	}
	out.Serves = spreadOf(out.Moves, func(m Move) time.Duration { return m.Serves })
	out.Back = spreadOf(out.Moves, func(m Move) time.Duration { return m.Back })
	return out
}

// add takes in what a round has shown.
func (r *Result) add(round demo.Round) {
	r.Planned = r.Planned || round.Planned
	r.Struck += len(round.Servers)
	for _, m := range movesOf(round) {
		r.Moves = append(r.Moves, m)
		r.Worst = max(r.Worst, m.Stall.P99)
	}
	r.Covered = max(r.Covered, round.Protected)
	r.Levels = append(r.Levels, round.Levels...)
	r.delayed(round.Delay)
	for _, s := range round.Stalls {
		r.delayed(s.Lag)
		if round.Concerns(s) {
			r.Stall.Record(s.Durable)
		} else {
			r.Others = max(r.Others, s.Durable)
		}
	}
}

// delayed notes that something waited for a core.
func (r *Result) delayed(d time.Duration) {
	r.Delay = max(r.Delay, d)
	r.Void = measure.Loaded(r.Delay) != nil
}

// movesOf are the moves of a round, by rank.
func movesOf(round demo.Round) (out []Move) {
	for _, f := range round.Regions {
		var stalls []time.Duration
		for _, s := range round.Stalls {
			if s.Region == f.Region {
				stalls = append(stalls, s.Durable)
			}
		}
		out = append(out, Move{Failover: f, Stall: judge.SpreadOf(stalls)})
	}
	slices.SortFunc(out, func(a, b Move) int { return cmp.Compare(a.Rank, b.Rank) })
	return out
}

// spreadOf is how one time of all moves is spread.
func spreadOf(moves []Move, of func(Move) time.Duration) judge.Spread {
	all := make([]time.Duration, 0, len(moves))
	for _, m := range moves {
		all = append(all, of(m))
	}
	return judge.SpreadOf(all)
}

// inOrder is the share of the pairs of regions of which the one with the better rank
// was served first; 1 where there are no pairs, for nothing is out of order then.
func inOrder(rounds []demo.Round) float64 {
	pairs, ordered := 0, 0
	for _, round := range rounds {
		for i, a := range round.Regions {
			for _, b := range round.Regions[i+1:] {
				pairs++
				if (a.Rank < b.Rank) == (a.Serves <= b.Serves) {
					ordered++
				}
			}
		}
	}
	if pairs == 0 {
		return 1
	}
	return float64(ordered) / float64(pairs)
}
