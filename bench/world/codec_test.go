package world

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCommandRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := commands(rapid.Uint64Min(1).Draw(t, "n")).Draw(t, "command")
		got, err := ParseCommand(c.Append(nil))
		require.NoError(t, err)
		require.Equal(t, c, got)
	})
}

func TestEchoRoundTrip(t *testing.T) {
	e := Echo{N: 300, Result: Done, Roll: 200, X: 31, Y: 7, Gold: 1 << 40, Applied: 299}
	got, err := ParseEcho(e.Append(nil))
	require.NoError(t, err)
	require.Equal(t, e, got)
	for _, bad := range [][]byte{nil, {byte(TagShow)}, e.Append(nil)[:7], append(e.Append(nil), 0)} {
		_, err := ParseEcho(bad)
		require.ErrorIs(t, err, errUpdate)
	}
}

// TestJournalAgainstASet draws counts in any order and compares the journal
// with the plainest bookkeeping there is.
func TestJournalAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var j Journal
		var top, repeats, late, hash uint64
		seen := map[uint64]bool{}
		for _, n := range rapid.SliceOf(rapid.Uint64Range(1, 30)).Draw(t, "counts") {
			payload := (&Command{Kind: Take, N: n}).Append(nil)
			j.Note(n, payload)
			hash = Chain(hash, payload)
			switch {
			case seen[n]:
				repeats++
			case n < top:
				late++
			}
			seen[n], top = true, max(top, n)
		}
		require.Equal(t, []uint64{top, repeats, late, hash}, []uint64{j.Last, j.Repeats, j.Late, j.Hash})
		for n := range uint64(32) {
			require.Equal(t, seen[n], j.Has(n), "count %d", n)
		}
		require.EqualValues(t, top-uint64(len(seen)), j.Holes())
		require.True(t, slices.IsSortedFunc(j.Missing, func(a, b Span) int { return int(a.Last) - int(b.First) }))
	})
}

func TestChainTellsOrderAndEndsApart(t *testing.T) {
	chain := func(payloads ...string) (h uint64) {
		for _, p := range payloads {
			h = Chain(h, []byte(p))
		}
		return h
	}
	all := map[uint64]string{}
	for _, p := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}, {"a", "b", "b"}, {"ba"}} {
		h := chain(p...)
		require.NotContains(t, all, h, "%q", p)
		all[h] = fmt.Sprint(p)
	}
}

func TestSnapshotSize(t *testing.T) {
	w := New()
	for i := range 100 {
		f := w.seat(fmt.Sprintf("bot-%03d", i+1))
		f.journal = Journal{Last: 1 << 20, Applied: 1 << 20, Hash: 1 << 60}
	}
	size := len(w.Snapshot(nil))
	require.Less(t, size, 5<<10)
	require.Equal(t, "head", string(w.Snapshot([]byte("head"))[:4]))
}

func TestRestoreRefusesWhatIsNoSnapshot(t *testing.T) {
	w := New()
	for _, n := range []uint64{1, 5, 3, 9} { // with holes in the journal
		w.apply(discard{}, "ann", (&Command{Kind: Take, N: n}).Append(nil))
	}
	w.ballast = newBallast(64)
	w.seat("bob")
	good := w.Snapshot(nil)

	target := New()
	target.seat("cid")
	untouched := target.Snapshot(nil)
	for n := range good {
		require.ErrorIs(t, target.Restore(good[:n]), errSnapshot, "cut to %d bytes", n)
	}
	require.ErrorIs(t, target.Restore(append(slices.Clone(good), 0)), errSnapshot)
	twice := bytes.ReplaceAll(good, []byte("bob"), []byte("ann"))
	require.ErrorIs(t, target.Restore(twice), errSnapshot)
	require.Equal(t, untouched, target.Snapshot(nil))
	require.NoError(t, target.Restore(good))
}

func FuzzRestore(f *testing.F) {
	w := New()
	f.Add(w.Snapshot(nil))
	for _, n := range []uint64{1, 5, 3, 9} {
		w.apply(discard{}, "ann", (&Command{Kind: Take, N: n}).Append(nil))
	}
	f.Add(w.Snapshot(nil))
	f.Add([]byte{snapshotVersion, 0xff})
	f.Fuzz(func(t *testing.T, state []byte) {
		w := New()
		if w.Restore(state) != nil {
			return
		}
		again := w.Snapshot(nil)
		require.NoError(t, w.Restore(again))
		require.Equal(t, again, w.Snapshot(nil))
		w.apply(discard{}, "ann", (&Command{Kind: Take, N: 7}).Append(nil))
	})
}

func FuzzParse(f *testing.F) {
	f.Add((&Command{Kind: Trade, N: 1, Item: 2, Count: 3, Price: 4, Partner: "bob"}).Append(nil))
	f.Add((&Command{Kind: Move, N: 1 << 40, DX: -1}).Append(nil))
	f.Add((&Command{Kind: Poison, N: 1, Variant: Hang}).Append(nil))
	f.Add((&Echo{N: 9}).Append(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if c, err := ParseCommand(payload); err == nil {
			again, err := ParseCommand(c.Append(nil))
			require.NoError(t, err)
			require.Equal(t, c, again)
		}
		_, _ = ParseEcho(payload)
		var books Reader
		_, _, _, _ = books.Add(payload)
		New().apply(discard{}, "ann", payload)
	})
}
