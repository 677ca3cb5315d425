package proxy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// chaos breaks a mesh by a seeded plan and mends it again. It never breaks what
// is promised to break: the last process that has all that is durable.
type chaos struct {
	m       *mesh
	planner *planner
	rand    *rand.Rand
	until   time.Time
	mends   []mend    // what is broken
	quiet   time.Time // nothing is broken before
	mended  time.Time // the last time
	log     []string

	most map[string]mark // by region, see sample
}

// mend takes a fault back when its time has come.
type mend struct {
	at   time.Time
	what string
	host string // that the fault is of, or ""
	undo func()
	part bool // somebody may be out of reach meanwhile
}

func (c *chaos) note(format string, args ...any) {
	line := fmt.Sprintf("%v %s", time.Since(epochZero).Round(time.Millisecond), fmt.Sprintf(format, args...))
	c.log = append(c.log, line)
	c.m.log.Info("CHAOS " + line)
}

// epochZero is when bubbles begin.
var epochZero = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// run breaks things until its time is over.
func (c *chaos) run() {
	for time.Now().Before(c.until) && c.m.violations.Load() == 0 {
		time.Sleep(time.Duration(c.rand.Int64N(int64(1500 * time.Millisecond)))) // virtual
		c.mendUntil(time.Now())
		if time.Now().After(c.quiet) {
			for range 1 + c.rand.IntN(2) {
				c.strike()
			}
		}
	}
}

// mendUntil takes back what was to last until then.
func (c *chaos) mendUntil(t time.Time) {
	var left []mend
	due := c.mends
	c.mends = nil
	for _, f := range due {
		if f.at.After(t) {
			left = append(left, f)
			continue
		}
		c.note("mend %s", f.what)
		f.undo()
		c.mended = time.Now()
	}
	c.mends = append(left, c.mends...)
}

// spare mends everything but what concerns some hosts, which stay broken.
func (c *chaos) spare(broken ...string) {
	for i := range c.mends {
		if c.mends[i].host != "" && slices.Contains(broken, c.mends[i].host) {
			c.mends[i].at = time.Now().Add(time.Hour)
		} else {
			c.mends[i].at = time.Now()
		}
	}
	c.mendUntil(time.Now())
}

// fault notes a fault that lasts for a while.
func (c *chaos) fault(host, what string, most time.Duration, undo func()) {
	d := time.Duration(c.rand.Int64N(int64(most)))
	c.note("%s for %v", what, d.Round(time.Millisecond))
	c.mends = append(c.mends, mend{at: time.Now().Add(d), what: what, host: host, undo: undo})
}

// part notes a fault that keeps some from reaching others.
func (c *chaos) part(host, what string, most time.Duration, undo func()) {
	c.fault(host, what, most, undo)
	c.mends[len(c.mends)-1].part = true
}

func (c *chaos) parted() bool {
	return slices.ContainsFunc(c.mends, func(f mend) bool { return f.part })
}

// busy tells whether a host has a fault of its own already.
func (c *chaos) busy(host string) bool {
	return slices.ContainsFunc(c.mends, func(f mend) bool { return f.host == host })
}

// strike breaks one thing.
func (c *chaos) strike() {
	c.sample()
	s := c.m.servers[c.rand.IntN(len(c.m.servers))]
	if c.rand.IntN(2) == 0 { // primaries deserve more of it
		region := c.region()
		for _, p := range c.m.servers {
			if p.now().Serving(region) > 0 {
				s = p
			}
		}
	}
	e := c.m.edges[c.rand.IntN(len(c.m.edges))]
	n := c.rand.IntN(115)
	if (n >= 18 || c.parted()) && !c.m.warm() {
		return // cold: what rests on the edges alone is not promised to survive all that follows
	}
	switch {
	case n < 18:
		c.note("kill game of %s", s.host.ip)
		s.killGame()
	case n < 23:
		c.hang(s)
	case n < 40:
		c.killServer(s)
	case n < 48:
		c.killEdge(e)
	case n < 56:
		c.freeze(&s.machine)
	case n < 59:
		c.freeze(&e.machine)
	case n < 72:
		c.sever()
	case n < 79:
		c.isolate(&s.machine)
	case n < 84:
		c.weather()
	case n < 93:
		c.registry(&s.machine)
	case n < 100:
		c.keys()
	case n < 106:
		c.move(s)
	case n < 110:
		c.seat()
	default:
		c.stop(s)
	}
}

// region is any of them.
func (c *chaos) region() string {
	all := c.m.regions()
	if len(all) == 1 {
		return all[0]
	}
	return all[c.rand.IntN(len(all))]
}

