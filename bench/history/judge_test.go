package history

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/bench/world"
)

// seeded is a long run that is the same each time.
func seeded(seed uint64) *tape {
	return played(3, 1500, false, rand.New(rand.NewPCG(seed, 1)).IntN)
}

func TestCorrectRunPasses(t *testing.T) {
	tp := seeded(1)
	tp.setup.Gate = Counts{
		Players: 3, Actions: 100, Rate: 1, Faults: 3, Takeovers: 3, TakeoversInFlight: 1,
		Holds: 1, Reseats: 1, Losses: 1, Resumes: 1, ResumesElsewhere: 1, Refused: 1, Shrinks: 1, Grows: 1,
	}
	v := tp.judge(t)
	require.Empty(t, v.Broken(), "%+v", v.Judgements)
	require.Equal(t, OK, v.Outcome, v.Below)
	require.Equal(t, 3, v.Linear.OK)
	require.Equal(t, []string{"19", "29", "30", "31", "32", "33", "34", "connection"}, v.NotJudged())
}

func TestCorrectRunsPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tp := drawn(t)
		v := tp.judge(t)
		require.Empty(t, v.Broken(), "%+v", v.Judgements)
		require.Equal(t, OK, v.Outcome)
	})
}

func drawn(t *rapid.T) *tape {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	players, steps := rapid.IntRange(1, 4).Draw(t, "players"), rapid.IntRange(0, 400).Draw(t, "steps")
	return played(players, steps, rapid.Bool().Draw(t, "leaves"), rng.IntN)
}

func TestEveryMutationIsCaughtByItsCheck(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.what, func(t *testing.T) {
			tp, seed := seeded(1), uint64(1)
			for ; !m.apply(tp, rand.New(rand.NewPCG(seed, 5)).IntN); seed++ { // not possible in this run
				require.Less(t, seed, uint64(50))
				tp = played(2, 40, false, rand.New(rand.NewPCG(seed, 1)).IntN)
			}
			v := tp.judge(t)
			require.Equal(t, Failed, v.Outcome)
			require.Contains(t, v.Broken(), m.breaks)
		})
	}
}

func TestNoMutationOfAnyRunPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tp := drawn(t)
		m := mutations[rapid.IntRange(0, len(mutations)-1).Draw(t, "mutation")]
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "where"), 0))
		if !m.apply(tp, rng.IntN) {
			t.Skip("not possible in this run")
		}
		v := tp.judge(t)
		require.Contains(t, v.Broken(), m.breaks, m.what)
	})
}

// Every promise that is judged has a mutation which breaks it: a check that
// cannot fail says nothing.
func TestEveryJudgedPromiseCanBreak(t *testing.T) {
	broken := map[string]bool{}
	for _, m := range mutations {
		broken[m.breaks] = true
	}
	for _, inv := range Invariants() {
		require.Equal(t, inv.Scope != None, broken[inv.ID], "promise %s", inv.ID)
		require.Equal(t, inv.Scope == Whole, inv.Note == "" || inv.ID == "11", "promise %s", inv.ID)
	}
}

func TestRunWithoutEvidenceClaimsLittle(t *testing.T) {
	tp := seeded(1)
	v := Judge(tp.setup, tp.history(t), &Evidence{})
	require.Empty(t, v.Broken())
	for _, id := range []string{"1", "2", "3", "4", "9", "14", "15", "17", "18", "20", "23", "24"} {
		require.Contains(t, v.NotJudged(), id)
	}
}

func TestRunBelowItsGateIsInvalid(t *testing.T) {
	tp := seeded(1)
	tp.setup.Gate = Counts{DoubleFaults: 1000, Takeovers: 1}
	v := tp.judge(t)
	require.Equal(t, Invalid, v.Outcome)
	require.Len(t, v.Below, 1)
	require.Contains(t, v.Below[0], "faults inside a takeover: ")

	tp.e.After.Books.Gold++ // what is broken is broken, however little happened
	require.Equal(t, Failed, func() Outcome { v := tp.judge(t); return v.Outcome }())
}

