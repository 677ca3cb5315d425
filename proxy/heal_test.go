package proxy_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	plan "github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/controller"
)

// control runs the controller beside an edge, as long as the edge lives.
func (e *edge) control() {
	m := e.mesh
	ed := e.now()
	cfg := plan.DefaultConfig()
	cfg.Regions = m.regions()
	runner, err := controller.New(controller.Config{
		Edge: discovery.EdgeServer{
			Incarnation: ed.Status().Incarnation, Name: e.name, Address: e.addr, Regions: m.regions(),
		},
		Discovery: m.client(e.consul), Source: ed.Mesh(), Mesh: cfg, Log: m.log.With("controller", e.name), Tracer: m.edgeTracer,
	})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = runner.Run(ctx) }()
	stop := func() { cancel(); <-done }
	m.closers = append(m.closers, stop)
	e.controls, e.runner = stop, runner
}

// looks follows the mesh as a test wants to see it.
func (m *mesh) looks() *planner {
	watch := m.admin.WatchMesh()
	views, stop := watch.Subscribe()
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = watch.Run(ctx) }()
	m.closers = append(m.closers, func() { cancel(); stop(); <-done })
	return &planner{mesh: m, views: views}
}

// covered tells whether every region has a primary and all its backups, which are
// alive.
func (m *mesh) covered(v discovery.Mesh) bool {
	for _, name := range m.regions() {
		r := v.Regions[name]
		if r.Primary == nil || len(r.InSync) != 3 {
			return false
		}
		for _, inc := range r.InSync {
			if d, ok := v.Server(inc); !ok || !d.Passing || m.named(v, inc).dying {
				return false
			}
		}
	}
	return true
}

// Servers die one after the other, some in the middle of a take-over, until one is
// left, and the edge that is the controller dies, too. Nothing is lost, nobody waits
// for a person, and when servers come back the mesh is whole again by itself.
func TestMeshHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		regions := []string{"arena", "beta", "gamma", "delta"}
		m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = regions })
		defer m.close()
		m.more = regions[1:]
		m.addEdge()
		m.edges[0].control()
		m.edges[1].control()
		m.pool(6)
		look := m.looks()
		began := time.Now()
		look.until("covered", m.covered)
		t.Logf("covered after %v of virtual time", time.Since(began))
		var bots []*bot
		for i, region := range regions {
			b := m.joinAt(region, fmt.Sprint("p", i), m.edges[0].addr, m.edges[1].addr)
			b.act(10)
			bots = append(bots, b)
		}
		act := func() {
			for _, b := range bots {
				b.act(5)
			}
		}
		settle := func() {
			for _, b := range bots {
				b.settle()
			}
		}
		settle()
		epochs := uint64(0)
		for _, name := range regions {
			epochs += look.last.Regions[name].Epoch
		}

		deaths := 0
		kill := func(s *server) { s.die(true); deaths++ }
		kill(m.leader(look, "arena")) // and at once the next
		act()
		v := look.until("another one leads", func(v discovery.Mesh) bool {
			return v.Regions["arena"].Primary != nil && m.named(v, v.Regions["arena"].Primary.Incarnation) != nil &&
				!m.named(v, v.Regions["arena"].Primary.Incarnation).dying
		})
		kill(m.named(v, v.Regions["arena"].Primary.Incarnation))
		act()
		settle()
		look.until("covered by four", m.covered)
		lead := look.last.Controller
		require.NotNil(t, lead)
		for _, e := range m.edges {
			if e.name == lead.Edge {
				e.controls()
				e.die(true)
			}
		}
		act()
		kill(m.leader(look, "beta"))
		act()
		settle()
		look.until("covered by three", m.covered)
		look.until("another edge is the controller", func(v discovery.Mesh) bool {
			return v.Controller != nil && v.Controller.Edge != lead.Edge
		})
		kill(m.leader(look, "gamma"))
		act()
		settle()
		look.until("two in every set", func(v discovery.Mesh) bool { return m.inEach(v, 2) })
		kill(m.leader(look, "delta"))
		act()
		settle() // by one server, and what the edges keep

		for _, s := range m.servers {
			if s.dying {
				s.restart()
			}
		}
		look.until("whole again", m.covered)
		act()
		settle()
		after := uint64(0)
		for _, name := range regions {
			after += look.last.Regions[name].Epoch
		}
		require.LessOrEqual(t, after-epochs, uint64(deaths*len(regions)), "no region bounces")
		for _, b := range bots {
			require.Equal(t, fmt.Sprint(b.sent), b.last())
		}
	})
}

func (m *mesh) inEach(v discovery.Mesh, n int) bool {
	for _, name := range m.regions() {
		r := v.Regions[name]
		if len(r.InSync) != n || slices.ContainsFunc(r.InSync, func(inc string) bool {
			s := m.named(v, inc)
			return s == nil || s.dying
		}) {
			return false
		}
	}
	return true
}

// leader is the server that leads a region.
func (m *mesh) leader(p *planner, region string) *server {
	m.t.Helper()
	v := p.until("a leader of "+region, func(v discovery.Mesh) bool {
		h := v.Regions[region].Primary
		if h == nil {
			return false
		}
		s := m.named(v, h.Incarnation)
		return s != nil && !s.dying
	})
	return m.named(v, v.Regions[region].Primary.Incarnation)
}

// named is the server of an incarnation.
func (m *mesh) named(v discovery.Mesh, inc string) *server {
	d, _ := v.Server(inc)
	for _, s := range m.servers {
		if s.host.ip == d.Name {
			return s
		}
	}
	return nil
}
