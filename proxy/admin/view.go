package admin

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

const (
	// maxNames bounds the names of servers that are gone: those of the recorded
	// failovers, and of many restarts more.
	maxNames = 4096
	// maxRanks bounds the ranks of failovers: more than an edge records.
	maxRanks = 256
	// edgesEvery is how often Consul is asked for the edges.
	edgesEvery = 5 * time.Second
)

// view is what is known of the mesh besides what edge and controller say.
type view struct {
	began time.Time

	mu     sync.Mutex // guards the fields below
	mesh   discovery.Mesh
	known  bool
	names  map[string]string // of servers by incarnation, those that are gone too
	order  []string          // incarnations in names, the oldest first
	states map[string]stateSince
	edges  []discovery.EdgeServer
	ranks  map[uint64]int // of the regions of failovers when they began, by ID
}

type stateSince struct {
	state State
	since time.Time
}

func newView() *view {
	return &view{began: time.Now(), names: map[string]string{}, states: map[string]stateSince{}, ranks: map[uint64]int{}}
}

// latest is the last Mesh; known is false before the first.
func (v *view) latest() (m discovery.Mesh, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.mesh, v.known
}

// see takes a Mesh in and returns the one before.
func (v *view) see(m discovery.Mesh) (before discovery.Mesh, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, known = v.mesh, v.known
	v.mesh, v.known = m, true
	for _, s := range m.Servers {
		if _, told := v.names[s.Incarnation]; !told {
			v.order = append(v.order, s.Incarnation)
		}
		v.names[s.Incarnation] = s.Name
	}
	for len(v.order) > maxNames {
		delete(v.names, v.order[0])
		v.order = v.order[1:]
	}
	return before, known
}

// name is what people call an incarnation.
func (v *view) name(incarnation string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.nameLocked(incarnation)
}

func (v *view) nameLocked(incarnation string) string {
	return cmp.Or(v.names[incarnation], incarnation)
}

// names lists what people call incarnations, sorted.
func (v *view) namesOf(incarnations []string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]string, 0, len(incarnations))
	for _, incarnation := range incarnations {
		out = append(out, v.nameLocked(incarnation))
	}
	slices.Sort(out)
	return out
}

// since notes a region's state, and tells since when it has it.
func (v *view) since(region string, state State, now time.Time) time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.states[region].state != state {
		v.states[region] = stateSince{state, now}
	}
	return v.states[region].since
}

// ranked notes the rank of a region whose failover begins.
func (v *view) ranked(failover uint64, rank int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ranks[failover] = rank
	if failover > maxRanks {
		delete(v.ranks, failover-maxRanks) // IDs rise by one
	}
}

// follow takes in the meshes as they come, until ctx ends.
func (s *Server) follow(ctx context.Context) error {
	meshes, stop := s.cfg.Source.Subscribe()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-meshes:
			if before, known := s.view.see(m); known {
				s.tellChanges(before, m)
			}
			s.status(time.Now()) // notes the states of regions, looked at or not
		}
	}
}

// askEdges asks for the registered edges now and then, until ctx ends. That Consul
// does not answer is shown elsewhere.
func (s *Server) askEdges(ctx context.Context) error {
	if s.cfg.Edges == nil {
		return nil
	}
	tick := time.NewTicker(edgesEvery)
	defer tick.Stop()
	for {
		if edges, err := s.cfg.Edges(ctx); err == nil {
			s.view.mu.Lock()
			s.view.edges = edges
			s.view.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
