package sidecar

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Config is what a sidecar needs to run. New fills in defaults and refuses what
// contradicts itself.
type Config struct {
	Name    string   // stable name of the server, for people
	Zone    string   // where it runs, for placement; may be empty
	Host    string   // machine, for placement; may be empty
	Regions []string // regions that it always backs, or leads
	// Pool: it also takes any region in which the controller gives it a seat, and may
	// have no Regions of its own then.
	Pool bool

	Listen    string // UDP address for edges and other sidecars
	Advertise string // what they should dial; empty: the address bound to
	// ResetSecret lets peers learn within a packet that this process has taken the
	// place of a dead one on the same port, which had the same secret; such as the
	// bytes of the link's private key. Empty: they learn it by silence.
	ResetSecret []byte

	Game     GameConfig
	Snapshot Pace
	// OutputCommit says when reliable updates leave for players; "": OutputStrict.
	OutputCommit OutputCommit
	Timing       failover.Timing // zero: failover.DefaultTiming

	// Drain bounds how long a stop waits for other servers to take our regions; 0: 5 s.
	Drain time.Duration

	Link      link.Config // idle time, keep-alive, network; TLS is filled from below
	ServerTLS *tls.Config // for links from edges and backups
	ClientTLS *tls.Config // for links to the primary of a region

	// Strike does harm to this process when a test asks for it (discovery.Strike); nil:
	// such requests are ignored, as they should be wherever people play.
	Strike func(kind string, d time.Duration)

	Discovery *discovery.Client
	Tracer    *trace.Tracer // of failovers; nil: they are not traced
	Log       *slog.Logger
}

// OutputCommit says when a reliable update leaves for its player. Unreliable ones
// never wait.
type OutputCommit string

const (
	// OutputStrict holds an update back until the actions and outcomes that it
	// depends on are durable: no player sees what a failover takes back.
	OutputStrict OutputCommit = "strict"
	// OutputNone sends it at once.
	OutputNone OutputCommit = "none"
)

func (c Config) check() (Config, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timing == (failover.Timing{}) {
		c.Timing = failover.DefaultTiming()
	}
	if c.Drain == 0 {
		c.Drain = 5 * time.Second
	}
	c.Game = c.Game.withDefaults()
	c.Snapshot = c.Snapshot.withDefaults()
	if c.OutputCommit == "" {
		c.OutputCommit = OutputStrict
	}
	errs := []error{c.Timing.Validate(), c.Snapshot.validate()}
	if c.OutputCommit != OutputStrict && c.OutputCommit != OutputNone {
		errs = append(errs, fmt.Errorf("sidecar: output commit %q: choose %s or %s", c.OutputCommit, OutputStrict, OutputNone))
	}
	if len(c.Regions) == 0 && !c.Pool {
		errs = append(errs, errors.New("sidecar: no region is configured: name at least one, or let it join the pool"))
	}
	for _, r := range c.Regions {
		errs = append(errs, discovery.CheckName(r))
	}
	if c.Discovery == nil || c.ServerTLS == nil || c.ClientTLS == nil {
		errs = append(errs, errors.New("sidecar: discovery, server and client TLS are required"))
	}
	return c, errors.Join(errs...)
}

// Sidecar is the process beside a game server.
type Sidecar struct {
	cfg   Config
	log   *slog.Logger
	stats Stats

	mesh     *discovery.MeshWatch
	life     atomic.Pointer[life] // the present incarnation; nil between two
	floors   sync.Map             // of *atomic.Uint64, by region: the highest epoch heard of in any incarnation
	restores restores
	level    level
	struck   time.Time // the last strike; owned by obey
	addr     atomic.Pointer[string]
	ready    chan struct{} // closed when addr is known
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Sidecar, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Sidecar{
		cfg: cfg, log: cfg.Log, mesh: cfg.Discovery.WatchMesh(), ready: make(chan struct{}),
		level: level{mode: wire.Normal()},
	}, nil
}

func (s *Sidecar) floorOf(region string) *atomic.Uint64 {
	floor, _ := s.floors.LoadOrStore(region, new(atomic.Uint64))
	return floor.(*atomic.Uint64)
}

