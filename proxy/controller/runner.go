package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// Runner is the controller of one edge, leading or not.
type Runner struct {
	cfg   Config
	log   *slog.Logger
	feed  *feed
	stats stats
	news  chan struct{} // of one slot: what is known has changed
	asked chan struct{} // of one slot: somebody wants something

	mu     sync.Mutex // guards the fields below
	latest discovery.Mesh
	count  uint64 // how many there were; 0: nothing is known
	loads  map[string]mesh.Load
	ctl    *mesh.Controller // while leading
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Runner, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Runner{
		cfg: cfg, log: cfg.Log.With("edge", cfg.Edge.Name), feed: newFeed(),
		news: make(chan struct{}, 1), asked: make(chan struct{}, 1), loads: map[string]mesh.Load{},
	}, nil
}

// Run registers the edge, and leads the mesh whenever nobody does, until ctx ends;
// then it gives both up. It returns the cause.
func (r *Runner) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.follow(ctx) })
	g.Go(func() error { return r.stay(ctx) })
	for _, sink := range r.cfg.Sinks {
		if s, ok := sink.(interface{ Run(context.Context) error }); ok {
			g.Go(func() error { return s.Run(ctx) })
		}
	}
	return g.Wait()
}

// follow takes in what Consul says.
func (r *Runner) follow(ctx context.Context) error {
	meshes, stop := r.cfg.Source.Subscribe()
	defer stop()
	for {
		select {
		case m := <-meshes:
			r.mu.Lock()
			r.latest, r.count = m, r.count+1
			r.mu.Unlock()
			wake(r.news)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func wake(slot chan<- struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}

// seen is the latest Mesh, and which one it is; 0: nothing is known.
func (r *Runner) seen() (m discovery.Mesh, count uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest, r.count
}

// farewell is how long the end may take to tell Consul.
const farewell = 2 * time.Second

// stay keeps the edge registered. An incarnation whose session is lost registers in
// place.
func (r *Runner) stay(ctx context.Context) error {
	pause := newPause()
	for {
		reg, err := r.cfg.Discovery.RegisterEdge(ctx, r.cfg.Edge)
		if err != nil && ctx.Err() == nil {
			r.stats.registerFailed.Add(1)
			r.log.Warn("the edge is not registered, trying again", "err", err)
		}
		if err == nil {
			pause.Reset()
			r.registered(ctx, reg)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// newPause is for what Consul may do in a moment, or a person in an hour.
func newPause() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(10*time.Second), backoff.WithMaxElapsedTime(0),
	)
}

// registered blocks as long as the registration stands.
func (r *Runner) registered(ctx context.Context, reg *discovery.Registration) {
	r.log.Info("edge registered", "event", "registered", "session", reg.Session())
	r.stats.registered.Add(1)
	life, end := context.WithCancelCause(ctx)
	var g errgroup.Group
	g.Go(func() error {
		err := reg.Run(life)
		end(err)
		return err
	})
	g.Go(func() error { return r.campaign(life, reg.Session()) })
	err := g.Wait()
	if ctx.Err() == nil && errors.Is(err, discovery.ErrSessionLost) {
		r.log.Warn("the edge's session is lost, registering again", "event", "session_lost", "err", err)
		return
	}
	// The end: whoever is there may lead at once.
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := reg.Close(late); err != nil {
		r.log.Warn("could not deregister the edge", "err", err)
	}
}
