package mesh

import (
	"maps"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// drains knows which servers are to be emptied: since when we know, and which ones
// are empty.
//
//	          every seat replaced, every lock moved         not registered any more
//	draining ───────────────────────────────────▶ drained ─────────────────────────▶ forgotten
//	          (a fixed server: every lock)
type drains struct {
	since   map[string]time.Time
	told    map[string]bool      // it is empty, and that has been said
	cleared map[string]time.Time // leftovers: when they were last cleared
}

func newDrains() drains {
	return drains{since: map[string]time.Time{}, told: map[string]bool{}, cleared: map[string]time.Time{}}
}

func (d *drains) see(now time.Time, m *discovery.Mesh) {
	for incarnation := range m.Draining {
		if _, known := d.since[incarnation]; !known {
			d.since[incarnation] = now
		}
	}
	maps.DeleteFunc(d.since, func(incarnation string, _ time.Time) bool {
		_, still := m.Draining[incarnation]
		if !still {
			delete(d.told, incarnation)
			delete(d.cleared, incarnation)
		}
		return !still
	})
}

// waited is for how long a server has been draining, as far as we know.
func (d *drains) waited(now time.Time, incarnation string) time.Duration {
	since, known := d.since[incarnation]
	if !known {
		return 0
	}
	return now.Sub(since)
}

// step tells which servers are empty, and clears what is left over of those that
// are gone.
func (d *drains) step(now time.Time, p *picture) (cmds []Command) {
	busy := p.busyServers()
	for _, s := range p.servers {
		if !s.draining {
			continue
		}
		empty := !busy[s.Incarnation]
		if empty && !d.told[s.Incarnation] {
			cmds = append(cmds, Drained{Server: s.Incarnation, Name: s.Name, Took: d.waited(now, s.Incarnation)})
		}
		d.told[s.Incarnation] = empty // it may be given something by a failover
	}
	for _, incarnation := range p.mesh.Leftovers(now) {
		if now.Sub(d.cleared[incarnation]) >= writeLimit {
			d.cleared[incarnation] = now
			cmds = append(cmds, ClearDrain{Server: incarnation})
		}
	}
	return cmds
}

// busyServers are those that Consul says lead, have a seat, or are still counted on
// where they have none: the primary lets them go at once, unless it has nobody else.
func (p *picture) busyServers() map[string]bool {
	busy := map[string]bool{}
	for _, r := range p.regions {
		for _, incarnation := range r.view.InSync {
			s, ok := p.mesh.Server(incarnation)
			if ok && len(r.view.InSync) > 2 && !slices.Contains(s.Regions, r.view.Region) {
				busy[incarnation] = true
			}
		}
		for _, incarnation := range r.view.Seats.Servers {
			busy[incarnation] = true
		}
		if r.view.Primary != nil {
			busy[r.view.Primary.Incarnation] = true
		}
	}
	return busy
}
