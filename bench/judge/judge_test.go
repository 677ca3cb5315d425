package judge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/bench/world"
)

// run is a run of two clients with ten actions each, in which nothing went
// wrong. The tests break it.
type run struct {
	carried [2][]world.Command // what reached each client's journal, in that order
	rolls   [2]world.Rolls
	ledgers []Ledger
	allow   []Allowance
	before  world.Books
	after   world.Books
}

func goodRun() *run {
	r := &run{}
	r.before.Totals = world.Totals{Gold: 1000, Items: [world.Kinds]uint64{7, 8, 9}}
	r.after.Totals = r.before.Totals
	for i := range r.carried {
		l := Ledger{Player: name(i), Sent: 10, Durable: 10}
		for n := range uint64(10) {
			c := world.Command{Kind: world.Sell, N: n + 1, Count: 5}
			r.carried[i] = append(r.carried[i], c)
			l.Hash = world.Chain(l.Hash, c.Append(nil))
		}
		l.Rolls = world.Rolls(nil).Add(0, 2, 0).Add(2, 4, 200).Add(4, 5, 201)
		r.rolls[i] = world.Rolls(nil).Add(0, 4, 200).Add(4, 5, 201)
		r.ledgers = append(r.ledgers, l)
	}
	return r
}

func name(i int) string { return fmt.Sprintf("bot-%d", i) }

// judge writes the journals of what was carried out, and judges.
func (r *run) judge() Verdict {
	for i, commands := range r.carried {
		a := world.Account{Player: name(i), Rolls: r.rolls[i]}
		for _, c := range commands {
			a.Journal.Note(c.N, c.Append(nil))
		}
		if a.Journal.Applied > 0 {
			r.after.Players = append(r.after.Players, a)
		}
	}
	return Judge(r.ledgers, r.before, r.after, r.allow...)
}

func TestGoodRunIsGood(t *testing.T) {
	v := goodRun().judge()
	require.True(t, v.OK(), v.Violations)
	totals := v.Before
	require.Equal(t, Verdict{
		Players: 2, Sent: 20, Durable: 20, Applied: 20, Rolls: 4,
		Before: totals, After: totals, Violations: []string{},
	}, v)
}

