package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/probe"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// The processes besides servers and edges.
const (
	players = "players"
	keeper  = "registry"
)

// patience is how long the demo waits for anything that takes a few seconds at most,
// on a machine that is not busy.
const patience = time.Minute

// grace is how long leaving a Consul that is not ours may take at each step.
const grace = 3 * time.Second

// stage is all processes of a demo, and what is known of them.
type stage struct {
	cfg      Config
	dir      string
	space    string // prefix of the keys and name of the service: ours alone
	consul   string // address of the registry
	client   *discovery.Client
	fleet    *fleet.Fleet
	timeline *timeline
	regions  []Region

	mu      sync.Mutex      // guards the fields below
	servers []*fleet.Server // only open adds to them
	edges   []*fleet.Server // likewise
	known   known
	visit   *visit        // what people do to the mesh at the moment; nil: nothing
	calm    []standing    // how the regions stood before
	changed chan struct{} // closed when known has changed
}

func newStage(cfg Config, dir string) *stage {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	s := &stage{
		cfg: cfg, dir: dir, space: "reseat-demo-" + hex.EncodeToString(id), consul: cfg.Consul,
		fleet: fleet.New(dir, cfg.Echo), timeline: &timeline{screen: cfg.Screen}, regions: regionsOf(cfg),
		changed: make(chan struct{}),
	}
	s.known = newKnown(s.regions)
	s.known.page = cfg.Page
	return s
}

// open starts everything but the players.
func (s *stage) open(ctx context.Context) (certs.Set, error) {
	made, err := certs.Dev(s.state()) // once, before several processes want them
	if err != nil {
		return certs.Set{}, err
	}
	if s.consul == "" {
		if err := s.start(keeper, "demo-registry", "--listen", "127.0.0.1:0"); err != nil {
			return certs.Set{}, err
		}
		if err := s.await(ctx, "the registry", func(k known) bool { return k.addrs[keeper] != "" }); err != nil {
			return certs.Set{}, err
		}
		s.consul = s.addr(keeper)
	}
	s.client, err = discovery.New(discovery.Config{Address: s.consul, Prefix: s.space, Service: s.space}, slog.New(slog.DiscardHandler))
	if err != nil {
		return certs.Set{}, err
	}
	for i := range s.cfg.Servers {
		server := s.fleet.NewServer(s.sidecar(serverName(i)))
		s.update(func(*known) { s.servers = append(s.servers, server) })
		if err := server.Start(); err != nil {
			return certs.Set{}, err
		}
	}
	return made, s.openEdges(ctx)
}

func (s *stage) start(name, command string, args ...string) error {
	_, err := s.fleet.Start(fleet.Spec{Name: name, Path: s.cfg.Program, Args: append([]string{command}, args...), Env: s.env()})
	return err
}

// openEdges starts the edges, each at an address where it can be started again.
func (s *stage) openEdges(ctx context.Context) error {
	for i := range s.cfg.Edges {
		name := "edge"
		if s.cfg.Edges > 1 {
			name += "-" + strconv.Itoa(i+1)
		}
		spec, err := s.edge(ctx, name)
		if err != nil {
			return err
		}
		edge := s.fleet.NewServer(spec)
		s.update(func(*known) { s.edges = append(s.edges, edge) })
		if err := edge.Start(); err != nil {
			return err
		}
	}
	for _, edge := range s.edges {
		if err := s.await(ctx, edge.Name, func(k known) bool {
			return k.addrs[edge.Name] != "" && k.admins[edge.Name] != ""
		}); err != nil {
			return err
		}
	}
	return nil
}

// edge is the command of an edge.
func (s *stage) edge(ctx context.Context, name string) (fleet.Spec, error) {
	listen, err := keptAddr(ctx)
	if err != nil {
		return fleet.Spec{}, err
	}
	admin, err := keptAddr(ctx)
	if err != nil {
		return fleet.Spec{}, err
	}
	// With keys of its own a restarted one is noticed by its players within a packet.
	env := append(s.env(), "RESEAT_EDGE_KEYS_FILE="+filepath.Join(s.state(), name+".keys"))
	if s.cfg.Pool { // as many deaths count as much in the shorter window
		env = append(env, "RESEAT_EDGE_MESH_DEGRADE_FAILURES_PER_MINUTE="+fmt.Sprint(deaths/Window.Minutes()))
	}
	return fleet.Spec{Name: name, Path: s.cfg.Program, Args: s.edgeArgs(name, listen, admin), Env: env}, nil
}

