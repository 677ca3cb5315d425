package discovery

import (
	"cmp"
	"context"
	"net/http"
	"time"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/time/rate"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// question is one of the two that a watch asks for ever.
type question struct {
	source source
	about  string // "keys of arena", for logs and errors
	right  string // ACL rule that it needs
	query  query
	pace   *rate.Limiter // bounds how often it is asked; nil: as often as there is news
}

// query asks once. It fills in the part of the answer that is its own.
type query func(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error)

// keysBelow asks for all keys below dir.
func (c *Client) keysBelow(dir string) query {
	reader := keyReader{prefix: c.cfg.Prefix}
	return func(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error) {
		pairs, meta, err := c.blocking.KV().List(dir, q)
		a.keys, a.empty = reader.read(pairs), len(pairs) == 0
		if x, ok := q.Context().Value(exchangeKey{}).(*exchange); err == nil && ok && x.status == http.StatusOK {
			err = complete(pairs) // when there is nothing at all, it is a 404
		}
		return meta, err
	}
}

// serversWith asks for the servers that have the tag, or for all if it is empty.
func (c *Client) serversWith(tag string) query {
	return func(q *consul.QueryOptions, a *answer) (*consul.QueryMeta, error) {
		entries, meta, err := c.blocking.Health().Service(c.cfg.Service, tag, false, q)
		a.servers, a.empty = readServers(entries), len(entries) == 0
		return meta, cmp.Or(err, complete(entries))
	}
}

// follow asks one question for ever and hands over every answer and every failure.
func (c *Client) follow(ctx context.Context, q question, answers chan<- answer) error {
	pause := newPause(minPause, maxPause)
	var index uint64
	failing := false
	for {
		if q.pace != nil && q.pace.Wait(ctx) != nil {
			return context.Cause(ctx)
		}
		asked := time.Now()
		a, next := c.ask(ctx, q, index)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case answers <- a:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		c.report(q, failing, a.err)
		failing = a.err != nil
		// An answer that has no news and did not wait for any is as good as a
		// failure: asking again at once would be a busy loop.
		idle := index != 0 && next == index && time.Since(asked) < c.cfg.Wait/2
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

// ask asks once, blocking if index is not 0, and returns the index to ask with next.
func (c *Client) ask(ctx context.Context, q question, index uint64) (answer, uint64) {
	a := answer{source: q.source}
	o := op{"watch " + q.about, q.right}
	limit := c.cfg.Timeout
	if index != 0 {
		limit = queryTimeout(c.cfg.Wait)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c.n.blocking.Add(1)
	defer c.n.blocking.Add(-1)

	var meta *consul.QueryMeta
	_, a.err = c.do(ctx, o, func(ctx context.Context) (err error) {
		options := &consul.QueryOptions{WaitIndex: index, WaitTime: c.cfg.Wait}
		meta, err = q.query(options.WithContext(ctx), &a)
		return err
	})
	a.at = time.Now()
	if a.err == nil {
		a.err = c.hidden(o, meta, a.empty)
	}
	if a.err == nil && meta.LastIndex == 0 {
		a.err = c.garbled(o) // a proxy that lost the header; blocking on 0 would not block
	}
	if a.err != nil {
		return a, 0
	}
	next := nextIndex(index, meta.LastIndex)
	if next == 0 {
		c.n.resets.Add(1)
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

// report logs the first failure of a row, and its end.
func (c *Client) report(q question, failing bool, err error) {
	switch {
	case err != nil && !failing:
		c.log.Warn("watch is stale, trying again", "of", q.about, "err", err)
	case err == nil && failing:
		c.log.Info("watch is fresh again", "of", q.about)
	}
}
