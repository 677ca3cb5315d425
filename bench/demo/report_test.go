package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

const ms = time.Millisecond

// found is a run of two rounds with two players in which all went well.
func found() evidence {
	books := world.Books{
		Totals: world.Totals{Gold: 1_000_000, Items: [world.Kinds]uint64{30_000, 25_000, 25_000}}, Trades: 321,
	}
	e := evidence{
		before: bots.Books{here: books}, epochs: 2, played: 5 * time.Second,
		settings: Settings{Players: 2, Rate: 10, Rounds: 1, Faults: []string{"kill", "freeze"}, Seed: 7, Registry: "in memory", Servers: 3, Edges: 1, OutputCommit: "strict"},
		rounds: []Round{
			{Fault: "kill", Servers: []string{"server-2"}, Regions: moved(1, "server-1")},
			{Fault: "freeze", Servers: []string{"server-1"}, Regions: moved(2, "server-3")},
		},
	}
	e.result = bots.Result{
		Faults: []bots.Fault{
			{Stalls: []judge.Stall{
				{Region: here, Durable: 34 * ms, Reply: 30 * ms, InFlight: 2}, {Region: here, Durable: 61 * ms, Reply: 55 * ms, InFlight: 1, Unreplied: 1},
			}},
			{Stalls: []judge.Stall{{Region: here, Durable: 412 * ms, Reply: 410 * ms, InFlight: 2}, {Region: here, Durable: 1460 * ms, Reply: 1450 * ms}}},
		},
		QuietDurable: judge.Spread{N: 90, P50: 21 * ms, P99: 38 * ms, Max: 52 * ms},
		QuietReply:   judge.Spread{N: 90, P50: 1200 * time.Microsecond, P99: 4 * ms, Max: 9 * ms},
	}
	for _, player := range []string{"bot-001", "bot-002"} {
		rolls := world.Rolls(nil).Add(0, 7, 200)
		e.result.Ledgers = append(e.result.Ledgers, judge.Ledger{Player: player, Region: here, Sent: 100, Durable: 100, Rolls: rolls})
		books.Players = append(books.Players, world.Account{Player: player, Journal: world.Journal{Last: 100, Applied: 100}, Rolls: rolls})
	}
	e.after = bots.Books{here: books}
	return e
}

const here = "demo"

// moved is the only region, which another server took over.
func moved(epoch uint64, to string) []Failover {
	return []Failover{{Region: here, Players: 2, EpochBefore: epoch, EpochAfter: epoch + 1, To: to, Hot: true}}
}

// change changes the books after the run.
func (e *evidence) change(f func(*world.Books)) {
	books := e.after[here]
	f(&books)
	e.after[here] = books
}

func table(r Report) string {
	var out bytes.Buffer
	NewScreen(&out).Table(r)
	return out.String()
}

func TestTable(t *testing.T) {
	r := newReport(found())
	require.True(t, r.OK, r.Problems)
	for line := range strings.Lines(table(r)) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81, line) // and the line's end
	}
	require.Equal(t, `
stall       rounds  in flight       p50       p99       max   reply p99
kill             1          3     34 ms     61 ms     61 ms       55 ms
freeze           1          2    412 ms   1460 ms   1460 ms     1450 ms
no fault                          21 ms     38 ms     52 ms      4.0 ms
Stall: each player's longest wait, from the fault until an action is durable;
nothing is subtracted. No fault: each action, from intended to durable.

actions sent                   200
durable                        200  ✓
lost                             0  ✓
applied twice                    0  ✓
out of order                     0  ✓
disconnects                      0  ✓
rolls seen                       2
rolled again                     0  ✓
gold before              1,000,000     items 30,000 + 25,000 + 25,000
gold after               1,000,000  ✓  items 30,000 + 25,000 + 25,000  ✓
failovers (epochs)               2  ✓
to a hot backup                  2  ✓

2 game servers failed under 2 players, who made 321 trades:
nobody was disconnected, nothing was lost and nothing was done twice.
`, table(r))
}

// foundEdge is a run in which the edge of the first player failed, too.
func foundEdge() evidence {
	e := found()
	e.settings.Faults, e.settings.Edges = append(e.settings.Faults, "edge"), 2
	e.rounds = append(e.rounds, Round{Fault: "edge", Edges: []string{"edge-1"}})
	e.result.Faults = append(e.result.Faults, bots.Fault{Stalls: []judge.Stall{
		{Durable: 28 * ms, Reply: 29 * ms, InFlight: 1, Lost: 1, Resumed: 1}, {Durable: 3 * ms, Reply: 3 * ms},
	}})
	e.result.Ledgers[0].Disconnects, e.result.Ledgers[0].Resumes = 1, 1
	e.result.Reseats = 2*2 + 1
	return e
}

