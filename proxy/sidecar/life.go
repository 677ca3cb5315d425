package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// farewell is how long the end of an incarnation may take to tell Consul.
const farewell = 2 * time.Second

// life is one incarnation: one identity in Consul, and for each region one log.
// Games come and go in it; what is durable stays in the logs, so the death of a
// game takes nothing away but time.
type life struct {
	sc     *Sidecar
	id     string // incarnation
	log    *slog.Logger
	ctx    context.Context          //nolint:containedctx // it is the incarnation's life, and ends with its cause
	end    context.CancelCauseFunc  // the first cause counts
	game   atomic.Pointer[gameLink] // of the moment; nobody's while there is none
	fate   atomic.Uint64            // the code that the last game ended with, while there is no other
	here   pump.Waker               // there is a game again
	tracer *trace.Tracer            // of this incarnation; may be nil
	reg    atomic.Pointer[discovery.Registration]

	hosting hosting
	peers   *peers
	ending  singleflight.Group // of other incarnations' sessions
	vigil   *link.Vigil
	tasks   errgroup.Group // all goroutines of the incarnation

	mu    sync.Mutex // guards the fields below
	links map[*link.Conn]struct{}
	over  bool
}

// session is the Consul session of this incarnation at this time.
func (l *life) session() string { return l.reg.Load().Session() }

// leaseTime is how long a renewal holds: less than the check's TTL, after which
// Consul gives the lock to others.
func (l *life) leaseTime() time.Duration { return l.sc.cfg.Discovery.CheckTTL() * 2 / 3 }

// leaseUntil is when the lease is over, by the time at which its last renewal was
// sent.
func (l *life) leaseUntil() time.Time { return l.reg.Load().RenewedAt().Add(l.leaseTime()) }

// live runs one incarnation, from its first game's hello to its end.
func (s *Sidecar) live(parent context.Context, socket net.Listener, addr string) error {
	l := newLife(parent, s)
	defer l.end(nil)
	defer func() { _ = l.tasks.Wait() }()
	l.tasks.Go(func() error { l.end(l.games(socket)); return nil })
	select {
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	case <-l.here:
	}
	if err := l.register(addr); err != nil {
		l.end(err)
		return err
	}
	l.serve()
	return context.Cause(l.ctx)
}

// newLife is an incarnation that has not registered, and has no game yet.
func newLife(parent context.Context, s *Sidecar) *life {
	ctx, end := context.WithCancelCause(parent)
	l := &life{
		sc: s, id: discovery.NewIncarnation(), ctx: ctx, end: end, here: pump.NewWaker(),
		links: map[*link.Conn]struct{}{}, vigil: link.NewVigil(),
	}
	if fault.Bug(fault.RestartedUnderOldName) {
		l.id = s.cfg.Name
	}
	l.log = s.log.With("incarnation", l.id)
	l.tracer = s.cfg.Tracer.As(l.id)
	l.peers = newPeers(l)
	l.game.Store(nobody(ctx))
	return l
}

// serve runs the regions until the incarnation ends, and ends it: Consul and
// the peers are told at the same time.
func (l *life) serve() {
	for _, name := range l.sc.cfg.Regions {
		l.open(name)
	}
	l.sc.life.Store(l)
	l.sc.stats.lives.Add(1)
	l.log.Info("joined", "event", "joined", "regions", l.sc.cfg.Regions, "session", l.session())
	for _, task := range []func(context.Context) error{l.stayRegistered, l.peers.run, l.vigil.Run, l.watch, l.follow} {
		l.tasks.Go(func() error { l.end(task(l.ctx)); return nil })
	}
	<-l.ctx.Done()
	cause := context.Cause(l.ctx)
	code := l.verdict()
	l.sc.life.CompareAndSwap(l, nil)
	l.log.Warn("incarnation ends", "event", "down", "reason", code.String(), "detail", cause.Error())
	l.tasks.Go(func() error { l.leave(code); return nil })
	l.closeLinks(code)
}

// verdict is why the incarnation really ends: if others have deposed it because its
// game had died, it is of that.
func (l *life) verdict() wire.Code {
	code := causeOf(context.Cause(l.ctx))
	if fate := wire.Code(l.fate.Load()); code == wire.CodeDeposed && fate != wire.CodeNone {
		return fate
	}
	return code
}

