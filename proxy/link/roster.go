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

	mu    sync.Mutex // guards the fields below
	lists map[string]map[string]T
	peers map[string]*Peer[T] // that something runs for
}

// Peer is somebody who is listed.
type Peer[T any] struct {
	Info T // as it was listed first

	roster *Roster[T]
	inc    string
	wake   pump.Waker // who lists it has changed
}

// NewRoster returns a Roster on which nobody is listed.
func NewRoster[T any]() *Roster[T] {
	return &Roster[T]{wake: pump.NewWaker(), lists: map[string]map[string]T{}, peers: map[string]*Peer[T]{}}
}

// List replaces what a source lists; nil: nobody any more. The Roster keeps the map.
func (r *Roster[T]) List(source string, peers map[string]T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for inc, p := range r.peers {
		_, was := r.lists[source][inc]
		if _, is := peers[inc]; is != was {
			p.wake.Wake()
		}
	}
	if len(peers) == 0 {
		delete(r.lists, source)
	} else {
		r.lists[source] = peers
	}
	r.wake.Wake()
}

// sync starts what is new on the lists, and returns the peers that nobody lists
// any more.
func (r *Roster[T]) sync(start func(p *Peer[T])) (gone []*Peer[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	listed := map[string]bool{}
	for _, peers := range r.lists {
		for inc, info := range peers {
			listed[inc] = true
			if r.peers[inc] == nil {
				r.peers[inc] = &Peer[T]{Info: info, roster: r, inc: inc, wake: pump.NewWaker()}
				start(r.peers[inc])
			}
		}
	}
	for inc, p := range r.peers {
		if !listed[inc] {
			gone = append(gone, p)
			delete(r.peers, inc)
		}
	}
	return gone
}

// Run calls keep for each peer when it appears, and ends keep's context when
// nobody lists it any more. It returns ctx's cause when ctx has ended and all
// calls have returned.
func (r *Roster[T]) Run(ctx context.Context, keep func(ctx context.Context, p *Peer[T])) error {
	var g errgroup.Group
	defer func() { _ = g.Wait() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := map[*Peer[T]]context.CancelFunc{}
	for {
		gone := r.sync(func(p *Peer[T]) {
			pctx, stop := context.WithCancel(ctx)
			running[p] = stop
			g.Go(func() error { keep(pctx, p); return nil })
		})
		for _, p := range gone {
			running[p]()
			delete(running, p)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.wake:
		}
	}
}

// sources lists who lists the peer.
func (p *Peer[T]) sources() map[string]bool {
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	out := map[string]bool{}
	for source, peers := range p.roster.lists {
		if _, ok := peers[p.inc]; ok {
			out[source] = true
		}
	}
	return out
}

// Each runs serve for every source that lists the peer, for each again and again
// with a pause that grows, and ends serve's context when the source lists the peer
// no longer. It returns when ctx has ended, or serve has returned an error, which
// ends all, and all calls have returned.
func (p *Peer[T]) Each(ctx context.Context, serve func(ctx context.Context, source string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	running := map[string]context.CancelFunc{}
	ended := make(chan string)
	for {
		listed := p.sources()
		for source, stop := range running {
			if !listed[source] {
				stop() // and it is listed again no sooner than it has ended
			}
		}
		for source := range listed {
			if running[source] == nil {
				sctx, stop := context.WithCancel(ctx)
				running[source] = stop
				g.Go(func() error {
					defer stop()
					err := again(sctx, func() error { return serve(sctx, source) })
					select {
					case ended <- source:
					case <-ctx.Done():
					}
					return err
				})
			}
		}
		select {
		case <-ctx.Done():
			return g.Wait()
		case source := <-ended:
			delete(running, source)
		case <-p.wake:
		}
	}
}

// again calls serve until ctx ends or it fails. A call that lasted resets the pause.
func again(ctx context.Context, serve func() error) error {
	delay := retryDelay()
	for {
		began := time.Now()
		if err := serve(); err != nil || ctx.Err() != nil {
			return err
		}
		if time.Since(began) > time.Second {
			delay.Reset()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay.NextBackOff()):
		}
	}
}

// Keep dials an address, has the link served, and dials again when that is over,
// until ctx ends: at once after a link that held, and ever more slowly, up to a
// second, otherwise. A failed dial is told unless ctx has ended.
func Keep(ctx context.Context, addr string, cfg Config, serve func(context.Context, *Conn), failed func(error)) {
	_ = again(ctx, func() error {
		conn, err := Dial(ctx, addr, cfg)
		switch {
		case err == nil:
			serve(ctx, conn)
		case ctx.Err() == nil:
			failed(err)
		}
		return nil
	})
}

// retryDelay begins short: a new incarnation is there at once.
func retryDelay() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	)
}