func TestTableWithAnEdge(t *testing.T) {
	r := newReport(foundEdge())
	require.True(t, r.OK, r.Problems)
	require.Equal(t, 2, r.Hot)
	require.Equal(t, 1, r.Faults[2].Resumed)
	drawn := table(r)
	for _, line := range []string{
		"edge             1          1     28 ms     28 ms     28 ms       29 ms\n" +
			"  ^ the 1 player of that edge, who resumed at another;\n    the others waited for 3.0 ms at most\n",
		"disconnects                      0  ✓\nresumed elsewhere                1  ✓  of 1 player on dead edges\n",
		"failovers (epochs)               2  ✓\nto a hot backup                  2  ✓\n",
		"2 game servers and 1 edge failed under 2 players, who made 321 trades:\n1 player resumed at another edge, nothing was lost",
	} {
		require.Contains(t, drawn, line)
	}
	require.NotContains(t, drawn, "more than the faults explain")

	e := foundEdge()
	e.result.Ledgers[1].Disconnects, e.result.Ledgers[1].Resumes = 1, 1
	require.Equal(t, []string{"1 connection lost that no death of an edge explains"}, newReport(e).Problems)
	e = foundEdge()
	e.result.Ledgers[0].Resumes = 0
	require.Contains(t, newReport(e).Problems, "bot-001: disconnected 1 time, but resumed only 0")
	e = foundEdge()
	e.result.Faults[2].Stalls[0].Lost, e.result.Ledgers[0].Disconnects, e.result.Ledgers[0].Resumes = 0, 0, 0
	require.Equal(t, []string{"round 3 (edge): nobody was on the edge that failed"}, newReport(e).Problems)
}

// Without output commit a player may see what a failover takes back.
func TestTableWithoutOutputCommit(t *testing.T) {
	e := found()
	e.settings.OutputCommit = "none"
	e.change(func(b *world.Books) { b.Players[0].Rolls = world.Rolls(nil).Add(0, 7, 201) })
	r := newReport(e)
	require.True(t, r.OK, r.Problems)
	require.Contains(t, table(r), "Replies did not wait until their action was durable (output commit none).\n")
	require.Contains(t, table(r), "rolled again                     1\n")
	e.settings.OutputCommit = "strict"
	require.Equal(t, []string{"bot-001: 1 action rolled otherwise than the player saw"}, newReport(e).Problems)
}

func TestTableOfAFailure(t *testing.T) {
	e := found()
	e.result.Ledgers[0].Durable = 99
	e.result.Ledgers[1].Disconnects = 1
	e.change(func(b *world.Books) { b.Items[1]--; b.Players[0].Journal.Last-- })
	e.result.Lag = 120 * ms
	e.result.Reseats = 5
	r := newReport(e)
	require.False(t, r.OK)
	drawn := table(r)
	require.Contains(t, drawn, "disconnects                      1  ✗\n")
	require.Contains(t, drawn, "1,000,000  ✓  items 30,000 + 24,999 + 25,000  ✗\n")
	require.Contains(t, drawn, "Players were reseated 1 time more than the faults explain.\n")
	require.Contains(t, drawn, "This machine was busy, it woke a player 120 ms late")
	require.Contains(t, drawn, "The promises were not kept, or not put to the test (kill, freeze, seed 7):\n  bot-001: 1 action not durable at the end\n")
	for line := range strings.Lines(drawn) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
	}
}

func TestARunThatProvesNothingFails(t *testing.T) {
	for says, change := range map[string]func(*evidence){
		"round 2 (freeze): no failover of demo happened, the epoch is still 2": func(e *evidence) { e.rounds[1].Regions[0].EpochAfter = 2 },
		"no action was in flight": func(e *evidence) {
			e.settings.Rate, e.result.QuietDurable.P50 = 100, 80*ms // of four players
			e.played = 100 * ms
			for _, f := range e.result.Faults {
				for i := range f.Stalls {
					f.Stalls[i].InFlight = 0
				}
			}
		},
		"server-3 was restored from a snapshot of an edge for demo, although": func(e *evidence) { e.rounds[1].Regions[0].Hot = false },
		"round 1 (kill): no region was led by a server that failed":           func(e *evidence) { e.rounds[0].Regions = nil },
		"only 1 of 2 rounds took place":                                       func(e *evidence) { e.rounds = e.rounds[:1] },
		"only 0 of 2 rounds took place":                                       func(e *evidence) { e.rounds = nil },
		"the players sent only 200 of 2,000 actions":                          func(e *evidence) { e.played = 100 * time.Second },
		"round 2 (freeze): waited 30s in vain for it":                         func(e *evidence) { e.failed = errors.New("round 2 (freeze): waited 30s in vain for it") },
		"bot-001: 1 action lost":                                              func(e *evidence) { e.change(func(b *world.Books) { b.Players[0].Journal.Last-- }) },
		"the conserved totals were {1000000 [30000 25":                        func(e *evidence) { e.change(func(b *world.Books) { b.Gold++ }) },
	} {
		t.Run(says, func(t *testing.T) {
			e := found()
			change(&e)
			r := newReport(e)
			require.False(t, r.OK)
			require.Contains(t, strings.Join(r.Problems, "\n"), says)
			table(r)
		})
	}
}