func (s *stage) edgeArgs(name, listen, admin string) []string {
	all := make([]string, 0, len(s.regions))
	for _, r := range s.regions {
		all = append(all, r.Name)
	}
	args := append([]string{"edge"}, s.common(name, listen, all)...)
	args = append(args, "--admin", admin)
	if s.cfg.Pool { // its levels are waited for
		args = append(args, "--degrade-window", Window.String(), "--degrade-dwell", Dwell.String())
	}
	for _, r := range s.regions {
		if r.Critical {
			args = append(args, "--critical", r.Name)
		}
	}
	if s.cfg.Page {
		args = append(args, "--enable-test-endpoints")
	}
	return args
}

// sidecar is the command of a sidecar and, behind the dash, of its game.
func (s *stage) sidecar(name string) fleet.Spec {
	args := append([]string{"sidecar"}, s.common(name, anyPort, fixedOn(s.regions, name))...)
	if s.cfg.Pool {
		args = append(args, "--pool")
	}
	if s.cfg.Page || slices.ContainsFunc(s.cfg.Faults, func(f Fault) bool { return f.asked }) {
		args = append(args, "--enable-test-endpoints")
	}
	args = append(args, "--output-commit", s.cfg.OutputCommit, "--", s.cfg.Program, "demo-game")
	env := s.env()
	if s.cfg.Memory > 0 { // it says hello when it has it
		args = append(args, "--memory", strconv.FormatUint(s.cfg.Memory, 10))
		env = append(env, "RESEAT_SIDECAR_GAME_HELLO_TIMEOUT="+patience.String())
	}
	if s.cfg.Recoveries > 0 {
		env = append(env, "RESEAT_SIDECAR_FAILOVER_RECOVERIES="+strconv.Itoa(s.cfg.Recoveries))
	}
	return fleet.Spec{Name: name, Path: s.cfg.Program, Args: args, Env: env, Mortal: s.cfg.Page}
}

// common are the flags that edge and sidecar share.
func (s *stage) common(name, listen string, regions []string) []string {
	args := []string{
		"--name", name, "--listen", listen, "--state-dir", s.state(), "--consul", s.consul, "--log-format", "json",
	}
	if len(regions) > 0 {
		args = append(args, "--region", strings.Join(regions, ","))
	}
	return args
}

const anyPort = "127.0.0.1:0"

func (s *stage) state() string { return filepath.Join(s.dir, "state") }

func (s *stage) addr(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.addrs[name]
}

// admin is the URL of an edge's API.
func (s *stage) admin(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.admins[name]
}

// env is our own environment without what would configure the processes
// otherwise than the demo means it.
func (s *stage) env() []string {
	ours := []string{"RESEAT_EDGE_", "RESEAT_SIDECAR_", "RESEAT_GAME="}
	if s.cfg.Consul == "" {
		ours = append(ours, "CONSUL_")
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc(ours, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
	for _, role := range []string{"EDGE", "SIDECAR"} {
		env = append(env, "RESEAT_"+role+"_CONSUL_PREFIX="+s.space, "RESEAT_"+role+"_CONSUL_SERVICE="+s.space)
	}
	if s.cfg.Profiles != "" {
		env = append(env, probe.Env+"="+anyPort)
	}
	env = append(env, s.cfg.Env...)
	return append(env, "TMPDIR="+s.dir) // sockets too go when the demo does
}

// admit starts the players' process.
func (s *stage) admit(ca string) (*bots.Remote, error) {
	args := []string{
		"demo-bots", "--ca", ca, "--rate", fmt.Sprint(s.cfg.Rate), "--seed", fmt.Sprint(s.cfg.Seed),
	}
	if s.cfg.NoSpare {
		args = append(args, "--no-spare")
	}
	args = slices.Grow(args, 2*len(s.edges)+2*len(s.regions))
	for _, r := range s.regions {
		args = append(args, "--region", fmt.Sprintf("%s=%d", r.Name, r.Players))
	}
	for _, edge := range s.edges {
		args = append(args, "--edge", s.addr(edge.Name))
	}
	p, err := s.fleet.Start(fleet.Spec{Name: players, Path: s.cfg.Program, Args: args, Env: s.env(), Piped: true})
	if err != nil {
		return nil, err
	}
	return bots.NewRemote(p.Stdin, p.Stdout), nil
}

// close ends all processes, even if ctx has ended. A Consul that is not ours is
// left as it was found.
func (s *stage) close(ctx context.Context) {
	if s.client != nil {
		defer s.client.Close()
	}
	if s.cfg.Consul == "" {
		s.fleet.Close()
		return
	}
	var leaving sync.WaitGroup
	for _, server := range s.servers {
		leaving.Go(func() { server.Leave(grace) })
	}
	leaving.Wait()
	s.fleet.Close()
	if err := forget(context.WithoutCancel(ctx), s.consul, s.space); err != nil {
		s.cfg.Screen.Line("note: keys below %s/ are left in Consul: %v", s.space, err)
	}
}
