package sidecar

import (
	"sync/atomic"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Stats counts what a sidecar does. It is safe for concurrent use.
type Stats struct {
	actions, repeats, gaps, durable atomic.Uint64
	takeovers, fences, silenced     atomic.Uint64
	snapshots, snapshotBytes        atomic.Uint64
	shipped, received, outcomes     atomic.Uint64
	copies, truncations, truncated  atomic.Uint64
	setChanges, late, held          atomic.Uint64
	trials, quarantined, evictions  atomic.Uint64
	yields, left                    atomic.Uint64
	departures, arrivals            atomic.Uint64
	shippedBytes, receivedBytes     atomic.Uint64
	reported, heard, destroyed      atomic.Uint64
	claims, claimsLost              atomic.Uint64
	lives, games, spared            atomic.Uint64
	refusals                        wire.Tally
	deaths                          wire.Tally // of games
}

func (s *Stats) refuse(c wire.Code) { s.refusals.Add(c) }

// Snapshot is a copy of the counters.
type Snapshot struct {
	Actions       uint64 // appended to a region log
	Repeats       uint64 // refused without effect: the seq was there already
	Gaps          uint64 // asked for
	Durable       uint64 // acks of durability sent, one may cover many actions
	Takeovers     uint64 // epochs in which this process served
	Fences        uint64 // times that the lock was lost and nobody had taken it
	Silenced      uint64 // times that the lease was over where something was to leave
	Snapshots     uint64
	SnapshotBytes uint64
	Shipped       uint64 // records sent to backups
	Received      uint64 // records taken as a backup
	Outcomes      uint64 // committed by the game
	Copies        uint64 // snapshots sent to backups
	Truncations   uint64 // logs of backups found to differ
	Truncated     uint64 // times that our log was cut
	SetChanges    uint64 // of the in-sync set
	Late          uint64 // backups that did not acknowledge in time
	Held          uint64 // updates that waited to become durable
	Trials        uint64 // suspect actions that were tried alone
	Quarantined   uint64
	Evictions     uint64               // players who came back elsewhere
	Yields        uint64               // regions handed over as planned
	Left          uint64               // actions left to their edge during a hand-over, or by players who had gone on
	Departures    uint64               // players let go to another region
	Arrivals      uint64               // players taken in from one
	ShippedBytes  uint64               // payloads of Shipped
	ReceivedBytes uint64               // payloads of Received
	Reported      uint64               // our words against a primary
	Heard         uint64               // such words of edges and other backups
	Destroyed     uint64               // sessions of primaries that we have ended for two words against them
	Claims        uint64               // attempts to take a region over
	ClaimsLost    uint64               // those of them that came to nothing
	Incarnations  uint64               // begun
	Games         uint64               // that have said hello
	Spared        uint64               // times that a game was silent for too long, and waited for a CPU
	Deaths        map[wire.Code]uint64 // of games
	Refused       map[wire.Code]uint64
}

func (s *Stats) snapshot() Snapshot {
	return Snapshot{
		Actions: s.actions.Load(), Repeats: s.repeats.Load(), Gaps: s.gaps.Load(), Durable: s.durable.Load(),
		Takeovers: s.takeovers.Load(), Fences: s.fences.Load(), Silenced: s.silenced.Load(),
		Snapshots: s.snapshots.Load(), SnapshotBytes: s.snapshotBytes.Load(),
		Shipped: s.shipped.Load(), Received: s.received.Load(), Outcomes: s.outcomes.Load(),
		Copies: s.copies.Load(), Truncations: s.truncations.Load(), Truncated: s.truncated.Load(),
		SetChanges: s.setChanges.Load(), Late: s.late.Load(), Held: s.held.Load(),
		Trials: s.trials.Load(), Quarantined: s.quarantined.Load(), Evictions: s.evictions.Load(),
		Yields: s.yields.Load(), Left: s.left.Load(), Departures: s.departures.Load(), Arrivals: s.arrivals.Load(),
		ShippedBytes: s.shippedBytes.Load(), ReceivedBytes: s.receivedBytes.Load(),
		Reported: s.reported.Load(), Heard: s.heard.Load(), Destroyed: s.destroyed.Load(),
		Claims: s.claims.Load(), ClaimsLost: s.claimsLost.Load(), Incarnations: s.lives.Load(), Games: s.games.Load(),
		Spared: s.spared.Load(), Deaths: s.deaths.Counts(), Refused: s.refusals.Counts(),
	}
}
