package proxy

import (
	"cmp"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/failover"
)

// Status is how an edge is at one moment.
type Status struct {
	Name        string
	Incarnation string
	Address     string         // that players connect to; empty while it does not listen
	Draining    bool           // it says goodbye to its players
	Regions     []RegionStatus // by name
}

// RegionStatus is how an edge sees a region that it serves.
type RegionStatus struct {
	Name      string
	Epoch     uint64 // of the primary that serves, or of the last one that did
	Phase     failover.Phase
	Primary   string          // incarnation, while Serving
	Reason    failover.Reason // while Holding
	Players   int
	Kept      uint64 // actions that are not durable
	Waiting   int    // players whose log is full: they are not read
	Protected bool   // what is durable survives the loss of any one process
	Since     time.Time

	Departures uint64 // players of this edge who have left for another region
	Arrivals   uint64 // players of this edge who have come from one
	Stranded   uint64 // and those who have left for a region that the edge does not serve: they go to another edge
	Arriving   int    // those of Players who are on their way: the primary does not have them yet
}

// Status returns how the edge is now.
func (e *Edge) Status() Status {
	s := Status{Name: e.cfg.Name, Incarnation: e.id, Draining: e.draining.Load()}
	if addr := e.listens.Load(); addr != nil {
		s.Address = *addr
	}
	for _, r := range e.regions {
		s.Regions = append(s.Regions, r.status())
	}
	slices.SortFunc(s.Regions, func(a, b RegionStatus) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

func (r *region) status() RegionStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RegionStatus{
		Name: r.name, Epoch: r.machine.Epoch(), Phase: r.machine.Phase(), Primary: r.machine.Primary(), Reason: r.machine.Reason(),
		Players: len(r.players), Kept: r.buf.Stats().Kept, Waiting: r.sums.waiting,
		Protected: r.protected, Since: r.since, Departures: r.sums.departures, Arrivals: r.sums.arrivals,
		Stranded: r.sums.stranded, Arriving: r.sums.arriving,
	}
}
