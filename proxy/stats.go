package proxy

import (
	"sync/atomic"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Stats counts what an edge does. It is safe for concurrent use.
type Stats struct {
	sessions, switches, holds atomic.Uint64
	moves                     atomic.Uint64
	spares                    atomic.Int64
	stale, snapshots, lost    atomic.Uint64
	refusals                  wire.Tally // frames, joins, attaches
	joins                     wire.Tally // those of them that are of joins
	ends                      wire.Tally // sessions
}

func (s *Stats) refuse(c wire.Code) { s.refusals.Add(c) }

// turnAway counts a player who was not let in.
func (s *Stats) turnAway(c wire.Code) {
	s.refusals.Add(c)
	s.joins.Add(c)
}

// Counters is a copy of the counters.
type Counters struct {
	Sessions  uint64 // welcomed so far
	Switches  uint64 // to a primary
	Holds     uint64 // times that a region began to hold
	Moves     uint64 // of players who went from one region to another
	Spares    int64  // connections, now, of players who are at another edge
	Stale     uint64 // frames of a lower epoch, refused
	Snapshots uint64 // kept
	Lost      uint64 // durable actions that a region came back without
	Refused   map[wire.Code]uint64
	Joins     map[wire.Code]uint64 // those of Refused that were players who were not let in
	Ended     map[wire.Code]uint64 // sessions by the code they ended with
	Thinned   map[string]uint64    // unreliable updates that were left out, by region
	Failovers []FailoverCount      // by region and reason, a second late: until then the reason may turn out to be another
}

func (s *Stats) counters() Counters {
	return Counters{
		Sessions: s.sessions.Load(), Switches: s.switches.Load(), Holds: s.holds.Load(), Moves: s.moves.Load(), Spares: s.spares.Load(),
		Stale: s.stale.Load(), Snapshots: s.snapshots.Load(), Lost: s.lost.Load(),
		Refused: s.refusals.Counts(), Joins: s.joins.Counts(), Ended: s.ends.Counts(),
	}
}

// Kept returns the log counters of a region; they obey buffer.Stats' law of
// conservation. The zero Stats is returned for a region that is not served here.
func (e *Edge) Kept(name string) buffer.Stats {
	r := e.regions[name]
	if r == nil {
		return buffer.Stats{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Stats()
}
