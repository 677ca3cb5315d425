package mesh

import (
	"cmp"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
)

// Result is what a scene has shown. As JSON, durations are nanoseconds.
type Result struct {
	Scene    string   `json:"scene"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"` // why it is not ok

	Servers int     `json:"servers"`
	Regions int     `json:"regions"`
	Players int     `json:"players"`
	Rate    float64 `json:"rate"`

	Struck int    `json:"struck"` // servers that were killed, or restarted
	Moves  []Move `json:"moves"`  // of regions, by round and rank

	Serves  judge.Spread  `json:"serves"`     // of the moves: until the region was served again
	Back    judge.Spread  `json:"back"`       // until all of its players could play on
	Stall   judge.Spread  `json:"stall"`      // of the players of those regions
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

	Quiet   judge.Spread  `json:"quiet"` // every action without a fault, from intended to durable
	Lag     time.Duration `json:"lag_ns"`
	Machine demo.Machine  `json:"machine"`
	Took    float64       `json:"took_s"`
}

// Idle is what a mesh of so many servers costs while nothing happens.
type Idle struct {
	Servers int `json:"servers"`
	demo.Idle
}

// perServer is by how much one server more raises what an edge costs, and what the
// controller in it does, as shares of a core.
func perServer(few, many Idle) (edge, controller float64) {
	more := float64(many.Servers - few.Servers)
	if more <= 0 {
		return 0, 0
	}
	work := func(i Idle) float64 { return i.Of("controller").CPU - i.Of("edge").CPU }
	return (many.Of("edge").CPU - few.Of("edge").CPU) / more, (work(many) - work(few)) / more
}

// Move is one region that another server took over.
type Move struct {
	demo.Failover
	Stall judge.Spread `json:"stall"` // of its players
}

// newResult takes the figures out of a report.
func newResult(scene string, r demo.Report) Result {
	out := Result{
		Scene: scene, OK: r.OK, Problems: r.Problems,
		Servers: r.Settings.Servers, Regions: len(r.Settings.Regions), Players: r.Settings.Players, Rate: r.Settings.Rate,
		Lost: r.Verdict.Lost + r.Verdict.Skipped, Twice: r.Verdict.Doubled, Reordered: r.Verdict.Reordered,
		Disconnects: r.Dropped(), Quiet: r.QuietDurable, Lag: r.LagMax, Machine: r.Machine, Took: r.Took,
	}
	var serves, back, stalls []time.Duration
	pairs, ordered := 0, 0
	if len(r.Rounds) > 0 {
		out.Costs = r.Rounds[0].Costs
	}
	for _, round := range r.Rounds {
		out.Struck += len(round.Servers)
		out.Covered = max(out.Covered, round.Protected)
		out.Levels = append(out.Levels, round.Levels...)
		for _, m := range movesOf(round) {
			out.Moves = append(out.Moves, m)
			serves, back = append(serves, m.Serves), append(back, m.Back)
			out.Worst = max(out.Worst, m.Stall.P99)
		}
		concerned, others := split(round)
		stalls = append(stalls, concerned...)
		out.Others = max(out.Others, judge.SpreadOf(others).Max)
		p, o := inOrder(round.Regions)
		pairs, ordered = pairs+p, ordered+o
	}
	out.Serves, out.Back, out.Stall = judge.SpreadOf(serves), judge.SpreadOf(back), judge.SpreadOf(stalls)
	out.Ordered = 1
	if pairs > 0 {
		out.Ordered = float64(ordered) / float64(pairs)
	}
	return out
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

// split are the stalls of the players who were concerned by a round, and of the others.
func split(round demo.Round) (concerned, others []time.Duration) {
	for _, s := range round.Stalls {
		if round.Concerns(s) {
			concerned = append(concerned, s.Durable)
		} else {
			others = append(others, s.Durable)
		}
	}
	return concerned, others
}

// inOrder counts the pairs of regions, and those of which the one with the better
// rank was served first.
func inOrder(moves []demo.Failover) (pairs, ordered int) {
	for i, a := range moves {
		for _, b := range moves[i+1:] {
			pairs++
			if (a.Rank < b.Rank) == (a.Serves <= b.Serves) {
				ordered++
			}
		}
	}
	return pairs, ordered
}