// seat gives servers of the pool seats, or takes them away.
func (c *chaos) seat() {
	var seats []string
	for _, s := range c.m.servers {
		if inc := s.now().Incarnation(); s.pool && inc != "" && c.rand.IntN(2) == 0 {
			seats = append(seats, inc)
		}
	}
	slices.Sort(seats)
	region := c.region()
	c.planner.seats[region].Servers = seats
	c.note("seats of %s %v: %v", region, seats, c.planner.try(region, ""))
}

// move makes a server the one that should lead, until the next move.
func (c *chaos) move(s *server) {
	region := c.region()
	p, _ := s.now().Position(region, 0)
	c.note("lead %s, %s (%s): %v", region, s.host.ip, p.Incarnation, c.planner.try(region, p.Incarnation))
}

// stop ends a server in good order, and starts it again.
func (c *chaos) stop(s *server) {
	if c.busy(s.host.ip) || !c.expendable(s) {
		return
	}
	s.dying = true
	go s.stop()
	c.fault(s.host.ip, "stop server "+s.host.ip, 4*time.Second, s.restart)
}

func (c *chaos) hang(s *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = time.Duration(c.rand.Int64N(int64(5 * time.Second)))
	c.note("hang the game of %s for %v", s.host.ip, s.hang)
}

func (c *chaos) killServer(s *server) {
	if c.busy(s.host.ip) || !c.expendable(s) {
		return
	}
	s.die(c.rand.IntN(2) == 0)
	c.fault(s.host.ip, "kill server "+s.host.ip, 6*time.Second, s.restart)
}

func (c *chaos) killEdge(e *edge) {
	if c.busy(e.host.ip) || !c.dispensable(e) {
		return
	}
	e.die(c.rand.IntN(2) == 0)
	c.fault(e.host.ip, "kill edge "+e.host.ip, 6*time.Second, e.restart)
}

func (c *chaos) freeze(p *machine) {
	if c.busy(p.host.ip) {
		return
	}
	p.freeze()
	c.part(p.host.ip, "freeze "+p.host.ip, 8*time.Second, p.thaw)
}

// sever cuts the way between two hosts, or only one direction of it.
func (c *chaos) sever() {
	var hosts []string
	for _, s := range c.m.servers {
		hosts = append(hosts, s.host.ip)
	}
	for _, e := range c.m.edges {
		hosts = append(hosts, e.host.ip)
	}
	from, to := hosts[c.rand.IntN(len(hosts))], hosts[c.rand.IntN(len(hosts))]
	both := c.rand.IntN(2) == 0
	c.m.net.sever(from, to, true)
	if both {
		c.m.net.sever(to, from, true)
	}
	c.part("", fmt.Sprintf("cut %s to %s (both: %v)", from, to, both), 5*time.Second, func() {
		c.m.net.sever(from, to, false)
		c.m.net.sever(to, from, false)
	})
}

// isolate cuts a host from all others, and perhaps from Consul.
func (c *chaos) isolate(p *machine) {
	if c.busy(p.host.ip) {
		return
	}
	n := c.m.net
	n.set(n.cut, p.host.ip, true)
	if c.rand.IntN(2) == 0 {
		p.consul.Break(devconsul.Hang, nil)
	}
	c.part(p.host.ip, "isolate "+p.host.ip, 8*time.Second, func() {
		n.set(n.cut, p.host.ip, false)
		p.consul.Heal()
	})
}

func (c *chaos) weather() {
	w := weather{lose: c.rand.Float64() / 5, repeat: c.rand.Float64() / 5, late: c.rand.Float64(), delay: 20 * time.Millisecond}
	c.m.net.blow(w)
	c.fault("", fmt.Sprintf("weather %+v", w), 4*time.Second, func() { c.m.net.blow(weather{}) })
}

// registry makes Consul go wrong for one sidecar, or for everybody.
func (c *chaos) registry(p *machine) {
	kinds := []devconsul.Fault{devconsul.NoLeader, devconsul.Hang, devconsul.TooMany, devconsul.Empty, devconsul.Cut}
	kind := kinds[c.rand.IntN(len(kinds))]
	if c.rand.IntN(2) == 0 {
		if c.busy(p.host.ip) {
			return
		}
		p.consul.Break(kind, nil)
		c.fault(p.host.ip, fmt.Sprintf("consul fault %d of %s", kind, p.host.ip), 8*time.Second, p.consul.Heal)
		return
	}
	if c.busy("consul") {
		return
	}
	c.m.broken.Break(kind, nil)
	c.fault("consul", fmt.Sprintf("consul fault %d", kind), 8*time.Second, c.m.broken.Heal)
}
