package sidecar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// The status of a primary tells how far its slowest backup is behind, and since when.
func TestStatus(t *testing.T) {
	r := newRig(t, "a")
	require.Equal(t, Status{}, r.life.sc.Status(), "no incarnation serves")
	r.life.sc.life.Store(r.life)
	require.Equal(t, RegionStatus{Name: "arena", Role: RoleCopying}, r.life.sc.Status().Regions[0])
	r.member = true
	require.Equal(t, RoleBackup, r.life.sc.Status().Regions[0].Role)

	r.elect(1)
	edge := r.stream(wire.RoleEdge, "edge")
	b, c := r.backup("b"), r.backup("c")
	require.NoError(t, r.attach(edge, wire.Attach{Epoch: 1, Handle: 5, Player: "ann"}))
	for seq := range uint64(3) {
		require.NoError(t, r.action(edge, wire.Action{Epoch: 1, Handle: 5, Seq: seq + 1, Payload: []byte("four")}))
	}
	b.Fill(nil)
	shipped := r.stats.snapshot()
	require.EqualValues(t, 4, shipped.Shipped, "the attachment and three actions")
	require.Greater(t, shipped.ShippedBytes, uint64(12))
	require.NoError(t, r.have(b, wire.Have{Epoch: 1, Index: r.end() - 1, Of: 1}))
	c.replica.waiting = time.Now().Add(-time.Minute)

	s := r.life.sc.Status()
	require.Equal(t, "a", s.Incarnation)
	require.True(t, s.Game)
	require.Negative(t, s.Lease, "the rig's session was never renewed")
	got := s.Regions[0]
	require.GreaterOrEqual(t, got.Owed, time.Minute)
	require.Equal(t, RegionStatus{
		Name: "arena", Role: RolePrimary, Epoch: 1, End: r.end(), Commit: r.commit, Records: r.end(), LogBytes: got.LogBytes,
		Leased: true, Players: 1, Backups: 2, Lag: 4, Owed: got.Owed, Held: got.Held,
	}, got)
	require.GreaterOrEqual(t, got.LogBytes, 12)
	require.Zero(t, r.stats.silenced.Load(), "looking is not speaking")

	r.gameLost(wire.CodeGameExit, time.Now())
	require.Equal(t, RoleRestoring, r.life.sc.Status().Regions[0].Role)
}

// An incarnation that is deposed because its game has died says that it was of that.
func TestVerdict(t *testing.T) {
	r := newRig(t, "a")
	l := r.life
	l.fate.Store(uint64(wire.CodeGameExit))
	l.end(&endError{code: wire.CodeDeposed})
	require.Equal(t, wire.CodeGameExit, l.verdict())
	l.fate.Store(0)
	require.Equal(t, wire.CodeDeposed, l.verdict(), "its game plays on")

	l = newRig(t, "b").life
	l.fate.Store(uint64(wire.CodeGameExit))
	l.end(&endError{code: wire.CodeProtocol})
	require.Equal(t, wire.CodeProtocol, l.verdict(), "it ends for something else")
}
