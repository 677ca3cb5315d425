package mesh

import (
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Status is a mesh as its controller sees it. It is the caller's own.
type Status struct {
	Level       Level     `json:"level"`
	Fidelity    float64   `json:"fidelity"`
	LevelSince  time.Time `json:"level_since"`
	Pressure    float64   `json:"pressure"` // 1: the mesh is about to be degraded
	Failures    int       `json:"failures"` // deaths within the window
	FailedShare float64   `json:"failed_share"`
	Deaths      uint64    `json:"deaths_total"`

	Coverage float64        `json:"coverage"` // regions with all backups in sync / regions
	Covered  int            `json:"covered"`
	Regions  []RegionStatus `json:"regions"` // the most urgent first
	Servers  []ServerStatus `json:"servers"`
	Drains   []DrainStatus  `json:"drains"`
	Moves    []MoveStatus   `json:"moves"`
	Alerts   []Alert        `json:"alerts"` // that stand, the worst first
	Launches []LaunchStatus `json:"launches"`
	Stale    bool           `json:"stale"`
}

// RegionStatus is one region.
type RegionStatus struct {
	Region    string   `json:"region"`
	Rank      int      `json:"rank"` // 1 is recovered first
	Score     uint64   `json:"score"`
	Critical  bool     `json:"critical"`
	Load      Load     `json:"load"`
	Epoch     uint64   `json:"epoch"`
	Primary   string   `json:"primary"` // incarnation, empty: the lock is free
	InSync    []string `json:"in_sync"`
	Servers   []string `json:"servers"` // that have a place in it: fixed and seated
	Seats     []string `json:"seats"`
	Lead      string   `json:"lead,omitempty"` // who should be primary
	Wants     int      `json:"wants"`          // servers
	Covered   bool     `json:"covered"`        // a primary, and all backups in sync
	Protected bool     `json:"protected"`      // a backup in sync
}

// ServerStatus is one server.
type ServerStatus struct {
	Server   string   `json:"server"` // incarnation
	Name     string   `json:"name"`
	Zone     string   `json:"zone"`
	Host     string   `json:"host"`
	Pool     bool     `json:"pool"`
	Passing  bool     `json:"passing"`
	Draining bool     `json:"draining"`
	Leads    []string `json:"leads"` // regions
	Backs    []string `json:"backs"` // regions that it has a place in and does not lead
}

// DrainStatus is one server that is being emptied.
type DrainStatus struct {
	Server     string    `json:"server"`
	Name       string    `json:"name"`
	By         string    `json:"by"`
	Since      time.Time `json:"since"`
	Registered bool      `json:"registered"`
	Leads      int       `json:"leads"` // regions that it leads still
	Seats      int       `json:"seats"` // that it has still
	Done       bool      `json:"done"`
}

// MoveStatus is one region on its way.
type MoveStatus struct {
	Region string    `json:"region"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Why    Why       `json:"why"`
	State  string    `json:"state"` // copying, handing over
	Since  time.Time `json:"since"`
}

// LaunchStatus is one launch under way.
type LaunchStatus struct {
	ID      string    `json:"id"`
	Region  string    `json:"region"`
	Zone    string    `json:"zone,omitempty"`
	Attempt int       `json:"attempt"`
	Since   time.Time `json:"since"`
}

// Status is the mesh as of the last step.
func (c *Controller) Status() Status {
	s := Status{
		Level: c.degrade.level, Fidelity: c.cfg.Degrade.threshold(c.degrade.level).Fidelity,
		LevelSince: c.degrade.state(c.mesh.State).Since,
		Pressure:   c.cfg.Degrade.pressure(c.count, c.share), Failures: c.count, FailedShare: c.share,
		Deaths: c.failures.total, Alerts: c.alerts.active(), Stale: c.stale,
	}
	for _, l := range c.launches.running {
		s.Launches = append(s.Launches, LaunchStatus{l.ID, l.Region, l.Zone, l.Attempt, l.at})
	}
	if c.last != nil {
		c.last.describe(&s, c.cfg)
		s.Moves = c.moves.status(c.last)
	}
	return s
}

// Look is what anybody can say of a mesh by what Consul says alone: the Status
// without what only the controller knows (pressure, moves that are copying, alerts,
// launches).
func Look(cfg Config, m discovery.Mesh, loads map[string]Load) Status {
	c := newController(cfg)
	c.mesh, c.stale = m, m.Stale
	c.degrade.resume(m.At, m.State)
	for region, l := range loads {
		c.scores.report(region, l)
	}
	p := c.newPicture(m.At)
	c.scores.step(m.At, p)
	for _, r := range p.regions {
		p.sort(r)
		if r.published.Score > 0 || r.published.Version > 0 {
			r.score = r.published.Score // this is what recoveries go by
		}
	}
	p.rank()
	c.last = p
	return c.Status()
}

// describe fills in what the picture shows.
func (p *picture) describe(s *Status, cfg Config) {
	servers := map[string]*ServerStatus{}
	for _, one := range p.servers {
		servers[one.Incarnation] = &ServerStatus{
			Server: one.Incarnation, Name: one.Name, Zone: one.Zone, Host: one.Host,
			Pool: one.Pool, Passing: one.Passing, Draining: one.draining,
		}
	}
	for _, r := range p.ranked {
		status := p.region(r, cfg)
		if status.Covered {
			s.Covered++
		}
		s.Regions = append(s.Regions, status)
		for _, incarnation := range status.Servers {
			if one := servers[incarnation]; one != nil && !r.leads(incarnation) {
				one.Backs = append(one.Backs, r.name)
			}
		}
		if one := servers[status.Primary]; one != nil {
			one.Leads = append(one.Leads, r.name)
		}
	}
	if len(s.Regions) > 0 {
		s.Coverage = float64(s.Covered) / float64(len(s.Regions))
	}
	for _, one := range p.servers {
		s.Servers = append(s.Servers, *servers[one.Incarnation])
	}
	s.Drains = p.drainStatus()
}

func (p *picture) region(r *region, cfg Config) RegionStatus {
	out := RegionStatus{
		Region: r.name, Rank: r.rank + 1, Score: r.score, Critical: r.critical, Load: r.load,
		Epoch: r.view.Epoch, Primary: r.primary(), InSync: slices.Clone(r.view.InSync),
		Seats: slices.Clone(r.view.Seats.Servers), Lead: r.view.Seats.Lead, Wants: 1 + cfg.Backups,
		Covered: p.covered(r, cfg.Backups), Protected: p.copies(r) > 1,
	}
	for _, group := range [][]*server{r.counted, r.leaving, r.lost} {
		for _, s := range group {
			out.Servers = append(out.Servers, s.Incarnation)
		}
	}
	out.Servers = sortedNames(out.Servers)
	return out
}

func (p *picture) drainStatus() (out []DrainStatus) {
	for incarnation, drain := range p.mesh.Draining {
		d := DrainStatus{Server: incarnation, By: drain.By, Since: drain.Since}
		if s := p.byInc[incarnation]; s != nil {
			d.Name, d.Registered = s.Name, true
		}
		for _, r := range p.regions {
			if r.leads(incarnation) {
				d.Leads++
			}
			if slices.Contains(r.view.Seats.Servers, incarnation) {
				d.Seats++
			}
		}
		d.Done = d.Leads+d.Seats == 0
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b DrainStatus) int { return strings.Compare(a.Server, b.Server) })
	return out
}

func (m *moves) status(p *picture) (out []MoveStatus) {
	for _, r := range p.regions {
		mv := m.byRegion[r.name]
		if mv == nil || mv.over {
			continue
		}
		state := "copying"
		if mv.handing {
			state = "handing over"
		}
		out = append(out, MoveStatus{r.name, mv.from, mv.to, mv.why, state, mv.since})
	}
	return out
}
