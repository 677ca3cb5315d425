package proxy_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
)

// planner is a controller that does what a test wants.
type planner struct {
	mesh    *mesh
	session string
	views   <-chan discovery.Mesh
	last    discovery.Mesh
	seats   map[string]*discovery.Seats
}

func (m *mesh) planner() *planner {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	reg, err := m.admin.RegisterEdge(ctx, discovery.EdgeServer{
		Incarnation: "planner", Name: "planner", Address: "10.9.9.9:1", Regions: []string{"arena"},
	})
	require.NoError(m.t, err)
	watch := m.admin.WatchMesh()
	views, stop := watch.Subscribe()
	done := make(chan struct{}, 2)
	run := func(f func() error) { go func() { _ = f(); done <- struct{}{} }() }
	run(func() error { return reg.Run(ctx) })
	run(func() error { return watch.Run(ctx) })
	m.closers = append(m.closers, func() { cancel(); stop(); <-done; <-done })
	won, err := m.admin.LeadMesh(ctx, reg.Session(), discovery.Controller{Edge: "planner", Incarnation: "planner", Since: time.Now()})
	require.NoError(m.t, err)
	require.True(m.t, won)
	p := &planner{mesh: m, session: reg.Session(), views: views, seats: map[string]*discovery.Seats{}}
	for _, region := range m.regions() {
		p.seats[region] = &discovery.Seats{}
	}
	return p
}

// put publishes seats in the arena.
func (p *planner) put(lead string, servers ...string) {
	p.mesh.t.Helper()
	p.seats["arena"].Servers = slices.Sorted(slices.Values(servers))
	require.NoError(p.mesh.t, p.try("arena", lead))
}

// try names who should lead, if Consul answers and has kept what was there.
func (p *planner) try(region, lead string) error {
	s := p.seats[region]
	s.Lead = lead
	version, err := p.mesh.admin.PutSeats(p.mesh.t.Context(), p.session, region, *s)
	if err == nil {
		s.Version = version
	}
	return err
}

// until waits for a Mesh that a test likes.
func (p *planner) until(what string, ok func(discovery.Mesh) bool) discovery.Mesh {
	p.mesh.t.Helper()
	late := time.After(patience)
	for {
		if ok(p.last) {
			return p.last
		}
		select {
		case p.last = <-p.views:
		case <-late:
			require.FailNow(p.mesh.t, "never: "+what)
		}
	}
}

// inSync waits until exactly these are in sync.
func (p *planner) inSync(incs ...string) {
	p.mesh.t.Helper()
	incs = slices.Sorted(slices.Values(incs))
	p.until("in sync", func(m discovery.Mesh) bool { return slices.Equal(m.Regions["arena"].InSync, incs) })
}

// servers waits for n servers and returns their incarnations in the order in which
// they were started.
func (p *planner) servers(n int) (incs []string) {
	p.mesh.t.Helper()
	m := p.until("servers", func(m discovery.Mesh) bool { return len(m.Servers) == n })
	for _, s := range p.mesh.servers {
		i := slices.IndexFunc(m.Servers, func(d discovery.Server) bool { return d.Name == s.host.ip })
		require.GreaterOrEqual(p.mesh.t, i, 0)
		incs = append(incs, m.Servers[i].Incarnation)
	}
	return incs
}

// leads waits until that incarnation serves, and returns its epoch.
func (p *planner) leads(inc string) uint64 {
	p.mesh.t.Helper()
	m := p.until("leads", func(m discovery.Mesh) bool {
		h := m.Regions["arena"].Primary
		return h != nil && h.Incarnation == inc
	})
	_, epoch := p.mesh.primary(m.Regions["arena"].Epoch - 1)
	return epoch
}

// planned sets the scene of a planned move: three servers in sync, and ann, who has
// acted five times.
func (m *mesh) planned() (p *planner, incs []string, ann *bot) {
	m.t.Helper()
	m.serve(3)
	p = m.planner()
	incs = p.servers(3)
	ann = m.join("ann")
	ann.act(5)
	p.inSync(incs...)
	return p, incs, ann
}