func TestJudgeCatchesSeededViolations(t *testing.T) {
	type counts struct {
		lost, unsettled, doubled, reordered, skipped, altered, invented, rerolled uint64
		refused, fell, strays, disconnects, ended, malformed                      uint64
	}
	tests := map[string]struct {
		seed func(r *run)
		want counts
		says string
	}{
		"an action lost in the middle": {
			func(r *run) { r.drop(0, 4) }, counts{lost: 1}, "bot-0: 1 action lost: durable, but not in the game",
		},
		"the last three lost": {
			func(r *run) { r.drop(1, 7); r.drop(1, 7); r.drop(1, 7) }, counts{lost: 3}, "bot-1: 3 actions lost",
		},
		"everything of one client lost": {
			func(r *run) { r.carried[0] = nil }, counts{lost: 10}, "bot-0: 10 actions lost",
		},
		"not durable, and not there": {
			func(r *run) { r.ledgers[0].Durable = 8; r.drop(0, 8); r.drop(0, 8) }, counts{unsettled: 2}, "bot-0: 2 actions not durable",
		},
		"there, but not known as durable": {
			func(r *run) { r.ledgers[0].Durable = 9 }, counts{unsettled: 1}, "bot-0: 1 action not durable",
		},
		"a hole below an action that is there": {
			func(r *run) { r.ledgers[0].Durable = 5; r.drop(0, 6) }, counts{unsettled: 5, skipped: 1}, "1 action skipped",
		},
		"a hole across the durable mark": {
			func(r *run) { r.ledgers[0].Durable = 5; r.drop(0, 4); r.drop(0, 4); r.drop(0, 4) },
			counts{unsettled: 5, lost: 1, skipped: 2},
			"lost",
		},
		"an action applied twice at once": {
			func(r *run) { r.carried[0] = slices.Insert(r.carried[0], 3, r.carried[0][3]) }, counts{doubled: 1}, "bot-0: 1 action applied twice",
		},
		"a tail applied twice": {
			func(r *run) { r.carried[1] = append(r.carried[1], r.carried[1][6:]...) }, counts{doubled: 4}, "bot-1: 4 actions applied twice",
		},
		"neighbors swapped": {
			func(r *run) { r.swap(0, 3, 4) }, counts{reordered: 1}, "bot-0: 1 action out of order",
		},
		"an old one came last": {
			func(r *run) { c := r.carried[0][0]; r.drop(0, 0); r.carried[0] = append(r.carried[0], c) }, counts{reordered: 1}, "out of order",
		},
		"a payload altered": {
			func(r *run) { r.carried[0][5].Count++ }, counts{altered: 1}, "bot-0: all actions are there once, but not as they were sent",
		},
		"counts right, payloads swapped": {
			func(r *run) { r.carried[0][5].Count, r.ledgers[0].Hash = 9, 0 }, counts{altered: 1}, "not as they were sent",
		},
		"actions of one given to the other": {
			func(r *run) { r.carried[0], r.carried[1] = r.carried[0][:9], append(r.carried[1], r.carried[0][9]) },
			counts{lost: 1, doubled: 1},
			"bot-1: 1 action applied twice",
		},
		"an action that nobody sent": {
			func(r *run) { r.carried[0] = append(r.carried[0], world.Command{Kind: world.Take, N: 11}) }, counts{invented: 1}, "bot-0: 1 action carried out, but never sent",
		},
		"a player that nobody knows": {
			func(r *run) { r.ledgers = r.ledgers[:1] }, counts{invented: 10}, "bot-1: 10 actions carried out for a client that sent nothing",
		},
		"another roll": {
			func(r *run) { r.rolls[0] = world.Rolls(nil).Add(0, 4, 100).Add(4, 5, 201) }, counts{rerolled: 1}, "bot-0: 1 action rolled otherwise than the player saw",
		},
		"a roll where there was none": {
			func(r *run) { r.rolls[0] = r.rolls[0].Add(5, 2, 9) }, counts{rerolled: 1}, "rolled otherwise",
		},
		"no roll any more": {
			func(r *run) { r.rolls[0] = nil }, counts{rerolled: 2}, "2 actions rolled otherwise",
		},
		"two answers, two rolls": {
			func(r *run) { r.ledgers[1].Contradicted = 1 }, counts{rerolled: 1}, "bot-1: 1 action rolled otherwise",
		},
		"a roll of what is lost": {
			func(r *run) { r.drop(0, 4); r.rolls[0] = world.Rolls(nil).Add(0, 4, 200) }, counts{lost: 1}, "lost",
		},
		"a disconnect without a resume": {
			func(r *run) {
				r.allow, r.ledgers[1].Disconnects, r.ledgers[1].Resumes = []Allowance{AllowResumes}, 2, 1
			}, counts{disconnects: 2}, "bot-1: disconnected 2 times, but resumed only 1",
		},
		"poison carried out": {
			func(r *run) { r.allow, r.ledgers[0].Refused = []Allowance{AllowRefusals}, []uint64{5} },
			counts{refused: 1},
			"bot-0: 1 action refused, but carried out",
		},
		"an action refused": {
			func(r *run) { r.drop(0, 4); r.ledgers[0].Refused = []uint64{5} }, counts{refused: 1}, "bot-0: 1 action refused",
		},
		"an action refused, and carried out": {
			func(r *run) { r.ledgers[0].Refused = []uint64{5} }, counts{refused: 1}, "refused",
		},
		"the durable mark went down": {
			func(r *run) { r.ledgers[0].Fell = 2 }, counts{fell: 2}, "bot-0: the durable mark went wrong 2 times",
		},
		"an answer to nothing": {
			func(r *run) { r.ledgers[1].Strays = 1 }, counts{strays: 1}, "bot-1: 1 answer to no action of its own",
		},
		"a disconnect": {
			func(r *run) { r.ledgers[1].Disconnects = 1 }, counts{disconnects: 1}, "bot-1: disconnected 1 time",
		},
		"a session ended": {
			func(r *run) { r.ledgers[1].Ended = "expired" }, counts{ended: 1}, "bot-1: the session ended: expired",
		},
		"an action cut to pieces": {
			func(r *run) { r.after.Malformed = 1 }, counts{malformed: 1}, "1 action reached the game malformed",
		},
		"gold made":       {func(r *run) { r.after.Gold++ }, counts{}, "conserved totals"},
		"items destroyed": {func(r *run) { r.after.Items[2]-- }, counts{}, "conserved totals"},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			r := goodRun()
			test.seed(r)
			v := r.judge()
			require.False(t, v.OK())
			require.Equal(t, test.want, counts{
				lost: v.Lost, unsettled: v.Unsettled, doubled: v.Doubled, reordered: v.Reordered, skipped: v.Skipped,
				altered: v.Altered, invented: v.Invented, rerolled: v.Rerolled, refused: v.Refused, fell: v.Fell, strays: v.Strays,
				disconnects: v.Disconnects, ended: v.Ended, malformed: v.Malformed,
			})
			require.Contains(t, fmt.Sprint(v.Violations), test.says)
		})
	}
}

func TestWhatIsAllowedIsCountedOnly(t *testing.T) {
	r := goodRun()
	r.allow = []Allowance{AllowResumes, AllowRefusals, AllowRerolls}
	r.ledgers[0].Disconnects, r.ledgers[0].Resumes = 2, 2
	r.drop(1, 9)
	r.ledgers[1].Refused = []uint64{10}
	r.rolls[0] = nil
	v := r.judge()
	require.True(t, v.OK(), v.Violations)
	require.Equal(t, []uint64{2, 2, 1, 2}, []uint64{v.Disconnects, v.Resumes, v.Refused, v.Rerolled})
}

// drop leaves out what would have been carried out as number i (from 0).
func (r *run) drop(client, i int) {
	r.carried[client] = slices.Delete(slices.Clone(r.carried[client]), i, i+1)
}

func (r *run) swap(client, i, j int) {
	c := r.carried[client]
	c[i], c[j] = c[j], c[i]
}

// TestNoMutationPasses carries out another sequence than the one that was sent:
// whatever the difference, the judge must see one.
func TestNoMutationPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := goodRun()
		sent := slices.Clone(r.carried[0])
		carried := rapid.SliceOfN(rapid.SampledFrom(sent), 0, 14).Draw(t, "carried")
		r.carried[0] = carried
		if slices.Equal(carried, sent) {
			t.Skip("the same")
		}
		v := r.judge()
		require.False(t, v.OK())
		require.Equal(t, v.Sent, v.Applied-v.Doubled+v.Lost, "every action sent is there or lost")
	})
}

func TestLongListsOfViolationsAreCut(t *testing.T) {
	ledgers := make([]Ledger, 0, 100)
	for i := range 100 {
		ledgers = append(ledgers, Ledger{Player: name(i), Sent: 1, Durable: 1})
	}
	v := Judge(ledgers, world.Books{}, world.Books{})
	require.EqualValues(t, 100, v.Lost)
	require.Len(t, v.Violations, maxViolations)
	require.Equal(t, "… and more", v.Violations[maxViolations-1])
}
