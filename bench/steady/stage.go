package steady

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/probe"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// What processes are, in the figures.
const (
	Front   = "front"   // what players are connected to: the edges, the first relay or the echo server
	Primary = "primary" // sidecars that lead regions
	Backup  = "backup"  // other sidecars
	Game    = "game"    // that answers: the echo server, games of primaries
	Standby = "standby" // games of other sidecars
	Behind  = "behind"  // the second relay
	Crowd   = "players"
)

const (
	anyPort = "127.0.0.1:0"
	// patience is how long anything may take that takes a second or two.
	patience = 30 * time.Second
	crowdLog = "players"
)

// stage is the processes of one pass.
type stage struct {
	cfg   Config
	dir   string
	fleet *fleet.Fleet
	ca    string
	cert  certs.Files

	front   []string // addresses that players connect to
	mesh    *mesh    // nil: none
	members []member
	crowd   *fleet.Process
	players remote

	mu      sync.Mutex // guards the fields below
	addrs   map[string]string
	probes  map[string]string // addresses, by name of the process
	games   map[string]int    // PIDs, by name of their sidecar
	events  []fleet.Event     // of sidecars
	failed  error
	changed chan struct{} // closed when something has changed
}

// member is a process whose figures are read.
type member struct {
	Role, Name string
	PID        int
}

func newStage(cfg Config, dir string) *stage {
	return &stage{
		cfg: cfg, dir: dir, fleet: fleet.New(dir, cfg.Echo), addrs: map[string]string{}, probes: map[string]string{},
		games: map[string]int{}, changed: make(chan struct{}),
	}
}

// open starts what lies on a path.
func (s *stage) open(ctx context.Context, p Path) error {
	made, err := certs.Dev(filepath.Join(s.dir, "state"))
	if err != nil {
		return err
	}
	s.ca, s.cert = made.Public.CA, made.Public
	if p.mesh != nil {
		return s.openMesh(ctx, *p.mesh)
	}
	at, err := s.startOne(ctx, Game, "echo", "bench-echo")
	for i := 0; err == nil && i < p.relays; i++ {
		role, name := Front, "relay"
		if i < p.relays-1 {
			role, name = Behind, "relay-behind"
		}
		args := []string{"bench-relay", "--to", at, "--ca", s.ca}
		if p.each {
			args = append(args, "--each")
		}
		at, err = s.startOne(ctx, role, name, args...)
	}
	if p.relays == 0 && err == nil {
		s.members[0].Role = Front
	}
	s.front = []string{at}
	return err
}

// startOne starts an echo server or a relay, and returns where it listens.
func (s *stage) startOne(ctx context.Context, role, name string, args ...string) (addr string, err error) {
	args = append(args, "--listen", anyPort, "--cert", s.cert.Cert, "--key", s.cert.Key)
	p, err := s.fleet.Start(s.spec(name, args...))
	if err != nil {
		return "", err
	}
	s.members = append(s.members, member{role, name, p.PID()})
	return s.addr(ctx, name)
}

func (s *stage) spec(name string, args ...string) fleet.Spec {
	return fleet.Spec{Name: name, Path: s.cfg.Program, Args: args, Env: s.env()}
}

// env is our own environment without what would configure the processes otherwise.
func (s *stage) env() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc([]string{"RESEAT_EDGE_", "RESEAT_SIDECAR_", "RESEAT_GAME=", "CONSUL_"}, func(prefix string) bool {
			return strings.HasPrefix(v, prefix)
		})
	})
	return append(env, probe.Env+"="+anyPort, "TMPDIR="+s.dir)
}

// addr waits until a process listens, and returns where.
func (s *stage) addr(ctx context.Context, name string) (addr string, err error) {
	err = s.await(ctx, name, func() bool { addr = s.addrs[name]; return addr != "" })
	return addr, err
}

// join starts the players, and returns when all are there.
func (s *stage) join(ctx context.Context, players int, seed uint64) error {
	args := []string{"bench-players", "--ca", s.ca, "--players", fmt.Sprint(players), "--seed", fmt.Sprint(seed)}
	for _, at := range s.front {
		args = append(args, "--to", at)
	}
	if s.mesh != nil {
		for _, r := range s.mesh.regions {
			args = append(args, "--region", r)
		}
	}
	spec := s.spec(crowdLog, args...)
	spec.Piped = true
	p, err := s.fleet.Start(spec)
	if err != nil {
		return err
	}
	s.crowd, s.players = p, newRemote(p.Stdin, p.Stdout)
	s.members = append(s.members, member{Crowd, crowdLog, p.PID()})
	stop := context.AfterFunc(ctx, p.Kill) // or the words would never end
	defer stop()
	return errors.Join(s.players.join(), context.Cause(ctx))
}

// observe takes in what the processes report, until ctx ends.
func (s *stage) observe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-s.fleet.Failed():
			s.update(func() { s.failed = err })
		case e := <-s.fleet.Events():
			s.update(func() { s.take(e) })
		}
	}
}

func (s *stage) take(e fleet.Event) {
	switch e.Name {
	case "listening":
		s.addrs[e.From] = e.Text("addr")
	case probe.Event:
		name := e.From
		if e.Text("who") == "bench-game" { // its sidecar passes on what it logs
			name = gameOf(name)
		}
		s.probes[name] = e.Text("addr")
	case "game_started":
		s.games[e.From] = int(e.Number("pid"))
	}
	s.events = append(s.events, e)
}

func (s *stage) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits for what is known to satisfy cond, which must be quick.
func (s *stage) await(ctx context.Context, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %v in vain for %s", patience, what))
	defer cancel()
	for {
		s.mu.Lock()
		done, failed, changed := cond(), s.failed, s.changed
		s.mu.Unlock()
		if failed != nil || done {
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