// leave frees the locks, then deregisters.
func (l *life) leave(code wire.Code) {
	l.fail(code)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), farewell)
	defer cancel()
	if err := l.reg.Load().Close(ctx); err != nil {
		l.log.Warn("could not deregister", "error", err)
	}
}

// register retries for as long as Consul cannot be reached: a sidecar that
// starts before its Consul waits for it. What Consul refuses is an error.
func (l *life) register(addr string) error {
	cfg := l.sc.cfg
	server := discovery.Server{
		Incarnation: l.id, Name: cfg.Name, Address: addr, Regions: cfg.Regions, Pool: cfg.Pool, Zone: cfg.Zone, Host: cfg.Host,
	}
	delay := retryDelay()
	for {
		reg, err := cfg.Discovery.Register(l.ctx, server)
		if err == nil {
			l.reg.Store(reg)
			return nil
		}
		if !errors.Is(err, discovery.ErrUnavailable) {
			return &FatalError{fmt.Errorf("register: %w", err)} // a right or a name that only a person can mend
		}
		wait := delay.NextBackOff()
		l.log.Warn("consul is not available, trying again", "error", err, "retry_in", wait)
		select {
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-time.After(wait):
		}
	}
}

// stayRegistered renews the registration, and makes another one when Consul has
// lost it, or when there is a game again: the same incarnation goes on under a
// new session. It returns when the incarnation is over, or cannot be registered.
func (l *life) stayRegistered(ctx context.Context) error {
	for {
		err := l.reg.Load().Run(ctx)
		if !errors.Is(err, discovery.ErrSessionLost) || ctx.Err() != nil {
			return err
		}
		l.log.Warn("our session is gone", "event", "session_lost")
		l.tell(failover.SessionChanged{})
		for l.game.Load().absent {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-l.here:
			}
		}
		if err := l.register(*l.sc.addr.Load()); err != nil {
			return err
		}
		if l.game.Load().absent {
			l.fail(wire.CodeGameExit) // it died meanwhile
			continue
		}
		l.log.Info("registered again", "event", "registered", "session", l.session())
		l.tell(failover.SessionChanged{Session: l.session()})
	}
}

func (l *life) tell(ev failover.CandidateEvent) {
	for _, r := range l.hosting.list() {
		r.post(ev)
	}
}

// fail frees the locks as fast as they can be freed, and tells the backups when they
// are.
func (l *life) fail(code wire.Code) {
	reg := l.reg.Load()
	if reg == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), farewell)
	defer cancel()
	freed := func() (led bool) {
		for _, r := range l.active() {
			led = r.tellFallen() || led
		}
		return led
	}
	if err := reg.Fail(ctx, code.String(), freed); err != nil {
		l.log.Warn("could not fail the check; its TTL will", "error", err)
	}
}

// find returns the region of a game's ID. Until the regions are there, and when
// this incarnation is over, a game speaks to nobody.
func (l *life) find(id uint64) gameHandler {
	if l.sc.life.Load() != l {
		return nil
	}
	if r := l.hosting.byID(id); r != nil {
		return r
	}
	return nil
}

func (l *life) region(name string) *region { return l.hosting.named(name) }

// serveLink serves what an edge or a backup opens on its link, until it closes.
func (l *life) serveLink(conn *link.Conn) {
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		conn.Close(wire.CodeNotServing)
		return
	}
	l.links[conn] = struct{}{}
	l.mu.Unlock()

	var g errgroup.Group
	g.Go(func() error { l.receiveSnapshots(conn); return nil })
	for {
		st, err := conn.AcceptStream(l.ctx)
		if err != nil {
			break
		}
		g.Go(func() error { serveStream(l, conn, st); return nil })
	}
	if l.ctx.Err() == nil {
		conn.Close(wire.CodeNone) // it is closed; this frees what it holds
	} else {
		conn.Close(l.verdict()) // closeLinks may come too late for it
	}
	_ = g.Wait()
	l.mu.Lock()
	delete(l.links, conn)
	l.mu.Unlock()
}

func (l *life) closeLinks(why wire.Code) {
	l.mu.Lock()
	l.over = true
	conns := make([]*link.Conn, 0, len(l.links))
	for c := range l.links {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close(why)
	}
}
