package mesh

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/measure"
)

const milli = time.Millisecond

// shown is of a run in which three regions moved, the last two of them not in the
// order of their ranks.
func shown() demo.Report {
	stall := func(region string, d time.Duration) judge.Stall { return judge.Stall{Region: region, Durable: d} }
	return demo.Report{
		OK: true,
		Settings: demo.Settings{
			Players: 6, Rate: 2, Servers: 5, Regions: []demo.Region{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}},
		},
		Rounds: []demo.Round{{
			Servers: []string{"server-1", "server-2"}, Protected: 900 * milli, Delay: 5 * milli,
			Regions: []demo.Failover{
				{Region: "a", Rank: 1, Serves: 10 * milli, Back: 12 * milli},
				{Region: "c", Rank: 3, Serves: 20 * milli, Back: 22 * milli},
				{Region: "b", Rank: 2, Serves: 30 * milli, Back: 32 * milli},
			},
			Levels: []demo.Level{{At: 5 * milli, Level: "light", Fidelity: 0.75}},
			Stalls: []judge.Stall{
				stall("a", 11*milli), stall("b", 31*milli), stall("b", 35*milli), stall("c", 21*milli), stall("d", 3*milli), stall("d", 4*milli),
			},
		}},
		LagMax: 700 * milli, Took: 12,
		Verdict: judge.Verdict{Lost: 1, Skipped: 2, Doubled: 3, Reordered: 4},
	}
}

func TestResult(t *testing.T) {
	r := newResult("kill-2", shown(), nil)
	require.True(t, r.OK)
	require.False(t, r.Planned)
	require.Equal(t, 2, r.Struck)
	require.Equal(t, 4, r.Regions)
	var ranks []int
	for _, m := range r.Moves {
		ranks = append(ranks, m.Rank)
	}
	require.Equal(t, []int{1, 2, 3}, ranks)
	require.Equal(t, judge.Spread{N: 3, P50: 20 * milli, P99: 30 * milli, Max: 30 * milli}, r.Serves)
	require.EqualValues(t, 4, r.Stall.Count(), "two players' region went on")
	require.InEpsilon(t, 21*milli, r.Stall.Quantile(.5), 0.01)
	require.InEpsilon(t, 35*milli, r.Stall.Quantile(1), 0.01)
	require.Equal(t, 35*milli, r.Worst)
	require.Equal(t, 4*milli, r.Others)
	require.InDelta(t, 2.0/3, r.Ordered, 1e-9)
	require.Equal(t, 900*milli, r.Covered)
	require.EqualValues(t, 3, r.Lost)
	require.Len(t, r.Levels, 1)
	require.InDelta(t, 1, newResult("quiet", demo.Report{}, nil).Ordered, 0, "nothing is out of order")
}

// Only what comes between a fault and a second after it makes a scene void, and that
// breaks no promise.
func TestVoid(t *testing.T) {
	busy := shown()
	r := newResult("kill-2", busy, nil)
	require.Equal(t, 5*milli, r.Delay, "what the players noticed while nothing was measured does not count")
	require.Equal(t, "ok", r.verdict())

	busy.Rounds[0].Stalls[4].Lag = measure.MaxDelay + 1
	r = newResult("kill-2", busy, nil)
	require.True(t, r.Void)
	require.True(t, r.OK)
	require.Equal(t, "VOID", r.verdict())

	r = newResult("kill-2", busy, errors.New("a server did not come back"))
	require.False(t, r.OK)
	require.Equal(t, "NOT OK", r.verdict())
	require.Contains(t, r.Problems, "a server did not come back")
}

func TestPlanned(t *testing.T) {
	r := newResult("rolling", demo.Report{Rounds: []demo.Round{
		{Planned: true, Servers: []string{"a"}, Protected: 3 * milli}, {Planned: true, Servers: []string{"b"}, Protected: 2 * milli},
	}}, nil)
	require.True(t, r.Planned)
	require.Equal(t, 2, r.Struck)
	require.Equal(t, 3*milli, r.Covered)
}

func TestPerServer(t *testing.T) {
	few, many := idle(5, 0.012, 0.01), idle(15, 0.023, 0.02)
	edge, controller := perServer(few, many)
	require.InDelta(t, 0.001, edge, 1e-9)
	require.InDelta(t, 0.0001, controller, 1e-9)
	edge, controller = perServer(many, many)
	require.Zero(t, edge+controller)
}

// idle is what a mesh of so many servers cost, with a controller in one of two edges.
func idle(servers int, controller, edge float64) Idle {
	return Idle{servers, demo.Idle{
		Took:  20 * time.Second,
		Costs: []demo.Cost{{What: "controller", Processes: 1, CPU: controller}, {What: "edge", Processes: 1, CPU: edge}},
	}}
}

func TestScenes(t *testing.T) {
	all, err := Find("")
	require.NoError(t, err)
	large := Config{Servers: 15, Regions: 30, Players: 300, Rate: 2}
	for _, s := range all {
		require.NoError(t, s.Check(large), s.Name)
	}
	idle, err := Find("idle")
	require.NoError(t, err)
	runs, err := idle[0].demos(large)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Equal(t, []int{5, 15, 30, 30}, []int{runs[0].Servers, runs[1].Servers, runs[0].Regions, runs[1].Regions})
	require.Equal(t, measured, runs[0].Idle)
	one, err := Find("rolling, kill-1")
	require.NoError(t, err)
	require.Equal(t, "rolling", one[0].Name)
	d, err := one[0].demo(large)
	require.NoError(t, err)
	require.Equal(t, []int{6, 12, 120}, []int{d.Servers, d.Regions, d.Players})
	_, err = Find("kill-9")
	require.ErrorContains(t, err, `unknown scene "kill-9": choose from kill-1`)
	five, err := Find("kill-5")
	require.NoError(t, err)
	require.ErrorContains(t, five[0].Check(Config{Servers: 5, Regions: 3, Players: 9}), "--servers 7 or more")
}
