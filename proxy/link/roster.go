package link

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/proxy/pump"
)

// Roster keeps something running for each peer that is listed, by incarnation, by
// any of several sources: the regions' views. It is safe for concurrent use. The
// zero value is not usable; see NewRoster.
type Roster[T any] struct {
	wake pump.Waker

	mu    sync.Mutex // guards lists
	lists map[string]map[string]T
}

// NewRoster returns a Roster on which nobody is listed.
func NewRoster[T any]() *Roster[T] {
	return &Roster[T]{wake: pump.NewWaker(), lists: map[string]map[string]T{}}
}

// List replaces what a source lists. The Roster keeps the map.
func (r *Roster[T]) List(source string, peers map[string]T) {
	r.mu.Lock()
	r.lists[source] = peers
	r.mu.Unlock()
	r.wake.Wake()
}

func (r *Roster[T]) listed() map[string]T {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]T{}
	for _, peers := range r.lists {
		for inc, peer := range peers {
			out[inc] = peer
		}
	}
	return out
}

// Run calls keep for each peer when it appears, and ends keep's context when
// nobody lists it any more. It returns ctx's cause when ctx has ended and all
// calls have returned.
func (r *Roster[T]) Run(ctx context.Context, keep func(ctx context.Context, peer T)) error {
	var g errgroup.Group
	defer func() { _ = g.Wait() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := map[string]context.CancelFunc{}
	for {
		listed := r.listed()
		for inc, stop := range running {
			if _, ok := listed[inc]; !ok {
				stop()
				delete(running, inc)
			}
		}
		for inc, peer := range listed {
			if running[inc] == nil {
				pctx, stop := context.WithCancel(ctx)
				running[inc] = stop
				g.Go(func() error { keep(pctx, peer); return nil })
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.wake:
		}
	}
}

// Keep dials an address, has the link served, and dials again when that is over,
// until ctx ends: at once after a link that held, and ever more slowly, up to a
// second, otherwise. A failed dial is told unless ctx has ended.
func Keep(ctx context.Context, addr string, cfg Config, serve func(context.Context, *Conn), failed func(error)) {
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), // a new incarnation is there at once
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	for ctx.Err() == nil {
		began := time.Now()
		conn, err := Dial(ctx, addr, cfg)
		switch {
		case err == nil:
			serve(ctx, conn)
		case ctx.Err() == nil:
			failed(err)
		}
		if time.Since(began) > time.Second {
			delay.Reset()
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay.NextBackOff()):
		}
	}
}
