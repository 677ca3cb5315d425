package mesh

import (
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Controller decides for the mesh, as long as its caller holds the controller's
// lock. The zero value is not usable; see New.
type Controller struct {
	cfg    Config
	mesh   discovery.Mesh // the last one that was fresh
	known  bool           // there is one
	stale  bool           // Consul does not answer
	settle time.Time      // until then deaths are not counted

	counted    bool            // the deaths that the mesh shows
	configured map[string]bool // regions

	health    health
	failures  failures
	degrade   degrade
	scores    scores
	placement placement
	moves     moves
	drains    drains
	launches  launches
	alerts    alerts
	writes    writes

	count int // deaths in the window, as of the last step
	share float64
	short []shortage
	last  *picture // of the last step, for Status
}

// New returns a Controller that knows nothing yet.
func New(cfg Config) (*Controller, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newController(cfg), nil
}

func newController(cfg Config) *Controller {
	c := &Controller{
		cfg: cfg, health: newHealth(cfg), failures: newFailures(cfg.Degrade.Window), degrade: degrade{cfg: cfg.Degrade},
		scores: newScores(cfg), placement: newPlacement(cfg), moves: newMoves(cfg.Moves), drains: newDrains(),
		launches: newLaunches(cfg), alerts: newAlerts(cfg.AlertEvery), writes: newWrites(),
		configured: map[string]bool{},
	}
	for _, name := range cfg.Regions {
		c.configured[name] = true
	}
	return c
}

// Step takes one event and returns what to do.
func (c *Controller) Step(now time.Time, ev Event) []Command {
	switch ev := ev.(type) {
	case Seen:
		c.see(now, ev.Mesh)
		return c.decide(now)
	case Tick:
		return c.decide(now)
	case LoadSeen:
		c.scores.report(ev.Region, ev.Load)
	case SeatsWritten:
		c.writes.ended(now, ev.Region, ev.Err)
	case StateWritten:
		c.writes.stateEnded(now, ev.Err)
	case LaunchEnded:
		c.launches.ended(now, ev.ID, ev.Err)
	default:
		panic(fmt.Sprintf("mesh: unknown event %T", ev))
	}
	return nil
}

// Move asks for a region to be led by a server, which is called by its incarnation
// or by its name. That it is there, or on its way, is no error. The others are
// MoveErrors. What came of it is told by Moved or MoveFailed.
func (c *Controller) Move(now time.Time, region, to string) error {
	if !c.known || c.stale {
		return &MoveError{region, to, ConsulAway, "consul does not answer; try again when it does"}
	}
	return c.moves.ask(now, c.newPicture(now), region, to)
}

// Want makes a region one of the mesh, as long as this Controller lives; once
// somebody has served it, it stays.
func (c *Controller) Want(region string, critical bool) error {
	if !c.configured[region] && len(c.configured) >= maxRegions {
		return fmt.Errorf("mesh: %d regions are configured, which is the most there may be", maxRegions)
	}
	c.configured[region] = true
	if critical {
		c.scores.critical[region] = true
	}
	return nil
}

// Reset forgets the deaths that the level comes from, and the level.
func (c *Controller) Reset(now time.Time) {
	c.failures.deaths = nil
	c.degrade.level, c.degrade.since = Normal, now
}

// see takes a Mesh in. After a time without news the clocks start anew.
func (c *Controller) see(now time.Time, m discovery.Mesh) {
	if m.Stale {
		c.stale = true
		return
	}
	if !c.known {
		c.degrade.resume(now, m.State)
	}
	if !c.known || c.stale {
		c.settle = now.Add(c.cfg.Settle)
		c.health.restart()
		c.moves.restart(now)
		c.launches.restart(now)
	}
	c.mesh, c.known, c.stale = m, true, false
	c.health.see(now, &c.mesh)
	c.drains.see(now, &c.mesh)
	c.counted = false
}

// countDeaths looks for deaths, unless Consul has only just begun to answer.
func (c *Controller) countDeaths(now time.Time) {
	if !c.counted && !now.Before(c.settle) {
		c.failures.see(now, &c.mesh)
		c.counted = true
	}
}

// decide lets every machine look at what is known now.
func (c *Controller) decide(now time.Time) []Command {
	switch {
	case c.stale:
		return c.alerts.hold(now, consulAway(c.cfg))
	case !c.known:
		return nil
	}
	c.countDeaths(now)
	p := c.newPicture(now)
	cmds := c.judge(now)
	c.scores.step(now, p)
	p.rank()
	c.short = c.placement.step(now, p, c.moves.guests(), &c.drains)
	cmds = append(cmds, c.moves.step(now, p, func(r *region, s *server) bool {
		return c.placement.replaced(now, r, s, &c.drains)
	})...)
	c.scores.due(now, p)
	cmds = append(cmds, c.write(now, p)...)
	cmds = append(cmds, c.drains.step(now, p)...)
	cmds = append(cmds, c.launches.step(now, p, c.short)...)
	cmds = append(cmds, c.alerts.step(now, c.conditions(p))...)
	c.last = p
	return cmds
}

// judge follows the level.
func (c *Controller) judge(now time.Time) []Command {
	c.count, c.share = c.failures.within(now)
	c.degrade.step(now, c.cfg.Degrade.pressure(c.count, c.share))
	return c.writes.putState(now, &c.mesh, c.degrade.state(c.mesh.State))
}

// write publishes the seats of the regions, the most urgent first.
func (c *Controller) write(now time.Time, p *picture) (cmds []Command) {
	for _, r := range p.ranked {
		put := c.writes.put(now, r, c.moves.order(r, &c.drains))
		if put != nil {
			c.scores.written(now, r.name)
		}
		cmds = append(cmds, put...)
	}
	return append(cmds, c.writes.sweep(now, p)...)
}
