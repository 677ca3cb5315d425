package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

// DefaultSidecarListen is where people will look for a sidecar's server first. It is
// off by default: many sidecars share a machine.
const DefaultSidecarListen = "127.0.0.1:7701"

// SidecarSource is the sidecar that is shown: a sidecar.Sidecar. Its methods do not wait.
type SidecarSource interface {
	Status() sidecar.Status
	Stats() sidecar.Snapshot
}

// SidecarConfig says what the server of a sidecar shows, and to whom: as Config.
type SidecarConfig struct {
	Listen   string
	Listener net.Listener
	Token    string
	TLS      *tls.Config
	Pprof    bool

	Sidecar SidecarSource
	Source  Source
	Consul  func() discovery.Stats // nil: not shown

	Log *slog.Logger
}

// SidecarServer is what a sidecar shows of itself: /metrics, /livez, /readyz and,
// where it is asked for, /debug/pprof. It steers nothing: that is the edges' part.
type SidecarServer struct {
	*front
	cfg     SidecarConfig
	metrics registry

	mu    sync.Mutex // guards the fields below
	known bool       // Consul has answered
	away  bool       // it does not now
	since time.Time  // when it last began, or stopped
}

// NewSidecar checks the configuration. It does no I/O.
func NewSidecar(cfg SidecarConfig) (*SidecarServer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Listen == "" {
		cfg.Listen = DefaultSidecarListen
	}
	if cfg.Sidecar == nil || cfg.Source == nil {
		return nil, errors.New("admin: sidecar and source are required")
	}
	if err := CheckReach(cfg.Listen, cfg.Token != "", cfg.TLS != nil); err != nil {
		return nil, err
	}
	s := &SidecarServer{cfg: cfg, since: time.Now()}
	s.metrics = newRegistry(collector(s.collect))
	s.front = &front{
		listen: cfg.Listen, listener: cfg.Listener, token: cfg.Token, tls: cfg.TLS, log: cfg.Log,
		requests: s.metrics.requests, ready: make(chan struct{}),
	}
	return s, nil
}

// Run listens and serves until ctx ends; then it returns nil, and an error if it
// cannot listen.
func (s *SidecarServer) Run(ctx context.Context) error {
	ln, err := s.open(ctx)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.follow(gctx) })
	g.Go(func() error { return s.serve(gctx, ln, s.Handler()) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// Handler serves without listening.
func (s *SidecarServer) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range []endpoint{
		{path: "/metrics", get: s.metrics.page},
		{path: "/livez", get: getLive, open: true},
		{path: "/readyz", get: s.getReady, open: true},
	} {
		mux.Handle(e.path, s.serveAt(e))
	}
	if s.cfg.Pprof {
		s.profiles(mux)
	}
	mux.Handle("/", s.serveAt(endpoint{path: "other", get: s.notFound, post: s.notFound}))
	return mux
}

func (s *SidecarServer) notFound(_ http.ResponseWriter, r *http.Request) error {
	return problem(http.StatusNotFound, "unknown_path", "there is nothing at %.80q: a sidecar has /metrics, /livez and /readyz; the mesh is steered at an edge", r.URL.Path)
}

// follow notes whether Consul answers, until ctx ends.
func (s *SidecarServer) follow(ctx context.Context) error {
	meshes, stop := s.cfg.Source.Subscribe()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-meshes:
			s.mu.Lock()
			s.known, s.away, s.since = true, m.Stale, m.Since
			s.mu.Unlock()
		}
	}
}

// stale is for how long Consul has not answered.
func (s *SidecarServer) stale() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && !s.away {
		return 0
	}
	return time.Since(s.since)
}

func (s *SidecarServer) getReady(w http.ResponseWriter, r *http.Request) error {
	return s.answerChecks(w, r, s.checks())
}

// checks are what makes a sidecar ready: that it is in the mesh, with a game. Consul
// being away is a warning, as is a primary that may not speak: it will again.
func (s *SidecarServer) checks() []check {
	status := s.cfg.Sidecar.Status()
	game := check{name: "game", text: "is connected"}
	if !status.Game {
		game.bad, game.text = true, "is not connected"
	}
	mesh := check{name: "mesh", text: "registered as " + status.Incarnation}
	if status.Incarnation == "" {
		mesh.bad, mesh.text = true, "not registered: it waits for its game, or for Consul"
	}
	consul := check{name: "consul", text: "answers"}
	if away := s.stale(); away > 0 {
		consul.warn, consul.text = true, fmt.Sprintf("has not answered for %v: see reseat doctor", away.Round(time.Second))
	}
	out := append(make([]check, 0, 3+len(status.Regions)), game, mesh, consul)
	for _, r := range status.Regions {
		c := check{name: "region " + r.Name, text: string(r.Role)}
		if r.Role == sidecar.RolePrimary && !r.Leased {
			c.warn, c.text = true, "primary whose lease is over: nothing leaves it"
		}
		out = append(out, c)
	}
	return out
}
