package world

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Players walk between two regions: in each of them nothing is made or destroyed, a
// standby that is given outcomes and arrivals is the same, and everybody's books are
// where he is, whole.
func TestCrossing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		worlds := map[string]*World{"land": New(), "sea": New()}
		standby := map[string]*World{"land": New(), "sea": New()}
		where, seqs := map[string]string{}, map[string]uint64{}
		before := worlds["sea"].books().Totals
		for range rapid.IntRange(1, 100).Draw(t, "commands") {
			player := rapid.SampledFrom(names).Draw(t, "player")
			here := where[player]
			if here == "" {
				here = rapid.SampledFrom([]string{"land", "sea"}).Draw(t, "begins")
				where[player] = here
			}
			seqs[player]++
			c := commands(seqs[player]).Draw(t, "command")
			if c.Kind == Cross {
				c.Partner = rapid.SampledFrom([]string{"land", "sea"}).Draw(t, "to")
			}
			out := &sink{closed: c.Partner == here}
			payload := c.Append(nil)
			worlds[here].apply(out, player, payload)
			follow(t, standby[here], out, player, payload)
			for _, p := range out.parted {
				require.Empty(t, out.sent, "he is answered there")
				there := &sink{}
				require.NoError(t, worlds[p.region].arrive(there, player, p.baggage))
				require.NoError(t, standby[p.region].arrive(&sink{}, player, p.baggage))
				require.Len(t, there.sent, 1)
				where[player] = p.region
			}
		}
		for name, w := range worlds {
			require.Equal(t, before, w.books().Totals)
			require.Zero(t, w.books().Malformed)
			require.Equal(t, w.Snapshot(nil), standby[name].Snapshot(nil))
			for _, a := range w.books().Players {
				require.Equal(t, where[a.Player], name)
				n := seqs[a.Player]
				require.Equal(t, Journal{Last: n, Applied: n, Hash: a.Journal.Hash}, a.Journal)
			}
		}
	})
}

// follow gives a standby what it is given: the outcome, or the action.
func follow(t *rapid.T, w *World, out *sink, player string, payload []byte) {
	for _, delta := range out.committed {
		require.NoError(t, w.ApplyOutcome(delta))
	}
	for _, p := range out.parted {
		require.NoError(t, w.ApplyOutcome(p.delta))
	}
	if len(out.committed)+len(out.parted) == 0 {
		w.apply(&sink{closed: true}, player, payload)
	}
}

// Who comes where he has left something behind has both.
func TestArriveAgain(t *testing.T) {
	land, sea := New(), New()
	land.seat("ann")
	sea.seat("ann").items[1] = 4
	out := &sink{}
	require.True(t, land.cross(out, land.byName["ann"], nil, "sea"))
	require.Empty(t, land.players)
	require.NoError(t, sea.arrive(&sink{}, "ann", out.parted[0].baggage))
	require.Len(t, sea.players, 1)
	require.EqualValues(t, 2*Grant, sea.byName["ann"].gold)
	require.EqualValues(t, 4, sea.byName["ann"].items[1])
}

// A command that leads nowhere is refused, and the player stays.
func TestCrossRefused(t *testing.T) {
	w, out := New(), &sink{closed: true}
	w.apply(out, "ann", (&Command{Kind: Cross, N: 1, Partner: "sea"}).Append(nil))
	echo, err := ParseEcho(w.scratch)
	require.NoError(t, err)
	require.Equal(t, Refused, echo.Result)
	require.NotNil(t, w.byName["ann"])
}

func TestBadBaggage(t *testing.T) {
	w := New()
	good := (&figure{name: "ann"}).append(nil)
	for _, bad := range [][]byte{nil, good[:len(good)-1], append(good, 0)} {
		require.ErrorIs(t, w.arrive(&sink{}, "ann", bad), errBaggage)
	}
	require.ErrorIs(t, w.arrive(&sink{}, "bob", good), errBaggage)
	require.Empty(t, w.players)
	require.NoError(t, w.arrive(&sink{}, "ann", good))
}
