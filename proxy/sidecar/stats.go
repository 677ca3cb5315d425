package sidecar

import (
	"sync/atomic"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Stats counts what a sidecar does. It is safe for concurrent use.
type Stats struct {
	actions, repeats, gaps, durable atomic.Uint64
	takeovers                       atomic.Uint64
	snapshots, snapshotBytes        atomic.Uint64
	refusals                        wire.Tally
}

func (s *Stats) refuse(c wire.Code) { s.refusals.Add(c) }

// Snapshot is a copy of the counters.
type Snapshot struct {
	Actions       uint64 // appended to a region log
	Repeats       uint64 // refused without effect: the seq was there already
	Gaps          uint64 // asked for
	Durable       uint64 // acks of durability sent, one may cover many actions
	Takeovers     uint64 // epochs in which this process served
	Snapshots     uint64
	SnapshotBytes uint64
	Refused       map[wire.Code]uint64
}

func (s *Stats) snapshot() Snapshot {
	return Snapshot{
		Actions: s.actions.Load(), Repeats: s.repeats.Load(), Gaps: s.gaps.Load(), Durable: s.durable.Load(),
		Takeovers: s.takeovers.Load(), Snapshots: s.snapshots.Load(), SnapshotBytes: s.snapshotBytes.Load(),
		Refused: s.refusals.Counts(),
	}
}