func TestFewPlayersMayHaveNothingInFlight(t *testing.T) {
	e := found()
	for _, f := range e.result.Faults {
		for i := range f.Stalls {
			f.Stalls[i].InFlight = 0
		}
	}
	r := newReport(e)
	require.True(t, r.OK, r.Problems)
}

func TestRoundsOfOneFaultCountTogether(t *testing.T) {
	e := found()
	e.settings.Faults, e.settings.Rounds = []string{"kill"}, 2
	e.rounds[1].Fault = "kill"
	r := newReport(e)
	require.True(t, r.OK, r.Problems)
	require.Equal(t, []FaultReport{{
		Fault: "kill", Rounds: 2, InFlight: 5, Unreplied: 1,
		Durable: judge.Spread{N: 4, P50: 61 * ms, P99: 1460 * ms, Max: 1460 * ms},
		Reply:   judge.Spread{N: 4, P50: 55 * ms, P99: 1450 * ms, Max: 1450 * ms},
	}}, r.Faults)
}

func TestReportAsJSON(t *testing.T) {
	text, err := json.Marshal(newReport(found()))
	require.NoError(t, err)
	var r map[string]any
	require.NoError(t, json.Unmarshal(text, &r))
	for _, key := range []string{"ok", "problems", "verdict", "faults", "quiet_durable", "rounds", "settings", "machine", "started"} {
		require.Contains(t, r, key)
	}
	require.Len(t, r["rounds"].([]any)[0].(map[string]any)["stalls"], 2)
	require.Equal(t, []any{}, r["problems"])
}

// TestTableOfSeveralRegions: who was elsewhere is not concerned, and each region is
// judged by its own books.
func TestTableOfSeveralRegions(t *testing.T) {
	several := func() evidence {
		e := found()
		e.settings.Faults, e.settings.Regions = []string{"many"}, []Region{{Name: here, Players: 1}, {Name: "there", Players: 1}}
		e.rounds = e.rounds[:1]
		e.rounds[0].Fault, e.rounds[0].Servers = "many", []string{"server-1", "server-2"}
		e.rounds[0].Regions[0].Players, e.epochs = 1, 1
		e.result.Faults = e.result.Faults[:1]
		e.result.Faults[0].Stalls[1].Region, e.result.Ledgers[1].Region = "there", "there"
		books := e.after[here]
		e.after["there"], e.before["there"] = books, e.before[here]
		there := e.after["there"]
		there.Players = books.Players[1:]
		e.after["there"] = there
		e.change(func(b *world.Books) { b.Players = b.Players[:1] })
		return e
	}
	r := newReport(several())
	require.True(t, r.OK, r.Problems)
	require.Len(t, r.Regions, 2)
	require.Equal(t, 2, r.Verdict.Players)
	drawn := table(r)
	for _, line := range []string{
		"many             1          2     34 ms     34 ms     34 ms       30 ms\n" +
			"  ^ the 1 player of the regions that had to move;\n    the others waited for 61 ms at most\n",
		"gold after               2,000,000  ✓  items 60,000 + 50,000 + 50,000  ✓\n",
		"failovers (epochs)               1  ✓\nto a hot backup                  1  ✓\n",
		"2 game servers failed under 2 players in 2 regions, who made 642 trades:\n",
	} {
		require.Contains(t, drawn, line)
	}
	e := several()
	e.change(func(b *world.Books) { b.Gold-- })
	require.Contains(t, strings.Join(newReport(e).Problems, "\n"), "demo: the conserved totals were")
}

// TestTableOfPlannedMoves: nothing has failed, and every server has had its turn.
func TestTableOfPlannedMoves(t *testing.T) {
	e := found()
	e.settings.Faults, e.settings.Servers = []string{"rolling"}, 2
	for i := range e.rounds {
		e.rounds[i].Fault, e.rounds[i].Planned = "rolling", true
	}
	r := newReport(e)
	require.True(t, r.OK, r.Problems)
	drawn := table(r)
	require.Contains(t, drawn, "failovers (epochs)               2  ✓\nof them planned                  2\nto a hot backup                  2  ✓\n")
	require.Contains(t, drawn, "2 regions moved as planned under 2 players, who made 321 trades:\nnobody was disconnected")

	e.rounds[1].Regions = nil // it led nothing
	require.True(t, newReport(e).OK)
	e.settings.Servers = 3
	require.Equal(t, []string{"only 2 of 3 rounds took place"}, newReport(e).Problems)
}
