package mesh

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// placement gives seats. It changes as little as it can: nobody who is well loses
// a seat, unless the region has had more than it wants for Trim.
//
//	           chosen              in sync             drained, others stand
//	pool ──────────────▶ seated ──────────▶ in sync ────────────────────────▶ pool
//	                        │                  │
//	                        └── dead: stays until somebody has its place, or it is gone
type placement struct {
	wants   int // servers in each region
	trim    time.Duration
	wait    time.Duration        // of a drain, for a server that could replace the one that is drained
	surplus map[string]time.Time // regions with a seat more than they want: since when
}

// shortage is a region that lacks servers, when no other one can be had.
type shortage struct {
	region string
	lacks  int
	zones  map[string]int // of the servers that it has
}

func newPlacement(cfg Config) placement {
	return placement{wants: 1 + cfg.Backups, trim: cfg.Trim, wait: cfg.Moves.DrainWait, surplus: map[string]time.Time{}}
}

// step decides the seats of all regions, and tells which ones lack servers. guests
// are servers that must have a seat, by region: somebody wants to move it there.
func (pl *placement) step(now time.Time, p *picture, guests map[string]string, drains *drains) []shortage {
	for _, r := range p.regions {
		p.sort(r)
	}
	var short []shortage
	for _, r := range pl.order(p) {
		if guest := p.byInc[guests[r.name]]; guest != nil && guest.Pool && guest.counts() && !r.has(guest) {
			r.take(guest)
		}
		if lacks := pl.fill(p, r); lacks > 0 {
			short = append(short, shortage{r.name, lacks, zones(r)})
		}
	}
	for _, r := range p.regions {
		pl.clear(now, r, drains)
		pl.trimOne(now, r, guests[r.name])
		r.seats = r.published
		r.seats.Servers = r.seated()
	}
	maps.DeleteFunc(pl.surplus, func(name string, _ time.Time) bool { return p.byName[name] == nil })
	return short
}

// sort tells the seated servers of a region apart. The fixed ones are there.
func (p *picture) sort(r *region) {
	for _, incarnation := range r.published.Servers {
		s := p.byInc[incarnation]
		switch {
		case s == nil && !p.gone(incarnation):
			r.unseen = append(r.unseen, incarnation)
			continue
		case s == nil || !s.Pool || r.fixed(s):
			continue // it cannot use a seat, or needs none
		case s.dead:
			r.lost = append(r.lost, s)
		case s.draining:
			r.leaving = append(r.leaving, s)
		default:
			r.counted = append(r.counted, s)
		}
		s.seats++
	}
}

// order is who chooses first: who has the fewest servers, then who is most urgent.
func (pl *placement) order(p *picture) []*region {
	out := slices.Clone(p.ranked)
	slices.SortStableFunc(out, func(a, b *region) int { return cmp.Compare(len(a.counted), len(b.counted)) })
	return out
}

// fill seats servers in a region until it has what it wants, and returns how many
// it lacks then.
func (pl *placement) fill(p *picture, r *region) (lacks int) {
	for lacks = pl.wants - len(r.counted) - len(r.unseen); lacks > 0; lacks-- {
		best := p.choose(r)
		if best == nil {
			return lacks
		}
		r.take(best)
	}
	return 0
}

func (r *region) take(s *server) {
	s.seats++
	r.counted = append(r.counted, s)
}

// choose is the server that a region should get next, nil if there is none: one
// that has its state already, one of another host and zone than those it has, the
// one with the least to do.
func (p *picture) choose(r *region) *server {
	var best *server
	var at fitness
	for _, s := range p.servers {
		if !s.Pool || !s.usable() || s.dead || s.newcomer && !r.holds(s.Incarnation) || r.fixed(s) || r.has(s) {
			continue
		}
		if f := r.fits(s); best == nil || f.better(at) {
			best, at = s, f
		}
	}
	return best
}