// Addr waits until the sidecar listens and returns the address that it registers.
func (s *Sidecar) Addr(ctx context.Context) (string, error) {
	select {
	case <-s.ready:
		return *s.addr.Load(), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Incarnation is the present one's ID; empty between two.
func (s *Sidecar) Incarnation() string {
	if l := s.life.Load(); l != nil {
		return l.id
	}
	return ""
}

// Mesh is what the sidecar follows, for others in its process. It runs with the sidecar.
func (s *Sidecar) Mesh() *discovery.MeshWatch { return s.mesh }

// Stats returns the counters so far.
func (s *Sidecar) Stats() Snapshot { return s.stats.snapshot() }

// Serving is the epoch in which this sidecar is primary of the region now; 0: it
// is not.
func (s *Sidecar) Serving(name string) uint64 {
	l := s.life.Load()
	if l == nil {
		return 0
	}
	r := l.region(name)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.serving {
		return 0
	}
	return r.epoch
}

// Run listens, starts or awaits the game, and lives one incarnation after the
// other until ctx ends. It returns nil then, and an error only for what cannot
// get better by itself: an address in use, a game command that does not start.
func (s *Sidecar) Run(ctx context.Context) error {
	socket, err := listenGame(ctx, s.cfg.Game)
	if err != nil {
		return err
	}
	defer socket.Close()
	cfg := s.cfg.Link
	cfg.TLS = s.cfg.ServerTLS
	ln, err := link.Listen(s.cfg.Listen, s.cfg.ResetSecret, cfg)
	if err != nil {
		return err
	}
	addr := s.cfg.Advertise
	if addr == "" {
		addr = ln.Addr().String()
	}
	s.addr.Store(&addr)
	close(s.ready)
	s.log.Info("sidecar listens", "event", "listening", "addr", addr, "regions", s.cfg.Regions)

	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { s.retire(s.cfg.Drain); stop() })()
	g, gctx := errgroup.WithContext(work)
	g.Go(func() error { return s.mesh.Run(gctx) })
	g.Go(func() error { return s.obey(gctx) })
	g.Go(func() error { return s.accept(gctx, ln) })
	g.Go(func() error { return s.lives(gctx, socket, addr) })
	err = g.Wait()
	ln.Close()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// accept hands every link to the incarnation of the moment. Between two of them
// links are refused: who dials comes again.
func (s *Sidecar) accept(ctx context.Context, ln *link.Listener) error {
	var g errgroup.Group
	defer func() { _ = g.Wait() }()
	for {
		conn, err := ln.Accept(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept links: %w", err)
		}
		l := s.life.Load()
		if l == nil {
			conn.Close(wire.CodeNotServing)
			continue
		}
		g.Go(func() error { l.serveLink(conn); return nil })
	}
}

// lives runs incarnation after incarnation. One that lasted resets the delay
// before the next; one that failed at once (a game that crashes on start, a
// Consul that refuses us) is tried again ever more slowly.
func (s *Sidecar) lives(ctx context.Context, socket net.Listener, addr string) error {
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(s.cfg.Game.RestartMin),
		backoff.WithMaxInterval(s.cfg.Game.RestartMax),
		backoff.WithMaxElapsedTime(0),
	)
	for ctx.Err() == nil {
		began := time.Now()
		err := s.live(ctx, socket, addr)
		if fatal, ok := errors.AsType[*FatalError](err); ok {
			return fatal
		}
		if time.Since(began) > s.cfg.Game.RestartMax {
			delay.Reset()
		}
		wait := delay.NextBackOff()
		s.log.Warn("incarnation over", "event", "over", "reason", causeOf(err).String(), "error", err, "retry_in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// FatalError is an error that trying again does not cure.
type FatalError struct{ Err error }

func (e *FatalError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FatalError) Unwrap() error { return e.Err }

// endError is the cause with which an incarnation ends.
type endError struct {
	code wire.Code
	err  error // detail, may be nil
}

func (e *endError) Error() string {
	if e.err == nil {
		return e.code.String()
	}
	return fmt.Sprintf("%v: %v", e.code, e.err)
}

func (e *endError) Unwrap() error { return e.err }

func causeOf(err error) wire.Code {
	var end *endError
	switch {
	case errors.As(err, &end):
		return end.code
	case errors.Is(err, context.Canceled):
		return wire.CodeShutdown
	}
	return wire.CodeGameFault
}
