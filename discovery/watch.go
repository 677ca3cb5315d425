package discovery

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// Watch follows one region. One per region and process is enough: each has two
// blocking queries, and each of those holds a connection to the agent.
type Watch struct {
	c      *Client
	region string
	keys   keys
	views  chan View
}

// Watch returns a watch of region, which does nothing until Run.
func (c *Client) Watch(region string) *Watch {
	return &Watch{c: c, region: region, keys: c.keys(region), views: make(chan View, 1)}
}

// Views returns the channel that Run delivers to. It holds the latest View that
// has not been taken; a new one replaces it, so nobody who is slow holds up the
// watch, and nobody sees all Views. One that says the same as the one before is
// not delivered. The first comes when both queries have been answered once.
func (w *Watch) Views() <-chan View { return w.views }

// Run follows the region until ctx ends, and returns its cause. Whatever Consul
// does, it goes on. Run may be called once at a time.
func (w *Watch) Run(ctx context.Context) error {
	if err := CheckName(w.region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	defer w.c.n.watches.Add(-1)
	if w.c.n.watches.Add(1) > maxWatches {
		return fmt.Errorf("%w: a process has at most %d", ErrTooManyWatches, maxWatches)
	}
	g, ctx := errgroup.WithContext(ctx)
	answers := make(chan answer)
	g.Go(func() error { return w.follow(ctx, sourceKeys, w.queryKeys, answers) })
	g.Go(func() error { return w.follow(ctx, sourceServers, w.queryServers, answers) })
	g.Go(func() error { return w.merge(ctx, answers) })
	return g.Wait()
}

// merge is the only one that delivers.
func (w *Watch) merge(ctx context.Context, answers <-chan answer) error {
	m := merger{region: w.region}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case a := <-answers:
			if a.err == nil && a.source == sourceKeys && m.newlyOdd(a.keys.odd) {
				w.c.log.Warn("odd keys in consul", "region", w.region, "what", oddities(a.keys.odd))
			}
			if v, changed := m.apply(a); changed {
				w.deliver(v)
			}
		}
	}
}

func (w *Watch) deliver(v View) {
	select {
	case <-w.views:
	default:
	}
	w.views <- v // never blocks: there is room, and nobody else sends
}

// query asks once. It fills in the part of the answer that is its own.
type query func(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error)

func (w *Watch) queryKeys(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error) {
	pairs, meta, err := w.c.blocking.KV().List(w.keys.dir, q)
	a.keys, a.empty = readRegion(w.keys, pairs), len(pairs) == 0
	if x, ok := q.Context().Value(exchangeKey{}).(*exchange); err == nil && ok && x.status == http.StatusOK {
		err = complete(pairs) // when there is nothing at all, it is a 404
	}
	return meta, err
}

func (w *Watch) queryServers(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error) {
	entries, meta, err := w.c.blocking.Health().Service(w.c.cfg.Service, w.region, false, q)
	a.servers, a.empty = readServers(entries), len(entries) == 0
	return meta, cmp.Or(err, complete(entries))
}

// follow asks one query for ever and hands over every answer and every failure.
func (w *Watch) follow(ctx context.Context, from source, ask query, answers chan<- answer) error {
	pause := newPause(minPause, maxPause)
	var index uint64
	failing := false
	for {
		asked := time.Now()
		a, next := w.ask(ctx, from, ask, index)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case answers <- a:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		w.report(from, failing, a.err)
		failing = a.err != nil
		// An answer that has no news and did not wait for any is as good as a
		// failure: asking again at once would be a busy loop.
		idle := index != 0 && next == index && time.Since(asked) < w.c.cfg.Wait/2
		index = next
		if !failing && !idle {
			pause.Reset()
			continue
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask asks one query, blocking if index is not 0, and returns the index to ask
// with next.
func (w *Watch) ask(ctx context.Context, from source, ask query, index uint64) (answer, uint64) {
	a := answer{source: from}
	o := op{"watch " + from.String() + " of " + w.region, w.right(from)}
	limit := w.c.cfg.Timeout
	if index != 0 {
		limit = queryTimeout(w.c.cfg.Wait)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	w.c.n.blocking.Add(1)
	defer w.c.n.blocking.Add(-1)

	var meta *consul.QueryMeta
	_, a.err = w.c.do(ctx, o, func(ctx context.Context) (err error) {
		q := &consul.QueryOptions{WaitIndex: index, WaitTime: w.c.cfg.Wait}
		meta, err = ask(q.WithContext(ctx), &a)
		return err
	})
	a.at = time.Now()
	if a.err == nil {
		a.err = w.c.hidden(o, meta, a.empty)
	}
	if a.err == nil && meta.LastIndex == 0 {
		a.err = w.c.garbled(o) // a proxy that lost the header; blocking on 0 would not block
	}
	if a.err != nil {
		return a, 0
	}
	next := nextIndex(index, meta.LastIndex)
	if next == 0 {
		w.c.n.resets.Add(1)
	}
	return a, next
}

// nextIndex is the index to ask with after an answer of index got to a query
// with index last. One that goes down is another count (a restored or replaced
// server), in which the old one may lie in the future and hide real changes.
func nextIndex(last, got uint64) uint64 {
	if got < last {
		if fault.Bug(fault.BlockingQueryNotReset) {
			return last
		}
		return 0
	}
	return got
}

// queryTimeout is when to give a blocking query up: Consul adds up to a 16th to
// the wait, so that not all queries end at once.
func queryTimeout(wait time.Duration) time.Duration {
	return wait + wait/15 + time.Second
}

func (w *Watch) right(from source) string {
	if from == sourceKeys {
		return w.c.keyRight(w.keys, "read")
	}
	return healthRight(w.c.cfg.Service)
}

// report logs the first failure of a row, and its end.
func (w *Watch) report(from source, failing bool, err error) {
	switch {
	case err != nil && !failing:
		w.c.log.Warn("watch is stale, trying again", "region", w.region, "of", from.String(), "err", err)
	case err == nil && failing:
		w.c.log.Info("watch is fresh again", "region", w.region, "of", from.String())
	}
}
