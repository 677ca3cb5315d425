package mesh

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// picture is what one step decides on: the Mesh, with the writes that are on their
// way to Consul counted as done. The machines change the seats in it.
type picture struct {
	mesh    *discovery.Mesh
	gone    func(incarnation string) bool // missing for Patience
	servers []*server                     // sorted by incarnation
	byInc   map[string]*server
	regions []*region // that are wanted, sorted by name
	ranked  []*region // the same, the most urgent first
	byName  map[string]*region
	ghosts  []*region // that nobody wants: nothing but seats that were given once
}

// server is one that is registered.
type server struct {
	discovery.Server
	draining bool
	dead     bool // its check has failed for Patience
	newcomer bool // others are about to come
	seats    int  // regions that it is fixed for or has a seat in
	leads    int  // locks that it holds, and regions that are on their way to it
}

// counts tells whether a region may rely on it.
func (s *server) counts() bool { return !s.draining && !s.dead }

// usable tells whether it may be given something.
func (s *server) usable() bool { return s.Passing && !s.draining }

// region is one region, and what is decided for it.
type region struct {
	name      string
	view      discovery.View
	published discovery.Seats // as they are, or will be when a write is done
	seats     discovery.Seats // as they should be
	busy      bool            // a write is on its way: no other now

	load     Load
	critical bool
	score    uint64
	scoreDue bool
	rank     int // 0 is recovered first

	// Who is in it, by what becomes of them (see placement).
	counted []*server // fixed and seated, that count
	leaving []*server // seated, and draining
	lost    []*server // seated, registered, and dead
	unseen  []string  // seated and not registered, not long enough to be dead
}

// newPicture lays a fresh Mesh out.
func (c *Controller) newPicture(now time.Time) *picture {
	m := &c.mesh
	p := &picture{
		mesh: m, gone: func(incarnation string) bool { return c.health.dead(now, incarnation) },
		byInc: make(map[string]*server, len(m.Servers)), byName: make(map[string]*region, len(m.Regions)),
	}
	for _, s := range m.Servers {
		_, draining := m.Draining[s.Incarnation]
		one := &server{
			Server: s, draining: draining,
			dead: c.health.dead(now, s.Incarnation), newcomer: c.health.newcomer(now, s.Incarnation),
		}
		p.servers = append(p.servers, one)
		p.byInc[s.Incarnation] = one
	}
	for name, view := range m.Regions {
		p.add(name, view, c.configured[name])
	}
	for name := range c.configured {
		if _, known := m.Regions[name]; !known {
			p.add(name, m.Region(name), true)
		}
	}
	slices.SortFunc(p.regions, func(a, b *region) int { return strings.Compare(a.name, b.name) })
	for _, r := range p.regions {
		c.writes.overlay(now, r)
	}
	for _, r := range p.ghosts {
		c.writes.overlay(now, r)
	}
	p.count()
	return p
}

func (p *picture) add(name string, view discovery.View, configured bool) {
	r := &region{name: name, view: view, published: view.Seats}
	if !configured && !r.wanted() {
		p.ghosts = append(p.ghosts, r)
		return
	}
	p.regions = append(p.regions, r)
	p.byName[name] = r
}

// wanted tells whether a region has been played in, or a server is configured with it.
func (r *region) wanted() bool {
	v := r.view
	return v.Epoch > 0 || v.Primary != nil || v.InSyncKnown ||
		slices.ContainsFunc(v.Servers, func(s discovery.Server) bool { return slices.Contains(s.Regions, r.name) })
}

// count says what each server has to do already.
func (p *picture) count() {
	for _, s := range p.servers {
		for _, name := range s.Regions {
			if r := p.byName[name]; r != nil {
				s.seats++
				if s.counts() {
					r.counted = append(r.counted, s)
				}
			}
		}
	}
	for _, r := range p.regions {
		if r.view.Primary == nil {
			continue
		}
		if s := p.byInc[r.view.Primary.Incarnation]; s != nil {
			s.leads++
		}
	}
}

// rank sorts the regions by score, when they have theirs.
func (p *picture) rank() {
	p.ranked = slices.Clone(p.regions)
	slices.SortFunc(p.ranked, func(a, b *region) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.name, b.name))
	})
	for i, r := range p.ranked {
		r.rank = i
	}
}

// leads tells whether a server holds the region's lock.
func (r *region) leads(incarnation string) bool {
	return r.view.Primary != nil && r.view.Primary.Incarnation == incarnation
}

// inSync tells whether a server is in the region's in-sync set.
func (r *region) inSync(incarnation string) bool {
	_, ok := slices.BinarySearch(r.view.InSync, incarnation)
	return ok
}

// fixed tells whether a server is configured with the region.
func (r *region) fixed(s *server) bool { return slices.Contains(s.Regions, r.name) }

// holds tells whether a server has the region's state.
func (r *region) holds(incarnation string) bool { return r.leads(incarnation) || r.inSync(incarnation) }

// copies counts the servers of the in-sync set that pass, the primary among them. A cold region has the one that leads it.
func (p *picture) copies(r *region) (n int) {
	if !r.view.InSyncKnown {
		if r.view.Primary != nil && p.alive(r.view.Primary.Incarnation) {
			return 1
		}
		return 0
	}
	for _, incarnation := range r.view.InSync {
		if p.alive(incarnation) {
			n++
		}
	}
	return n
}

func (p *picture) alive(incarnation string) bool {
	s := p.byInc[incarnation]
	return s != nil && s.Passing
}

// standsWithout counts who would have the region's state for good without one
// server: in sync, in a place, neither dead nor draining.
func (r *region) standsWithout(incarnation string) (n int) {
	for _, s := range r.counted {
		if s.Incarnation != incarnation && s.Passing && r.inSync(s.Incarnation) {
			n++
		}
	}
	return n
}

// has tells whether a server has a place in the region.
func (r *region) has(s *server) bool {
	return slices.Contains(r.counted, s) || slices.Contains(r.leaving, s) || slices.Contains(r.lost, s)
}

// covered tells whether the region has a primary and all of its backups in sync.
func (p *picture) covered(r *region, backups int) bool {
	return r.view.Primary != nil && p.copies(r) >= 1+backups
}

// spread breaks ties between servers, for each region in another way.
func spread(region, incarnation string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(region))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(incarnation))
	return h.Sum64()
}

func sortedNames(names []string) []string {
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
