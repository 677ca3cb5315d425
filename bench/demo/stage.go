package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// The cast.
const (
	region  = "demo"
	edge    = "edge"
	players = "players"
	keeper  = "registry"
	servers = 3
)

// patience is how long the demo waits for anything that takes a second at most.
const patience = 30 * time.Second

// stage is all processes of a demo, and what is known of them.
type stage struct {
	cfg      Config
	dir      string
	space    string // prefix of the keys and name of the service: ours alone
	consul   string // address of the registry
	fleet    *fleet.Fleet
	servers  []*fleet.Server
	timeline *timeline

	mu      sync.Mutex // guards the fields below
	known   known
	changed chan struct{} // closed when known has changed
}

// known is what the processes and the registry have told.
type known struct {
	addrs  map[string]string    // that processes listen on, by their names
	names  names                // of incarnations
	joined map[string]time.Time // when each server joined last
	view   discovery.View
}

func newStage(cfg Config, dir string) *stage {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails
	s := &stage{
		cfg: cfg, dir: dir, space: "reseat-demo-" + hex.EncodeToString(id), consul: cfg.Consul,
		fleet: fleet.New(dir, cfg.Echo), timeline: &timeline{screen: cfg.Screen}, changed: make(chan struct{}),
		known: known{addrs: map[string]string{}, names: names{}, joined: map[string]time.Time{}},
	}
	return s
}

// observe takes in what the processes report, until ctx ends.
func (s *stage) observe(ctx context.Context) error {
	tick := time.NewTicker(settleTime / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.fleet.Failed():
			return err
		case now := <-tick.C:
			s.timeline.flush(now)
		case e := <-s.fleet.Events():
			s.take(e)
		}
	}
}

func (s *stage) take(e fleet.Event) {
	for _, server := range s.servers {
		server.Observe(e)
	}
	s.update(func(k *known) {
		switch e.Name {
		case "listening":
			k.addrs[e.From] = e.Text("addr")
		case "joined":
			k.names[e.Text("incarnation")] = e.From
			k.joined[e.From] = e.At
		}
	})
	if say := words[e.Name]; say != nil {
		s.timeline.add(e.At, markStep, say(e, s.names()))
	}
}

// update changes what is known and wakes who waits for it.
func (s *stage) update(change func(*known)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.known)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stage) names() names {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(names, len(s.known.names))
	for incarnation, name := range s.known.names {
		all[incarnation] = name
	}
	return all
}

// await waits until what is known satisfies cond, which must be quick.
func (s *stage) await(ctx context.Context, what string, cond func(known) bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		done, changed := cond(s.known), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return fmt.Errorf("waited %v in vain for %s", patience, what)
		}
	}
}

// primary is the server that the registry calls primary, if it is one that we
// know well enough to harm it.
func (s *stage) primary(k known) (server *fleet.Server, epoch uint64) {
	if k.view.Primary == nil || k.view.Stale {
		return nil, 0
	}
	name := k.names[k.view.Primary.Incarnation]
	i := slices.IndexFunc(s.servers, func(server *fleet.Server) bool { return server.Name == name })
	if i < 0 || s.servers[i].Game() == 0 {
		return nil, 0
	}
	return s.servers[i], k.view.Primary.Epoch
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
	for i := range servers {
		server := s.fleet.NewServer(s.sidecar("server-" + strconv.Itoa(i+1)))
		s.servers = append(s.servers, server)
		if err := server.Start(); err != nil {
			return certs.Set{}, err
		}
	}
	if err := s.start(edge, "edge", s.common(edge)...); err != nil {
		return certs.Set{}, err
	}
	return made, s.await(ctx, "the edge", func(k known) bool { return k.addrs[edge] != "" })
}

func (s *stage) start(name, command string, args ...string) error {
	_, err := s.fleet.Start(fleet.Spec{Name: name, Path: s.cfg.Program, Args: append([]string{command}, args...), Env: s.env()})
	return err
}

// sidecar is the command of a sidecar and, behind the dash, of its game.
func (s *stage) sidecar(name string) fleet.Spec {
	args := append([]string{"sidecar"}, s.common(name)...)
	args = append(args, "--", s.cfg.Program, "demo-game")
	return fleet.Spec{Name: name, Path: s.cfg.Program, Args: args, Env: s.env()}
}

// common are the flags that edge and sidecar share.
func (s *stage) common(name string) []string {
	return []string{
		"--name", name, "--region", region, "--listen", "127.0.0.1:0", "--state-dir", s.state(),
		"--consul", s.consul, "--log-format", "json",
	}
}

func (s *stage) state() string { return filepath.Join(s.dir, "state") }

func (s *stage) addr(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.addrs[name]
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
	return append(env, "TMPDIR="+s.dir) // sockets too go when the demo does
}

// watch follows the region in the registry until ctx ends.
func (s *stage) watch(ctx context.Context) error {
	client, err := discovery.New(discovery.Config{Address: s.consul, Prefix: s.space, Service: s.space}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	w := client.Watch(region)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case v := <-w.Views():
				s.update(func(k *known) { k.view = v })
			}
		}
	}()
	defer func() { <-done }()
	if err := w.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// admit starts the players' process.
func (s *stage) admit(ca string) (*bots.Remote, error) {
	p, err := s.fleet.Start(fleet.Spec{
		Name: players, Path: s.cfg.Program, Env: s.env(), Piped: true,
		Args: []string{
			"demo-bots", "--edge", s.addr(edge), "--region", region, "--ca", ca,
			"--players", strconv.Itoa(s.cfg.Players), "--rate", fmt.Sprint(s.cfg.Rate), "--seed", fmt.Sprint(s.cfg.Seed),
		},
	})
	if err != nil {
		return nil, err
	}
	return bots.NewRemote(p.Stdin, p.Stdout), nil
}

// close ends all processes. A Consul that is not ours is left as it was found.
func (s *stage) close() {
	if s.cfg.Consul == "" {
		s.fleet.Close()
		return
	}
	for _, server := range s.servers {
		server.Leave(3 * time.Second)
	}
	s.fleet.Close()
	if err := forget(s.consul, s.space); err != nil {
		s.cfg.Screen.Line("note: keys below %s/ are left in Consul: %v", s.space, err)
	}
}

// forget deletes all keys below a prefix.
func forget(consul, prefix string) error {
	if !strings.Contains(consul, "://") {
		consul = "http://" + consul
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, consul+"/v1/kv/"+prefix+"/?recurse", nil)
	if err != nil {
		return err
	}
	if token := os.Getenv("CONSUL_HTTP_TOKEN"); token != "" {
		req.Header.Set("X-Consul-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