// fitness is how well a server would suit a region; less of each is better, the
// first ones count more.
type fitness struct {
	stateless  bool
	host, zone int // servers of the region on the same host, in the same zone
	seats      int
	tie        uint64
}

func (r *region) fits(s *server) fitness {
	f := fitness{stateless: !r.holds(s.Incarnation), seats: s.seats, tie: spread(r.name, s.Incarnation)}
	for _, other := range r.counted {
		if other == s {
			continue
		}
		if s.Host != "" && other.Host == s.Host {
			f.host++
		}
		if s.Zone != "" && other.Zone == s.Zone {
			f.zone++
		}
	}
	return f
}

func (f fitness) better(o fitness) bool {
	if f.stateless != o.stateless {
		return o.stateless
	}
	return cmp.Or(
		cmp.Compare(f.host, o.host), cmp.Compare(f.zone, o.zone), cmp.Compare(f.seats, o.seats), cmp.Compare(f.tie, o.tie),
	) < 0
}

// clear takes seats from those who have been replaced: dead ones as soon as their
// place is taken, draining ones when the region stands without them.
func (pl *placement) clear(now time.Time, r *region, drains *drains) {
	free := max(0, pl.wants-len(r.counted)-len(r.unseen))
	slices.SortStableFunc(r.lost, func(a, b *server) int { return first(r.inSync(a.Incarnation), r.inSync(b.Incarnation)) })
	r.lost = r.lost[:min(len(r.lost), free)]
	r.leaving = slices.DeleteFunc(r.leaving, func(s *server) bool {
		return !r.leads(s.Incarnation) && r.published.Lead != s.Incarnation &&
			(!r.inSync(s.Incarnation) || r.view.Primary != nil && pl.replaced(now, r, s, drains))
	})
}

// first sorts true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// replaced tells whether a region can do without a draining server: all that it
// wants are in sync besides it, or all that can be had, at least one, and the
// drain has waited for more.
func (pl *placement) replaced(now time.Time, r *region, s *server, drains *drains) bool {
	n := r.standsWithout(s.Incarnation)
	if n >= pl.wants {
		return true
	}
	return n >= max(1, len(r.counted)+len(r.unseen)) && drains.waited(now, s.Incarnation) >= pl.wait
}

// trimOne takes one seat from a region that has had too many for a while.
func (pl *placement) trimOne(now time.Time, r *region, guest string) {
	if len(r.counted) <= pl.wants {
		delete(pl.surplus, r.name)
		return
	}
	since, known := pl.surplus[r.name]
	if !known {
		pl.surplus[r.name] = now
		return
	}
	if now.Sub(since) < pl.trim || r.busy {
		return
	}
	if i := pl.dispensable(r, guest); i >= 0 {
		r.counted = slices.Delete(r.counted, i, i+1)
		delete(pl.surplus, r.name)
	}
}

// dispensable is the index of the seated server that a region misses least, -1 if
// there is none: it stands without it, and nobody wants it to lead.
func (pl *placement) dispensable(r *region, guest string) int {
	worst, at := -1, fitness{}
	for i, s := range r.counted {
		inc := s.Incarnation
		if r.fixed(s) || r.leads(inc) || inc == r.published.Lead || inc == guest || r.standsWithout(inc) < pl.wants {
			continue
		}
		if f := r.fits(s); worst < 0 || at.better(f) {
			worst, at = i, f
		}
	}
	return worst
}

// seated lists the incarnations that have a seat, sorted.
func (r *region) seated() []string {
	out := slices.Clone(r.unseen)
	for _, group := range [][]*server{r.counted, r.leaving, r.lost} {
		for _, s := range group {
			if !r.fixed(s) {
				out = append(out, s.Incarnation)
			}
		}
	}
	return sortedNames(out)
}

// zones counts the zones of a region's servers.
func zones(r *region) map[string]int {
	out := map[string]int{}
	for _, s := range r.counted {
		out[s.Zone]++
	}
	return out
}