func TestUndecidedIsBroken(t *testing.T) {
	tp := seeded(1)
	tp.setup.Patience = 1 // nanosecond
	v := tp.judge(t)
	require.Equal(t, Failed, v.Outcome)
	require.Equal(t, []string{"26"}, v.Broken())
	require.NotEmpty(t, v.Linear.Unknown)
}

func TestAnswersMayBeTakenBackWithoutOutputCommit(t *testing.T) {
	at := simStart
	tp := &tape{
		setup: Setup{Strict: true}, carried: map[string][]command{"ann": {{1, []byte("a")}}},
		e: &Evidence{After: &Audit{Call: at + 90, Return: at + 95}, Rolls: map[string][]Roll{"ann": {{1, 8}}}},
		records: []Record{
			{What: Act, Player: "ann", N: 1, Seq: 1, Call: at, At: at + 1, Hash: HashOf([]byte("a"))},
			{What: Answer, Player: "ann", N: 1, Result: world.Done, Applied: 1, Roll: 7, At: at + 10},
			{What: Answer, Player: "ann", N: 1, Result: world.Done, Applied: 1, Roll: 8, At: at + 30},
			{What: Durable, Player: "ann", Seq: 1, At: at + 20},
		},
	}
	v := tp.judge(t)
	require.Equal(t, []string{"rolls"}, v.Broken())
	tp.setup.Strict = false
	v = tp.judge(t)
	require.Empty(t, v.Broken())
}

// folded is history without the way through a file.
func (tp *tape) folded(t *testing.T) *History {
	t.Helper()
	folders, h := map[string]*folder{}, &History{}
	for _, r := range tp.records {
		if folders[r.Player] == nil {
			folders[r.Player] = &folder{Player: Player{Name: r.Player}}
		}
		folders[r.Player].add(r)
	}
	for _, f := range folders {
		p, err := f.fold()
		require.NoError(t, err)
		h.Players = append(h.Players, p)
	}
	return h
}

// The search must stay near-linear: 60 players with 2,000 actions each, whose
// outcomes are unknown in part, within seconds.
func TestLongHistoriesAreCheckedFast(t *testing.T) {
	s := newSim(60, rand.New(rand.NewPCG(3, 3)).IntN)
	for range 2000 {
		for _, f := range s.players {
			s.act(f)
			s.deliver(f)
		}
		s.replicate()
		for _, f := range s.players {
			f.mail = append(f.mail, Record{What: Durable, Epoch: s.epoch, Seq: f.have})
			for len(f.mail) > 0 {
				s.hear(f)
			}
		}
	}
	tp := s.finish(nil)
	h, e := tp.folded(t), tp.evidence()
	start := time.Now()
	l := Linearize(tp.setup, h, e)
	require.Equal(t, 60, l.OK)
	linear := time.Since(start)
	v := Judge(tp.setup, h, e)
	require.Empty(t, v.Broken())
	t.Logf("60 x 2,000 actions: linear order in %v, all promises in %v", linear, time.Since(start)-linear)
}

// TestRecordsThatAreNoActions: a log may hold other records, which use up indexes
// and no seq.
func TestRecordsThatAreNoActions(t *testing.T) {
	tp := seeded(1)
	for i := range tp.e.Dumps {
		d := &tp.e.Dumps[i]
		if len(d.Log) == 0 {
			continue
		}
		last := d.Log[len(d.Log)-1]
		d.End = last.Index + 1
		d.Log = append(d.Log, Entry{Index: d.End, Epoch: last.Epoch, Note: "outcome", Seq: 1, Chain: last.Chain + 1})
	}
	v := tp.judge(t)
	require.Equal(t, OK, v.Outcome, "%v", v.Broken())
}
