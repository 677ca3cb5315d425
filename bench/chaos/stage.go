package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/chaos/cable"
	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/relay"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// The cast.
const (
	region  = "chaos"
	space   = "reseat-chaos" // prefix of the keys and name of the service
	servers = 3
	edges   = 2
)

// stage is all processes of a run, what lies between them, and what is known of
// them.
type stage struct {
	cfg   Config
	cell  Cell
	seed  uint64
	dir   string
	fleet *fleet.Fleet
	ca    string

	consul  *consul.Agent
	servers []*node
	edges   []*node
	client  *discovery.Client // of the harness itself, without a cable
	beside  *errgroup.Group   // relays and watchers
	ctx     context.Context   //nolint:containedctx // it is the run's life
	end     context.CancelFunc

	mu      sync.Mutex // guards the fields below
	known   known
	changed chan struct{} // closed when known has changed
	own     owners
}

// node is a sidecar or an edge: its processes, one after the other, on one address.
type node struct {
	name   string
	addr   string         // it listens on
	front  *relay.Relay   // nil: reached directly
	cable  *cable.Cable   // to Consul
	server *fleet.Server  // of a sidecar; nil: an edge
	spec   fleet.Spec     // of an edge
	proc   *fleet.Process // of an edge
}

// process is the one of the moment.
func (n *node) process() *fleet.Process {
	if n.server != nil {
		return n.server.Process()
	}
	return n.proc
}

// door is where others reach it.
func (n *node) door() string {
	if n.front != nil {
		return n.front.Addr().String()
	}
	return n.addr
}

func newStage(ctx context.Context, cfg Config, cell Cell, seed uint64, dir string) *stage {
	s := &stage{
		cfg: cfg, cell: cell, seed: seed, dir: dir, fleet: fleet.New(dir, cfg.Echo),
		changed: make(chan struct{}), known: newKnown(),
	}
	ctx, s.end = context.WithCancel(ctx)
	s.beside, s.ctx = errgroup.WithContext(ctx)
	s.beside.Go(func() error { return s.observe(s.ctx) })
	return s
}

// open starts everything but the players, and waits until the mesh is whole.
func (s *stage) open(ctx context.Context) error {
	made, err := certs.Dev(s.state()) // once, before several processes want them
	if err != nil {
		return err
	}
	s.ca = made.Public.CA
	if s.consul, err = consul.Start(ctx, consul.Config{
		Binary: s.cfg.Consul, Program: s.cfg.Program, Dir: s.dir, Env: s.env(), Fleet: s.fleet,
	}); err != nil {
		return err
	}
	if err := s.watch(); err != nil {
		return err
	}
	for i := range servers {
		if err := s.addServer(i); err != nil {
			return err
		}
	}
	for i := range edges {
		if err := s.addEdge(i); err != nil {
			return err
		}
	}
	if err := s.await(ctx, "both edges", func(k *known) bool { return k.listens("edge-1") && k.listens("edge-2") }); err != nil {
		return err
	}
	return s.whole(ctx)
}

func (s *stage) addServer(i int) error {
	n, err := s.node("server-"+strconv.Itoa(i+1), uint64(i))
	if err != nil {
		return err
	}
	args := append([]string{"sidecar"}, s.common(n)...)
	args = append(args, "--advertise", n.door(), "--", s.cfg.Program, "demo-game", "--ballast", strconv.Itoa(s.cell.Ballast))
	if s.cell.has(func(f Fault) bool { return f.poison }) {
		args = append(args, "--poison")
	}
	n.server = s.fleet.NewServer(fleet.Spec{Name: n.name, Path: s.cfg.Program, Args: args, Env: s.env()})
	s.update(func(*known) { s.servers = append(s.servers, n) })
	return n.server.Start()
}

func (s *stage) addEdge(i int) error {
	n, err := s.node("edge-"+strconv.Itoa(i+1), uint64(servers+i))
	if err != nil {
		return err
	}
	n.spec = fleet.Spec{Name: n.name, Path: s.cfg.Program, Args: append([]string{"edge"}, s.common(n)...), Env: s.env()}
	s.update(func(*known) { s.edges = append(s.edges, n) })
	n.proc, err = s.fleet.Start(n.spec)
	return err
}

// node lays what is around a process: its port, a relay before it if the cell
// needs any, and its cable to Consul.
func (s *stage) node(name string, number uint64) (*node, error) {
	n := &node{name: name}
	var err error
	if n.addr, err = freePort(); err != nil {
		return nil, err
	}
	if s.cell.has(func(f Fault) bool { return f.relays }) {
		if n.front, err = relay.New(relay.Config{Target: n.addr, Seed: s.seed<<3 + number}); err != nil {
			return nil, err
		}
		s.beside.Go(func() error { return n.front.Run(s.ctx) })
	}
	n.cable, err = cable.New(s.ctx, s.consul.Addr)
	return n, err
}

// freePort is a UDP address that was free a moment ago, and not one of those that
// the kernel gives to who asks for any. It stays the same when the process is
// started again.
func freePort() (string, error) {
	const first, count, tries = 20000, 10000, 100
	var err error
	for range tries {
		var conn *net.UDPConn
		conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: first + rand.IntN(count)})
		if err == nil {
			defer conn.Close()
			return conn.LocalAddr().String(), nil
		}
	}
	return "", fmt.Errorf("chaos: %w", err)
}

// common are the flags that edge and sidecar share.
func (s *stage) common(n *node) []string {
	return []string{
		"--name", n.name, "--region", region, "--listen", n.addr, "--state-dir", s.state(),
		"--consul", n.cable.Addr(), "--log-format", "json",
	}
}

func (s *stage) state() string { return filepath.Join(s.dir, "state") }

// env is our own environment without what would configure the processes
// otherwise than the run means it.
func (s *stage) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc([]string{"RESEAT_EDGE_", "RESEAT_SIDECAR_", "RESEAT_GAME=", "CONSUL_"}, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
	for _, role := range []string{"EDGE", "SIDECAR"} {
		env = append(env, "RESEAT_"+role+"_CONSUL_PREFIX="+space, "RESEAT_"+role+"_CONSUL_SERVICE="+space)
	}
	return append(env, "TMPDIR="+s.dir) // sockets too go when the run does
}

// close ends all processes.
func (s *stage) close() error {
	s.fleet.Close()
	s.end()
	for _, n := range slices.Concat(s.servers, s.edges) {
		if n.cable != nil {
			n.cable.Close()
		}
	}
	err := s.beside.Wait()
	if s.client != nil {
		s.client.Close()
	}
	return err
}
