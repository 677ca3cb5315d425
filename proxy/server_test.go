package proxy_test

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/controller"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

// machine is what servers and edges have in common: a host that can die, with a
// Consul agent that can go wrong.
type machine struct {
	mesh   *mesh
	host   host
	consul *devconsul.Faults
	stop   func() // ends the process, and waits for its end
	gone   chan struct{}
	dying  bool
}

func (m *mesh) machine() machine {
	return machine{mesh: m, host: m.host(), consul: devconsul.NewFaults(m.broken)}
}

// ends prepares the end of a process that has just been started.
func (p *machine) ends(cancel context.CancelFunc, wait func() error) {
	gone := make(chan struct{})
	p.gone, p.dying = gone, false
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			cancel()
			go func() {
				defer close(gone)
				assert.NoError(p.mesh.t, wait())
			}()
		})
		<-gone // not in the Once: its lock would stop the bubble's time
	}
	p.mesh.closers = append(p.mesh.closers, p.stop)
}

// die ends the process as SIGKILL does: nobody hears a word. Packets to it are
// refused, or vanish with the host.
func (p *machine) die(refuse bool) {
	p.dying = true
	n := p.mesh.net
	if refuse {
		n.set(n.dead, p.host.ip, true)
	} else {
		n.set(n.cut, p.host.ip, true)
	}
	p.consul.Heal()
	p.consul.Break(devconsul.NoLeader, nil)
	go p.stop()
}

// revive waits for the end of the dead process and makes the host whole.
func (p *machine) revive() {
	<-p.gone
	n := p.mesh.net
	n.set(n.dead, p.host.ip, false)
	n.set(n.cut, p.host.ip, false)
	p.consul.Heal()
}

// freeze stops a host, but for its clocks: packets wait, and so does Consul.
func (p *machine) freeze() {
	p.mesh.net.set(p.mesh.net.frozen, p.host.ip, true)
	p.consul.Break(devconsul.Hang, nil)
}

// thaw lets it go on.
func (p *machine) thaw() {
	p.consul.Heal()
	p.mesh.net.thaw(p.host.ip)
}

// edge is an edge that can be started again at the same address.
type edge struct {
	machine
	name     string
	addr     string
	controls func() // ends the controller beside it, if there is one
	runner   *controller.Runner

	mu   sync.Mutex
	edge *proxy.Edge
}

// addEdge starts one more edge.
func (m *mesh) addEdge() *edge {
	e := &edge{machine: m.machine()}
	e.name, e.addr = "edge-"+e.host.ip, net.JoinHostPort(e.host.ip, "443")
	m.edges = append(m.edges, e)
	e.start()
	return e
}

func (e *edge) start() {
	m := e.mesh
	cfg := proxy.Config{
		Name: e.name, Regions: m.regions(), Listen: e.addr, PlayerTLS: m.tls, LinkTLS: m.tls,
		Discovery: m.client(e.consul), Log: m.log, Link: link.Config{Network: e.host},
	}
	m.change(e.name, &cfg)
	ed, err := proxy.NewEdge(cfg)
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan error, 1)
	go func() { done <- ed.Run(ctx) }()
	e.ends(cancel, func() error { return <-done })
	_, err = ed.Addr(ctx)
	require.NoError(m.t, err)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.edge = ed
}

func (e *edge) now() *proxy.Edge {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.edge
}

// restart brings a dead edge back, with nothing in its memory.
func (e *edge) restart() {
	e.revive()
	e.start()
}

// server is a sidecar with its game.
type server struct {
	machine
	socket *pipes
	pool   bool     // it has no regions but those that it has seats in
	only   []string // its regions, if not all

	mu      sync.Mutex
	sidecar *sidecar.Sidecar
	kill    context.CancelFunc // ends the game as a crash would: its socket closes
	conn    net.Conn           // of the game
	hang    time.Duration      // for so long the game's next call takes
	down    time.Duration      // how long the game stays away when it dies; 0: a second
	worlds  []*ledger
	states  []*world
	towns   []*town
}

// serve starts sidecars with a game beside each.
func (m *mesh) serve(n int) {
	for range n {
		s := &server{machine: m.machine()}
		m.servers = append(m.servers, s)
		s.start()
	}
}

// serveOnly starts sidecars of some regions with a game beside each.
func (m *mesh) serveOnly(n int, regions ...string) {
	for range n {
		s := &server{machine: m.machine(), only: regions}
		m.servers = append(m.servers, s)
		s.start()
	}
}

// drainTime bounds how long a stop waits for others to lead. A host that dies in a
// test stops, too, and nobody hears of it.
const drainTime = 300 * time.Millisecond

// pool starts servers that have no seat yet.
func (m *mesh) pool(n int) {
	for range n {
		s := &server{machine: m.machine(), pool: true}
		m.servers = append(m.servers, s)
		s.start()
	}
}

func (s *server) start() {
	m := s.mesh
	s.socket = newPipes()
	regions := m.regions()
	switch {
	case s.pool:
		regions = nil
	case s.only != nil:
		regions = s.only
	}
	sc, err := sidecar.New(sidecar.Config{
		Name: s.host.ip, Regions: regions, Pool: s.pool, Drain: drainTime,
		Game: sidecar.GameConfig{Listener: s.socket},
		Link: link.Config{Network: s.host}, ServerTLS: m.tls, ClientTLS: m.tls,
		Discovery: m.client(s.consul), Tracer: m.tracer, Log: m.log.With("sidecar", s.host.ip),
	})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	gctx, end := context.WithCancel(context.WithoutCancel(ctx)) // the game outlives a stop in good order
	var g errgroup.Group
	g.Go(func() error { defer end(); return sc.Run(ctx) })
	g.Go(func() error { s.supervise(gctx, s.socket); return nil })
	s.mu.Lock()
	s.sidecar = sc
	s.mu.Unlock()
	s.ends(cancel, g.Wait)
}

func (s *server) now() *sidecar.Sidecar {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sidecar
}

// restart brings a dead server back: a new process, with nothing in its memory.
func (s *server) restart() {
	s.revive()
	s.start()
}

// supervise starts the game again whenever it has died.
func (s *server) supervise(ctx context.Context, socket *pipes) {
	for ctx.Err() == nil {
		gctx, kill := context.WithCancel(ctx)
		s.mu.Lock()
		s.kill = kill
		s.mu.Unlock()
		dial := func(ctx context.Context) (net.Conn, error) {
			conn, err := socket.dial(ctx)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.conn = conn
			return conn, err
		}
		_ = game.Run(gctx, game.Config{Dial: dial, Log: s.mesh.log, New: s.newWorld})
		kill()
		s.mu.Lock()
		down := max(s.down, time.Second)
		s.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(down):
		}
	}
}

func (s *server) newWorld(region string) game.World {
	if s.mesh.regional != nil {
		return s.mesh.regional(s, region)
	}
	if s.mesh.world != nil {
		return s.mesh.world(s)
	}
	w := s.newLedger()
	if s.mesh.ticks {
		return tickLedger{w}
	}
	return w
}

func (s *server) newLedger() *ledger {
	w := &ledger{counts: map[string]uint64{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worlds = append(s.worlds, w)
	return w
}

// killGame ends the game at once: not a byte leaves it any more.
func (s *server) killGame() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.kill()
}
