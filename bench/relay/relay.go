package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Relay passes packets between clients and a target. Its methods may be called
// from any goroutine.
type Relay struct {
	cfg  Config
	port *port
	line *line
	ways [2]way
	gone chan struct{} // the relay has vanished
	wg   sync.WaitGroup

	evicted, rebound, refused, vanished atomic.Uint64

	// gate is held for reading while a packet passes, so that none meets faults
	// that have been replaced. It is locked before mu.
	gate   sync.RWMutex
	faults [2]Way
	block  func(client netip.AddrPort) (toTarget, toClient bool)

	listener atomic.Pointer[net.UDPConn] // nil: vanished; stored under mu

	mu     sync.Mutex
	closed bool
	fail   context.CancelCauseFunc // ends Run
	target netip.AddrPort
	flows  map[netip.AddrPort]*flow // by client
	made   uint64                   // flows made so far
	uses   uint64                   // packets of clients so far
}

// way is what a direction keeps.
type way struct {
	counters
	bucket
}

// New opens a relay's port. Run must be called, and closes it.
func New(cfg Config) (*Relay, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	at, err := parseListen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	target, err := parseTarget(cfg.Target)
	if err != nil {
		return nil, err
	}
	port, listener, err := reserve(at)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r := &Relay{
		cfg: cfg, port: port, line: newLine(cfg.MaxQueued), gone: make(chan struct{}, 1),
		target: target, flows: map[netip.AddrPort]*flow{},
	}
	r.listener.Store(listener)
	return r, nil
}

// Addr is where clients reach the relay. It stays the same.
func (r *Relay) Addr() netip.AddrPort { return r.port.addr }

// Run relays until ctx ends, and returns nil then when all its goroutines are
// gone. An error says why the relay could not go on. It may be called once.
func (r *Relay) Run(ctx context.Context) error {
	runCtx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	r.mu.Lock()
	r.fail = fail
	if l := r.listener.Load(); l != nil {
		r.wg.Go(func() { r.readClients(l) })
	}
	r.mu.Unlock()
	r.wg.Go(func() { r.line.run(runCtx, r.deliver) })
	r.wg.Go(func() { r.keep(runCtx) })

	<-runCtx.Done()
	r.close()
	r.wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("relay on %s: %w", r.port.addr, context.Cause(runCtx))
}

func (r *Relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if l := r.listener.Swap(nil); l != nil {
		_ = l.Close()
	}
	for _, f := range r.flows {
		_ = f.upstream.Load().Close()
	}
	r.port.close()
}

// Set replaces the faults of both directions. No packet meets the old ones after
// it has returned.
func (r *Relay) Set(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	r.gate.Lock()
	r.faults = [2]Way{toTarget: f.ToTarget, toClient: f.ToClient}
	r.gate.Unlock()
	for i := range r.ways {
		r.ways[i].reset()
	}
	if f.ToTarget.Cut || f.ToClient.Cut { // who cannot reach the target is not refused by it
		r.appear()
	}
	return nil
}

// Faults are those that were set last.
func (r *Relay) Faults() Faults {
	r.gate.RLock()
	defer r.gate.RUnlock()
	return Faults{ToTarget: r.faults[toTarget], ToClient: r.faults[toClient]}
}

// SetTarget sends everything to another address from now on, packets that are on
// their way included. All flows get new upstream sockets.
func (r *Relay) SetTarget(addr string) error {
	target, err := parseTarget(addr)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.target = target
	var errs []error
	for _, f := range r.flows {
		errs = append(errs, r.connect(f))
	}
	r.mu.Unlock()
	r.appear()
	return errors.Join(errs...)
}

// stop ends Run for the error of a socket, unless that was closed.
func (r *Relay) stop(err error) {
	if !errors.Is(err, net.ErrClosed) {
		r.fail(err)
	}
}
