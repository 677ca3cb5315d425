package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/journal"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Config is what an edge needs to run. NewEdge fills in defaults and refuses
// what contradicts itself.
type Config struct {
	Name    string   // stable name of this edge, for people
	Regions []string // regions that players may join here
	// Critical are those of Regions whose unreliable updates are never thinned.
	Critical []string

	Listen    string      // UDP address for players
	PlayerTLS *tls.Config // certificate for players; TLS 1.3, ALPN is set here
	Keys      Keys        // zero: random, then a restarted edge is noticed by timeout only

	Limits    buffer.Limits // zero: buffer.DefaultLimits
	Players   int           // how many sessions at most; 0: 10000
	Handshake float64       // new connections per second above which addresses are validated; 0: 200
	Timing    failover.Timing

	Link      link.Config // idle time, keep-alive, network; TLS is filled from LinkTLS
	LinkTLS   *tls.Config // for links to sidecars
	Drain     time.Duration
	Discovery *discovery.Client
	Tracer    *trace.Tracer // of failovers; nil: they are not traced
	Log       *slog.Logger
}

func (c Config) check() (Config, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timing == (failover.Timing{}) {
		c.Timing = failover.DefaultTiming()
	}
	if c.Limits == (buffer.Limits{}) {
		c.Limits = buffer.DefaultLimits()
	}
	if c.Players == 0 {
		c.Players = 10000
	}
	if c.Handshake == 0 {
		c.Handshake = 200
	}
	if c.Drain == 0 {
		c.Drain = 2 * time.Second
	}
	if c.Link.Network == nil {
		c.Link.Network = link.UDP{}
	}
	errs := []error{c.Limits.Validate(), c.Timing.Validate()}
	if c.Limits.ActionBytes > wire.MaxAction {
		errs = append(errs, fmt.Errorf("edge: action_bytes %d is above the protocol's %d", c.Limits.ActionBytes, wire.MaxAction))
	}
	if len(c.Regions) == 0 {
		errs = append(errs, errors.New("edge: no region is configured: name at least one"))
	}
	for _, r := range c.Regions {
		errs = append(errs, discovery.CheckName(r))
	}
	for _, r := range c.Critical {
		if !slices.Contains(c.Regions, r) {
			errs = append(errs, fmt.Errorf("edge: critical region %q is none of its regions: add it to them or leave it out", r))
		}
	}
	if c.Discovery == nil || c.PlayerTLS == nil || c.LinkTLS == nil {
		errs = append(errs, errors.New("edge: discovery, player and link TLS are required"))
	}
	c.Link.TLS = c.LinkTLS
	return c, errors.Join(errs...)
}

// Edge is the process in front of the players.
type Edge struct {
	cfg       Config
	log       *slog.Logger
	id        string // incarnation
	stats     Stats
	mesh      *discovery.MeshWatch
	regions   map[string]*region
	backends  *backends
	crier     *crier
	addr      chan net.Addr // one slot
	listens   atomic.Pointer[string]
	draining  atomic.Bool
	events    *journal.Journal[Event]
	failovers failovers
	tracer    *trace.Tracer

	setting sync.Mutex // held while the level is set; guards the field below
	level   level
}

// NewEdge checks the configuration. It does no I/O.
func NewEdge(cfg Config) (*Edge, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	e := &Edge{
		cfg: cfg, id: discovery.NewIncarnation(), mesh: cfg.Discovery.WatchMesh(),
		regions: map[string]*region{}, addr: make(chan net.Addr, 1), events: journal.New[Event](keptEvents, 0),
		level: level{mode: wire.Normal()}, crier: newCrier(),
	}
	e.log = cfg.Log.With("edge", cfg.Name)
	e.tracer = cfg.Tracer.As(e.id)
	for _, name := range cfg.Regions {
		e.regions[name] = newRegion(e, name)
	}
	e.backends = newBackends(e)
	return e, nil
}

// Mesh is what the edge follows, for others in its process. It runs with the edge.
func (e *Edge) Mesh() *discovery.MeshWatch { return e.mesh }

// Addr waits until the edge listens and returns its address.
func (e *Edge) Addr(ctx context.Context) (net.Addr, error) {
	select {
	case a := <-e.addr:
		e.addr <- a
		return a, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Stats returns the counters so far.
func (e *Edge) Stats() Counters {
	c := e.stats.counters()
	c.Thinned = map[string]uint64{}
	for name, r := range e.regions {
		c.Thinned[name] = r.thinned.Load()
	}
	c.Failovers = e.failovers.counts(time.Now())
	return c
}

// Run serves players until ctx ends, then says goodbye to each with the seqs
// that are not durable, for at most Config.Drain. It returns nil then, and an
// error for what cannot get better by itself, such as an address in use.
func (e *Edge) Run(ctx context.Context) error {
	ln, err := listenPlayers(e)
	if err != nil {
		return err
	}
	address := ln.addr().String()
	e.addr <- ln.addr()
	e.listens.Store(&address)
	defer e.listens.Store(nil)
	defer context.AfterFunc(ctx, func() { e.draining.Store(true) })()
	e.log.Info("edge listens", "event", "listening", "addr", address, "regions", e.cfg.Regions)

	// Links outlive the goodbye to the players: acks may still come.
	linkCtx, closeLinks := context.WithCancelCause(context.WithoutCancel(ctx))
	runCtx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var links errgroup.Group
	links.Go(func() error { return e.backends.run(linkCtx) })
	links.Go(func() error { fail(e.mesh.Run(linkCtx)); return nil })
	links.Go(func() error { return e.obey(linkCtx) })
	links.Go(func() error { return e.watch(linkCtx) })
	links.Go(func() error { return e.crier.run(linkCtx) })
	for _, r := range e.regions {
		links.Go(func() error { fail(r.run(linkCtx)); return nil })
	}
	ln.run(runCtx) // returns when all sessions are over
	err = context.Cause(runCtx)
	closeLinks(context.Canceled)
	_ = links.Wait()
	ln.close()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watch lets the regions look at the clock until ctx ends. One timer wakes them all: to
// be woken up costs much more than to look.
func (e *Edge) watch(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			for _, name := range e.cfg.Regions {
				e.regions[name].look(now)
			}
		}
	}
}
