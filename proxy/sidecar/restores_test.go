package sidecar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
)

// A snapshot of which games die is left alone after the second death, in whatever
// incarnation they died, and one that was restored well is as good as new.
func TestSnapshotsThatKill(t *testing.T) {
	var r restores
	one, two := &buffer.Snapshot{Epoch: 3, Index: 10}, &buffer.Snapshot{Epoch: 3, Index: 11}
	r.begin("arena", nil) // a new world
	r.end("arena")
	r.begin("arena", one)
	require.False(t, r.bad("arena", idOf(one)), "one death may be chance")
	r.begin("arena", one) // the game died, another one tries
	require.True(t, r.bad("arena", idOf(one)))
	require.False(t, r.bad("arena", idOf(two)), "another snapshot")
	require.False(t, r.bad("castle", idOf(one)), "another region")

	r.begin("arena", two)
	r.end("arena")
	r.end("arena") // twice: nothing is under way
	r.begin("arena", two)
	require.False(t, r.bad("arena", idOf(two)), "the first restore was good")
	require.True(t, r.bad("arena", idOf(one)))
}

// What is remembered is bounded.
func TestRestoresForget(t *testing.T) {
	var r restores
	for i := range uint64(1000) {
		r.begin("arena", &buffer.Snapshot{Index: i})
	}
	require.LessOrEqual(t, len(r.died["arena"]), 65)
}

// The newest snapshot that is not bad is restored: the log goes back to the last.
func TestRestorable(t *testing.T) {
	r := newRig(t, "a")
	require.Nil(t, r.restorable())
	older, newer := &buffer.Snapshot{Region: "arena", Epoch: 1, Index: 5}, &buffer.Snapshot{Region: "arena", Epoch: 1, Index: 9}
	r.kept = []*buffer.Snapshot{newer, older}
	require.Same(t, newer, r.restorable())
	for range maxDeaths {
		r.life.sc.restores.begin("arena", newer)
	}
	require.Same(t, older, r.restorable())
	for range maxDeaths {
		r.life.sc.restores.begin("arena", older)
	}
	require.Nil(t, r.restorable(), "a person must look")
}
