package buffer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSnapshotNewer(t *testing.T) {
	at := func(epoch, index uint64) *Snapshot { return &Snapshot{Epoch: epoch, Index: index} }
	require.True(t, at(0, 0).Newer(nil))
	require.True(t, at(2, 0).Newer(at(1, 99)), "a later epoch, whatever the index")
	require.True(t, at(2, 8).Newer(at(2, 7)))
	require.False(t, at(2, 7).Newer(at(2, 7)))
	require.False(t, at(2, 6).Newer(at(2, 7)))
	require.False(t, at(1, 99).Newer(at(2, 0)))
}

func TestSnapshotApplied(t *testing.T) {
	s := &Snapshot{Players: []PlayerMark{
		{Player: "ann", Applied: 10},
		{Player: "bob"},
		{Player: "eve", Applied: 30},
	}}
	for player, want := range map[string]uint64{"ann": 10, "bob": 0, "eve": 30} {
		seq, known := s.Applied(player)
		require.True(t, known, player)
		require.Equal(t, want, seq, player)
	}
	for _, player := range []string{"", "aaa", "carl", "zoe"} {
		_, known := s.Applied(player)
		require.False(t, known, player)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Applied("eve") }))
}

func TestSnapshotSize(t *testing.T) {
	require.Equal(t, 0, (&Snapshot{}).Size())
	mark := PlayerMark{Player: "ann", Token: make([]byte, 32), Next: make([]byte, 16), From: "sea", To: "town", Parcel: make([]byte, 9)}
	require.Equal(t, 5+3+32+16+3+4+9+24+24, (&Snapshot{State: make([]byte, 5), Players: []PlayerMark{mark, {}}}).Size())
}

func TestKeepTheNewest(t *testing.T) {
	limits := DefaultLimits()
	limits.SnapshotBytes = 10
	r := NewRegion(limits)
	require.Nil(t, r.Newest())
	first := &Snapshot{Epoch: 1, Index: 5, State: make([]byte, 10)}
	require.True(t, r.Keep(first))
	require.False(t, r.Keep(&Snapshot{Epoch: 1, Index: 5}))
	require.False(t, r.Keep(&Snapshot{Epoch: 2, State: make([]byte, 11)}), "newer, and too large")
	require.Same(t, first, r.Newest())
	next := &Snapshot{Epoch: 2}
	require.True(t, r.Keep(next))
	require.False(t, r.Keep(first))
	require.Same(t, next, r.Newest())
	require.Equal(t, Stats{SnapshotsKept: 2, SnapshotsOld: 2, SnapshotsTooLarge: 1}, r.Stats())
}
