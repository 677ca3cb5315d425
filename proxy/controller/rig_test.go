package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// rig is a Consul, edges with Runners, and servers whose sidecars do what seats say.
type rig struct {
	*testing.T
	consul *devconsul.Server
	ctx    context.Context //nolint:containedctx // the test's own, ended before the bubble
	wg     sync.WaitGroup
	client *discovery.Client // nobody's
	meshes <-chan discovery.Mesh
	mesh   discovery.Mesh

	mu      sync.Mutex // guards the fields below
	servers map[string]*gameServer
	stuck   bool   // nobody hands over
	parent  string // of the traces of hand-overs
}

type gameServer struct {
	reg  *discovery.Registration
	stop context.CancelFunc
}

// edge is one edge, which can be cut off from Consul, or killed.
type edge struct {
	*Runner
	cut   atomic.Bool
	alive context.Context //nolint:containedctx // it is the edge's life
	kill  func()
	ended chan error
}

func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := devconsul.New(devconsul.Options{SyncDelay: time.Millisecond})
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		r := &rig{T: t, consul: s, ctx: ctx, servers: map[string]*gameServer{}}
		defer r.wg.Wait()
		defer cancel()
		r.client = r.newClient(devconsul.Transport(s))
		watch := r.client.WatchMesh()
		r.meshes, _ = watch.Subscribe()
		r.wg.Go(func() { _ = watch.Run(ctx) })
		r.wg.Go(r.sidecars)
		test(r)
	})
}

func (r *rig) newClient(transport http.RoundTripper) *discovery.Client {
	r.Helper()
	c, err := discovery.New(discovery.Config{Transport: transport}, nil)
	require.NoError(r, err)
	return c
}

// roundTrip is a network that may be cut.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

var errCut = errors.New("network is unreachable")

// edge starts an edge. It ends without a word when it is killed, and in good order
// with the test.
func (r *rig) edge(name string, change func(*Config)) *edge {
	r.Helper()
	e := &edge{ended: make(chan error, 1)}
	inner := devconsul.Transport(r.consul)
	var dead context.CancelFunc
	e.alive, dead = context.WithCancel(r.ctx)
	client := r.newClient(roundTrip(func(req *http.Request) (*http.Response, error) {
		if e.cut.Load() {
			return nil, errCut
		}
		return inner.RoundTrip(req)
	}))
	watch := client.WatchMesh()
	cfg := Config{
		Edge: discovery.EdgeServer{
			Incarnation: name + "-inc", Name: name, Address: "h:1", Admin: "http://" + name + ":7700",
		},
		Discovery: client, Source: watch, Mesh: mesh.DefaultConfig(),
	}
	cfg.Mesh.Backups, cfg.Mesh.Regions = 1, []string{"r1", "r2", "r3"}
	if change != nil {
		change(&cfg)
	}
	var err error
	e.Runner, err = New(cfg)
	require.NoError(r, err)
	e.kill = func() { e.cut.Store(true); dead(); require.ErrorIs(r, <-e.ended, context.Canceled) }
	r.wg.Go(func() { _ = watch.Run(e.alive) })
	r.wg.Go(func() { e.ended <- e.Run(e.alive) })
	return e
}

// server starts a pool server.
func (r *rig) server(name string) {
	r.Helper()
	ctx, stop := context.WithCancel(r.ctx)
	reg, err := r.client.Register(ctx, discovery.Server{Incarnation: name, Name: "name-" + name, Address: "h:1", Host: name, Pool: true})
	require.NoError(r, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers[name] = &gameServer{reg, stop}
	r.wg.Go(func() { _ = reg.Run(ctx) })
}

// killServer ends a server without a word.
func (r *rig) killServer(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers[name].stop()
	delete(r.servers, name)
}

// sidecars serve and back the regions, by what the seats say.
func (r *rig) sidecars() {
	watch := r.client.WatchMesh()
	meshes, stop := watch.Subscribe()
	defer stop()
	r.wg.Go(func() { _ = watch.Run(r.ctx) })
	var m discovery.Mesh
	for {
		select {
		case m = <-meshes:
		case <-time.After(200 * time.Millisecond):
		case <-r.ctx.Done():
			return
		}
		if !m.Stale {
			for _, name := range slices.Sorted(maps.Keys(m.Regions)) {
				r.serve(m.Regions[name])
			}
		}
	}
}

// live lists the servers of names that are up.
func (r *rig) live(names []string) (out []string) {
	for _, name := range names {
		if r.servers[name] != nil {
			out = append(out, name)
		}
	}
	return out
}

func (r *rig) serve(v discovery.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	candidates := r.live(v.Seats.Servers)
	if v.InSyncKnown {
		candidates = r.live(v.InSync)
	}
	if v.Primary == nil {
		if len(candidates) > 0 {
			_, _ = r.client.TakeOver(r.ctx, v.Region, r.servers[candidates[0]].reg.Session(), discovery.Holder{Incarnation: candidates[0]}, 0)
		}
		return
	}
	holder := r.servers[v.Primary.Incarnation]
	if holder == nil {
		return
	}
	if lead := v.Seats.Lead; lead != "" && lead != v.Primary.Incarnation && slices.Contains(v.InSync, lead) && !r.stuck {
		if r.client.Release(r.ctx, v.Region, holder.reg.Session()) == nil {
			_, _ = r.client.TakeOver(r.ctx, v.Region, r.servers[lead].reg.Session(), discovery.Holder{Incarnation: lead, Trace: r.parent}, 0)
		}
		return
	}
	set := r.live(v.Seats.Servers)
	if !slices.Contains(set, v.Primary.Incarnation) {
		set = append(set, v.Primary.Incarnation)
	}
	slices.Sort(set)
	if len(set) > 1 && !slices.Equal(set, v.InSync) {
		_, _ = r.client.ChangeInSync(r.ctx, v.Region, holder.reg.Session(), v.InSyncVersion, set)
	}
}

// until waits for what Consul says to be so, in virtual time.
func (r *rig) until(what string, so func(m discovery.Mesh) bool) discovery.Mesh {
	r.Helper()
	limit := time.After(2 * time.Minute)
	for {
		if r.mesh.At != (time.Time{}) && !r.mesh.Stale && so(r.mesh) {
			return r.mesh
		}
		select {
		case r.mesh = <-r.meshes:
		case <-limit:
			r.Fatalf("never: %s; %+v", what, r.mesh)
		}
	}
}

func (r *rig) ledBy(name string) discovery.Mesh {
	r.Helper()
	return r.until("led by "+name, func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Edge == name })
}

// covered waits until every region has a primary and a backup, all with seats.
func (r *rig) covered() discovery.Mesh {
	r.Helper()
	return r.until("covered", func(m discovery.Mesh) bool {
		for _, name := range []string{"r1", "r2", "r3"} {
			v := m.Region(name)
			if v.Primary == nil || len(v.InSync) < 2 || !slices.Equal(v.InSync, v.Seats.Servers) {
				return false
			}
		}
		return true
	})
}

// expect waits for an event.
func (r *rig) expect(events <-chan Event, kind Kind) Event {
	r.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case ev := <-events:
			if ev.Kind == kind {
				return ev
			}
		case <-limit:
			r.Fatalf("no event %s", kind)
		}
	}
}

// seats are the versions of all seats: they change when anything does.
func seats(m discovery.Mesh) map[string]discovery.SetVersion {
	out := map[string]discovery.SetVersion{}
	for name, v := range m.Regions {
		out[name] = v.Seats.Version
	}
	return out
}

func pool(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	return names
}
