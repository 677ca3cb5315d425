package mesh

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
)

const milli = time.Millisecond

// report is of a run in which three regions moved, the last two of them not in the
// order of their ranks.
func report() demo.Report {
	stall := func(region string, d time.Duration) judge.Stall { return judge.Stall{Region: region, Durable: d} }
	return demo.Report{
		OK: true,
		Settings: demo.Settings{
			Players: 6, Rate: 2, Servers: 5, Regions: []demo.Region{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}},
		},
		Rounds: []demo.Round{{
			Servers: []string{"server-1", "server-2"}, Protected: 900 * milli,
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
		Verdict: judge.Verdict{Lost: 1, Skipped: 2, Doubled: 3, Reordered: 4},
	}
}

func TestResult(t *testing.T) {
	r := newResult("kill-2", report())
	require.Equal(t, 2, r.Struck)
	require.Equal(t, 4, r.Regions)
	var ranks []int
	for _, m := range r.Moves {
		ranks = append(ranks, m.Rank)
	}
	require.Equal(t, []int{1, 2, 3}, ranks)
	require.Equal(t, judge.Spread{N: 3, P50: 20 * milli, P99: 30 * milli, Max: 30 * milli}, r.Serves)
	require.Equal(t, judge.Spread{N: 4, P50: 21 * milli, P99: 35 * milli, Max: 35 * milli}, r.Stall)
	require.Equal(t, 35*milli, r.Worst)
	require.Equal(t, 4*milli, r.Others)
	require.InDelta(t, 2.0/3, r.Ordered, 1e-9)
	require.Equal(t, 900*milli, r.Covered)
	require.EqualValues(t, 3, r.Lost)
	require.Len(t, r.Levels, 1)

	require.InDelta(t, 1, newResult("quiet", demo.Report{}).Ordered, 0, "nothing is out of order")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"serves_ns":30000000`)
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	p := &Print{To: &out}
	r := newResult("kill-2", report())
	p.Result(r)
	p.Ranks(r)
	r.OK, r.Problems = false, []string{"something is lost"}
	p.Result(r)
	p.Legend()
	require.Equal(t, 1, strings.Count(out.String(), "scene "), "one head")
	require.Contains(t, out.String(), "kill-2          2/5     3/4        6  20 ms/30 ms/30 ms            67%  21 ms/35 ms/35 ms           35 ms   900 ms     3     3       0  ok\n")
	require.Contains(t, out.String(), "    kill-2 serves by rank  1: 10 ms  2: 30 ms  3: 20 ms\n    level light after 5.0 ms\n")
	require.Contains(t, out.String(), "NOT OK\n    something is lost\n")
	lines := strings.Split(out.String(), "\n")
	require.Equal(t, utf8.RuneCountInString(lines[0])-len("verdict"), utf8.RuneCountInString(lines[1])-len("ok"), "columns are aligned")
}

func TestIdle(t *testing.T) {
	idle := func(servers int, controller, edge float64) Idle {
		return Idle{servers, demo.Idle{Took: 20 * time.Second, Costs: []demo.Cost{{What: "controller", Processes: 1, CPU: controller}, {What: "edge", Processes: 1, CPU: edge}}}}
	}
	few, many := idle(5, 0.012, 0.01), idle(15, 0.023, 0.02)
	edge, controller := perServer(few, many)
	require.InDelta(t, 0.001, edge, 1e-9)
	require.InDelta(t, 0.0001, controller, 1e-9)
	var out bytes.Buffer
	(&Print{To: &out}).Idle(Result{Idle: []Idle{few, many}})
	require.Contains(t, out.String(), "with 15 servers, of one core each: 1 x controller 2.30%  1 x edge 2.00%\n")
	require.Contains(t, out.String(), "each server more costs an edge 1000µs of CPU time a second, and the controller in it less than 200µs more;")
	require.Contains(t, out.String(), "with 15 servers the edge that is the controller works 3000µs a second more than the other one")
	edge, controller = perServer(many, many)
	require.Zero(t, edge+controller)
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
