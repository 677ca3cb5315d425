package world

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestStandbyFollowsByOutcomes: a world that is given the outcomes, and the
// actions that have none, has the same state as the one that rolled; one that is
// given the actions has not.
func TestStandbyFollowsByOutcomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, standby, rerun := New(Ballast(1)), New(Ballast(1)), New(Ballast(1))
		w.dice, standby.dice, rerun.dice = loaded(1), loaded(2), loaded(3)
		seqs, rolled := map[string]uint64{}, 0
		for range rapid.IntRange(1, 100).Draw(t, "count") {
			player := rapid.SampledFrom(names).Draw(t, "player")
			seqs[player]++
			c := commands(seqs[player]).Draw(t, "command")
			payload, out := c.Append(nil), &sink{}
			w.apply(out, player, payload)
			rerun.apply(discard{}, player, payload)
			for _, delta := range out.committed {
				require.NoError(t, standby.ApplyOutcome(delta))
				rolled++
			}
			if out.committed == nil {
				standby.apply(discard{}, player, payload)
			}
		}
		require.Equal(t, w.Snapshot(nil), standby.Snapshot(nil))
		if rolled > 8 { // the same by chance: once in 2^64
			require.NotEqual(t, w.Snapshot(nil), rerun.Snapshot(nil))
		}
	})
}

func TestOutcomeIsCommittedBeforeTheEcho(t *testing.T) {
	w, out := New(), &order{}
	w.apply(out, "ann", (&Command{Kind: Take, N: 1}).Append(nil))
	require.Equal(t, []string{"commit", "send"}, out.calls)
	echo, err := ParseEcho(w.scratch)
	require.NoError(t, err)
	require.Equal(t, map[uint64]uint8{1: echo.Roll}, maps.Collect(w.books().Players[0].Rolls.All()))
}

type order struct {
	discard
	calls []string
}

func (o *order) Send(string, []byte)        { o.calls = append(o.calls, "send") }
func (o *order) BroadcastUnreliable([]byte) { o.calls = append(o.calls, "show") }
func (o *order) Commit([]byte)              { o.calls = append(o.calls, "commit") }

func TestOutcomeOfAnotherStateIsRefused(t *testing.T) {
	w := New()
	w.seat("ann")
	before := w.Snapshot(nil)
	take := (&Command{Kind: Take, N: 1}).Append(nil)
	move := (&Command{Kind: Move, N: 1}).Append(nil)
	for what, o := range map[string]finding{
		"more than there is": {"ann", 0, Stock + 1, 9, take},
		"nothing":            {"ann", 0, 0, 9, take},
		"no such node":       {"ann", nodes, 1, 9, take},
		"no roll":            {"ann", 0, 1, 0, take},
		"not a take":         {"ann", 0, 1, 9, move},
		"no command":         {"ann", 0, 1, 9, nil},
	} {
		require.ErrorIs(t, w.ApplyOutcome(o.append(nil)), errOutcome, what)
	}
	require.ErrorIs(t, w.ApplyOutcome(nil), errOutcome)
	require.Equal(t, before, w.Snapshot(nil))
}

func TestDiceRollEverythingButZero(t *testing.T) {
	d, seen := newDice(), map[uint8]int{}
	for range 20_000 {
		seen[d.roll()]++
	}
	require.Len(t, seen, 255) // one is missing once in 10^30 runs
	require.Zero(t, seen[0])
}

func TestRollsKeepCountsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Rolls
		before, counts := uint64(0), rapid.SliceOf(rapid.Uint64Min(1)).Draw(t, "counts")
		want, got := make([][2]uint64, 0, len(counts)), make([][2]uint64, 0, len(counts))
		for _, n := range counts {
			roll := rapid.Uint8Min(1).Draw(t, "roll")
			r, before = r.Add(before, n, roll), n
			want = append(want, [2]uint64{n, uint64(roll)})
		}
		for n, roll := range r.All() {
			got = append(got, [2]uint64{n, uint64(roll)})
		}
		require.Equal(t, want, got)
		last, ok := r.last()
		require.True(t, ok)
		require.Equal(t, before, last)
	})
}

func TestRollsThatCannotBeRead(t *testing.T) {
	for _, bad := range []Rolls{{2}, {2, 0}, {0, 1}, {0x80}} {
		_, ok := bad.last()
		require.False(t, ok, "%x", []byte(bad))
	}
	require.Empty(t, maps.Collect(Rolls{2}.All()))
	for n := range (Rolls{2, 7, 2, 8}).All() {
		require.EqualValues(t, 1, n)
		break
	}
}

// TestBallastChangesALittle: a command changes few bytes, and each at another place.
func TestBallastChangesALittle(t *testing.T) {
	const kib = 256
	w := New(Ballast(kib))
	w.apply(discard{}, "ann", (&Command{Kind: Move, N: 1}).Append(nil))
	before := w.Snapshot(nil)
	require.Greater(t, len(before), kib<<10)
	const count = 100
	for n := range uint64(count) {
		w.apply(discard{}, "ann", (&Command{Kind: Move, N: n + 2}).Append(nil))
	}
	after, changed := w.Snapshot(nil), 0
	tail := func(state []byte, i int) []byte { return state[len(state)-kib<<10+i*8:][:8] }
	for i := range kib << 10 / 8 {
		if string(tail(before, i)) != string(tail(after, i)) {
			changed++
		}
	}
	require.Equal(t, count, changed)
	twin := New()
	require.NoError(t, twin.Restore(after))
	require.Equal(t, after, twin.Snapshot(nil))
}

func FuzzApplyOutcome(f *testing.F) {
	o := finding{"ann", 3, 2, 9, (&Command{Kind: Take, N: 4}).Append(nil)}
	f.Add(o.append(nil))
	f.Fuzz(func(t *testing.T, delta []byte) {
		w := New()
		before := w.Snapshot(nil)
		if w.ApplyOutcome(delta) != nil {
			require.Equal(t, before, w.Snapshot(nil))
			return
		}
		require.Equal(t, New().books().Totals, w.books().Totals)
		require.NoError(t, New().Restore(w.Snapshot(nil)))
	})
}
