package sidecar

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// successor is the primary of an epoch that has the log of the last one.
func successor(t *testing.T, epoch uint64, log []buffer.Record) *rig {
	t.Helper()
	r := newRig(t, fmt.Sprint("server", epoch))
	r.follow(epoch - 1)
	r.receive(log...)
	r.elect(epoch)
	return r
}

func (r *rig) history() (log []buffer.Record) {
	for i := r.base() + 1; i <= r.end(); i++ {
		log = append(log, *r.records.At(i))
	}
	return log
}

// mark is what the last record says: of whom, and how often tried.
func (r *rig) mark() [2]uint64 {
	r.t.Helper()
	rec := r.records.At(r.end())
	require.Equal(r.t, buffer.KindMark, rec.Kind)
	return [2]uint64{rec.ID, rec.Number}
}

// A game that got no CPU says nothing of the suspect that it had in hand: only the
// deaths of others count.
func TestStarvedGameBlamesNoAction(t *testing.T) {
	require.False(t, failover.ReasonStarved.Suspicious(true))
	r := successor(t, 2, []buffer.Record{attach(1, 1, 1, "ann", "", ""), action(1, 1, 1)})
	require.Equal(t, [2]uint64{0, 1}, r.mark(), "one for all: a first death")
	r.gameLost(wire.CodeGameStarved, time.Now())
	require.Equal(t, [2]uint64{0, 1}, r.mark())

	r = successor(t, 3, r.history())
	require.True(t, r.feed.careful)
	require.Equal(t, [2]uint64{1, 2}, r.mark(), "so that a death of all that know counts")
	r.gameLost(wire.CodeGameStarved, time.Now())
	require.Equal(t, [2]uint64{1, 1}, r.mark(), "taken back")

	r = successor(t, 4, r.history())
	require.Zero(t, r.stats.quarantined.Load())
	require.Equal(t, [2]uint64{1, 2}, r.mark(), "tried again")
	r.gameLost(wire.CodeGameHang, time.Now())

	r = successor(t, 5, r.history())
	require.EqualValues(t, 1, r.stats.quarantined.Load(), "the second death")
}

// Nor of the snapshot that it was given.
func TestStarvedGameBlamesNoSnapshot(t *testing.T) {
	r := newRig(t, "a")
	snap := &buffer.Snapshot{Region: "arena", Epoch: 1, Index: 5}
	restores := &r.life.sc.restores
	for range maxDeaths + 1 {
		restores.begin("arena", snap)
		r.gameLost(wire.CodeGameStarved, time.Now())
	}
	require.False(t, restores.bad("arena", idOf(snap)))
	for range maxDeaths {
		restores.begin("arena", snap)
		r.gameLost(wire.CodeGameHang, time.Now())
	}
	require.True(t, restores.bad("arena", idOf(snap)))
}