// A region is moved from one server to another and back, under load: the same
// incarnations go on, no action is suspect, nobody is disconnected, and nothing is
// restored from a snapshot at the heir.
func TestPlannedMove(t *testing.T) {
	for name, ticks := range map[string]bool{"actions": false, "ticks": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMesh(t)
				defer m.close()
				m.ticks = ticks
				p, incs, ann := m.planned()
				first, epoch := m.primary(0)
				for i := range 4 {
					to := (slices.Index(m.servers, first) + 1 + i) % 3
					p.put(incs[to])
					for range 10 { // in the middle of it
						ann.act(3)
						time.Sleep(2 * time.Millisecond) // virtual
					}
					next := p.leads(incs[to])
					require.Greater(t, next, epoch)
					epoch = next
					p.inSync(incs...)
				}
				ann.settle()
				require.Equal(t, "125", ann.last())
				require.Zero(t, ann.heard(&ann.lost))
				var yields, trials uint64
				for _, s := range m.servers {
					yields += s.now().Stats().Yields
					trials += s.now().Stats().Trials
				}
				require.GreaterOrEqual(t, yields, uint64(4))
				require.Zero(t, trials, "nothing is suspect")
				require.ElementsMatch(t, incs, p.servers(3), "no incarnation has ended")
			})
		})
	}
}

// A server that stops in good order hands its region over first: no epoch is
// lost to a timeout, and nothing is suspect.
func TestStopHandsOver(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(3)
		p := m.planner()
		incs := p.servers(3)
		ann := m.join("ann")
		p.inSync(incs...)
		epoch := uint64(0)
		for i := range 2 {
			var s *server
			s, epoch = m.primary(epoch)
			ann.act(20)
			began := time.Now()
			s.stop()
			ann.act(20)
			ann.settle()
			require.Less(t, time.Since(began), 100*time.Millisecond, "virtual time")
			require.Equal(t, uint64(1), s.now().Stats().Yields)
			m.eventually("it is gone from the set", func() bool { return len(m.inSync().Members) == 2-i || !m.inSync().Known })
		}
		require.Equal(t, "80", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
		for _, s := range m.servers {
			require.Zero(t, s.now().Stats().Trials)
		}
	})
}

// Servers of the pool open a region when they are given a seat, and close it when
// they have lost it and are not needed any more; one that gets it again begins anew.
func TestSeats(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.pool(4)
		p := m.planner()
		incs := p.servers(4)
		a, b, c, d := incs[0], incs[1], incs[2], incs[3]
		p.put("", a, b, c)
		p.inSync(a, b, c)
		ann := m.join("ann")
		ann.act(10)
		ann.settle()

		p.put(a, a, b, d) // c leaves, d comes
		p.inSync(a, b, d)
		p.leads(a)
		m.eventually("c has closed the region", func() bool { _, open := m.servers[2].now().Dump("arena"); return !open })
		ann.act(10)
		ann.settle()

		p.put(a, a, c, d) // c is back, b leaves
		p.inSync(a, c, d)
		m.servers[0].killGame()
		m.servers[3].killGame()
		ann.act(10)
		p.leads(c)
		ann.settle()
		require.Equal(t, "30", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
	})
}

// A server that is deposed in one region begins anew in that region only: the others
// go on counting on it.
func TestDeposedInOneRegion(t *testing.T) {
	for name, pool := range map[string]bool{"fixed": false, "pool": true} {
		t.Run(name, func(t *testing.T) { deposedInOneRegion(t, pool) })
	}
}

func deposedInOneRegion(t *testing.T, pool bool) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = []string{"arena", "beta"} })
		defer m.close()
		m.more = []string{"beta"}
		if pool {
			m.pool(3)
		} else {
			m.serve(3)
		}
		p := m.planner()
		incs := p.servers(3)
		all := slices.Sorted(slices.Values(incs))
		if pool {
			p.seats["arena"].Servers, p.seats["beta"].Servers = all, all
			require.NoError(t, p.try("beta", ""))
			require.NoError(t, p.try("arena", ""))
		}
		whole := func(v discovery.Mesh) bool {
			return slices.Equal(v.Regions["arena"].InSync, all) && slices.Equal(v.Regions["beta"].InSync, all)
		}
		v := p.until("all in sync", whole)
		i := slices.IndexFunc(incs, func(inc string) bool { return inc != v.Regions["beta"].Primary.Incarnation })
		require.NoError(t, p.try("arena", incs[i]))
		epoch := p.leads(incs[i])
		require.NoError(t, p.try("arena", ""))
		p.until("all in sync", whole)
		ann := m.join("ann")
		ann.act(5)
		ann.answered()
		beta := p.last.Regions["beta"].InSyncVersion
		m.servers[i].killGame()
		ann.act(5)
		m.primary(epoch)
		ann.settle()
		v = p.until("all in sync", func(v discovery.Mesh) bool { return v.Regions["arena"].Epoch > epoch && whole(v) })
		require.Equal(t, beta, v.Regions["beta"].InSyncVersion, "the other region did not notice")
		require.Equal(t, incs[i], m.servers[i].now().Incarnation())
		require.Equal(t, "10", ann.last())
	})
}
