package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// leader is the server that the registry calls primary of a region, if it is one
// that we know well enough to harm it.
func (s *stage) leader(k known, region string) *fleet.Server {
	v := k.regions[region].view
	if v.Primary == nil || v.Stale {
		return nil
	}
	name := k.names[v.Primary.Incarnation]
	i := slices.IndexFunc(s.servers, func(server *fleet.Server) bool { return server.Name == name })
	if i < 0 || k.lives[name] != v.Primary.Incarnation || s.servers[i].Game() == 0 {
		return nil
	}
	return s.servers[i]
}

// living is how many of some incarnations are of servers as they live now.
func (k *known) living(incarnations []string) (n int) {
	for _, incarnation := range incarnations {
		if name := k.names[incarnation]; name != "" && k.lives[name] == incarnation {
			n++
		}
	}
	return n
}

// wants is how many servers a region should have in sync, when some are not there.
func (r *Region) wants(servers int, without []string) int {
	if len(r.fixed) == 0 {
		return min(1+backups, servers-len(without))
	}
	n := 0
	for _, name := range r.fixed {
		if !slices.Contains(without, name) {
			n++
		}
	}
	return n
}

// covered tells whether a region has all the backups that it should have: the
// registry says so, and the primary's log, which may come later.
func (k *known) covered(region string, servers int, without []string) bool {
	r := k.regions[region]
	return !r.view.Stale && k.insync(region) >= r.wants(servers, without)
}

// insync is how many living servers of a region are in sync, as both say.
func (k *known) insync(region string) int {
	r := k.regions[region]
	return k.living(slices.DeleteFunc(slices.Clone(r.view.InSync), func(id string) bool { return !slices.Contains(r.set, id) }))
}

// whole tells whether everything that is meant to be there serves: each region has
// a primary and its backups, and each server and edge lives. Some are not meant to
// be there.
func (s *stage) whole(k known, without []string) bool { return len(s.lacks(k, without)) == 0 }

// lacks says what a mesh lacks to be whole.
func (s *stage) lacks(k known, without []string) (what []string) {
	for _, r := range s.regions {
		switch {
		case s.leader(k, r.Name) == nil:
			what = append(what, r.Name+" has no primary")
		case !k.covered(r.Name, len(s.servers), without):
			what = append(what, fmt.Sprintf("%s has %d of %d servers in sync", r.Name, k.insync(r.Name), r.wants(len(s.servers), without)))
		}
	}
	for _, server := range s.servers {
		if k.lives[server.Name] == "" && !slices.Contains(without, server.Name) {
			what = append(what, server.Name+" is not there")
		}
	}
	for _, edge := range s.edges {
		if n := len(k.follows[edge.Name]); n < len(s.regions) && !slices.Contains(without, edge.Name) {
			what = append(what, fmt.Sprintf("%s follows %d of %d regions", edge.Name, n, len(s.regions)))
		}
	}
	return what
}

// standings are all regions as they stand now, in a mesh that is whole.
func (s *stage) standings() (out []standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.regions {
		v := s.known.regions[r.Name].view
		now := standing{Region: r, epoch: v.Epoch, score: v.Seats.Score}
		if v.Primary != nil {
			now.leader = s.known.names[v.Primary.Incarnation]
		}
		for _, id := range v.InSync {
			now.members = append(now.members, s.known.names.of(id))
		}
		slices.Sort(now.members)
		out = append(out, now)
	}
	return out
}

// epochs is the sum of those of all regions.
func (s *stage) epochs() (sum uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.known.regions {
		sum += r.view.Epoch
	}
	return sum
}

// busiest is the edge with the most players, given how many are on each address.
func (s *stage) busiest(on map[string]int) (edge *fleet.Server) {
	most := -1
	for _, e := range s.edges {
		if n := on[s.addr(e.Name)]; n > most {
			edge, most = e, n
		}
	}
	return edge
}

// protectedAfter is how long after a moment an in-sync set changed last.
func (s *stage) protectedAfter(moment time.Time) (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.known.regions {
		longest = max(longest, r.setAt.Sub(moment))
	}
	return longest
}
