package player

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// roam goes from edge to edge until the session ends; it returns why. The one that there
// is a spare connection to comes first, else the one after the edge that was lost. What an
// end means is in DESIGN.md.
func (c *Client) roam(ctx context.Context) error {
	course := course{edges: len(c.cfg.Edges), backoff: newBackoff()}
	var waiting *spare
	defer func() { waiting.drop() }()
	for first := 0; ; {
		conn, edge, err := c.resort(ctx, waiting, first, course.shuns)
		waiting = nil
		seated := time.Duration(0)
		if edge != none {
			first = edge + 1
			take := c.keepSpare(ctx, edge)
			seated, err = c.visit(ctx, conn, c.cfg.Edges[edge])
			waiting = take()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pause, final := course.after(err, edge, seated, c.wasSeated())
		if final != nil {
			return final
		}
		if c.closing.Load() {
			return err
		}
		c.failed(ctx, seated, err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// resort goes by the spare connection if it lives, and else to the first edge that
// answers; the one that it was to is asked last.
func (c *Client) resort(ctx context.Context, s *spare, first int, shuns func(edge int) bool) (conn link, edge int, err error) {
	if s.alive() {
		return s.link, s.edge, nil
	}
	if s != nil {
		s.drop()
		first = s.edge + 1
	}
	return c.reach(ctx, first, shuns)
}

// none stands for no edge.
const none = -1

// attempt is the outcome of dialing an edge.
type attempt struct {
	edge int
	link link
	err  error
}

// reach connects to the first edge that answers. It dials them in the order of
// the list, beginning with first, each when the attempt before has failed or has
// lasted for hedge. Only dialing is hedged: a hello takes the player away from
// where he is, and must be said once. What shuns says is left out.
//
// The error is one that ends the session, or that of the last edge which might
// answer otherwise another time.
func (c *Client) reach(ctx context.Context, first int, shuns func(edge int) bool) (conn link, edge int, err error) {
	ctx, stop := context.WithCancel(ctx)
	var dialing sync.WaitGroup
	defer dialing.Wait() // what comes too late has been closed then
	defer stop()

	var edges []int
	for i := range c.cfg.Edges {
		if edge := (first + i) % len(c.cfg.Edges); !shuns(edge) {
			edges = append(edges, edge)
		}
	}
	attempts := make(chan attempt)
	started, failed := 0, 0
	late := time.NewTimer(hedge)
	defer late.Stop()
	next := func() {
		if started == len(edges) {
			return
		}
		edge := edges[started]
		started++
		late.Reset(hedge)
		dialing.Go(func() { c.attempt(ctx, edge, attempts) })
	}
	for next(); failed < len(edges); {
		select {
		case <-ctx.Done():
			return nil, none, context.Cause(ctx)
		case <-late.C:
			next()
		case a := <-attempts:
			if a.err == nil {
				return a.link, a.edge, nil
			}
			c.failed(ctx, 0, a.err)
			failed++
			switch v := judge(a.err); {
			case v == end:
				return nil, none, a.err
			case v == away:
				err = sooner(err, a.err)
			case err == nil, v != other && judge(err) != away:
				err = a.err
			}
			next()
		}
	}
	return nil, none, err
}

// attempt dials an edge and hands over the outcome, unless nobody waits for it.
func (c *Client) attempt(ctx context.Context, edge int, to chan<- attempt) {
	conn, err := c.dial(ctx, &c.cfg, c.cfg.Edges[edge])
	if err != nil {
		err = fmt.Errorf("edge %s: %w", c.cfg.Edges[edge], err)
	}
	select {
	case to <- attempt{edge, conn, err}:
	case <-ctx.Done():
		if err == nil {
			conn.Close(wire.CodeLeft)
		}
	}
}

// course decides what comes after an end. It is what roam remembers.
type course struct {
	edges    int
	backoff  *backoff.ExponentialBackOff
	failed   int       // edges without success since the last pause
	others   int       // edges in a row that will not have us, whoever they are
	ghost    bool      // an edge may still hold a connection of ours that broke
	doubted  time.Time // when edges began to doubt us
	replaced time.Time // the last time
	refused  error     // what an edge has said that takes no newcomers, us among them
	away     []int     // the edges that have
}

// shuns tells whether an edge is not to be asked: it takes no newcomers.
func (r *course) shuns(edge int) bool { return slices.Contains(r.away, edge) }

// after says for how long to wait after err, or why the session is over. edge is
// the one that there was a connection with (none: all have failed), seated for how
// long it was welcomed, and welcomed whether any has ever been.
func (r *course) after(err error, edge int, seated time.Duration, welcomed bool) (pause time.Duration, final error) {
	tried := r.edges - len(r.away)
	if edge != none {
		tried = 1
		r.ghost = r.ghost || !toldWhy(err)
	}
	if seated > 0 {
		r.others, r.doubted, r.refused, r.away = 0, time.Time{}, nil, nil
	}
	if seated < steady {
		r.failed += tried
	} else {
		r.failed = 0
		r.backoff.Reset()
	}
	v := judge(err)
	wait, over := r.weigh(v, tried, welcomed)
	if over {
		return 0, err
	}
	if v == away && !welcomed {
		r.refused = sooner(r.refused, err)
		r.away = append(r.away, edge)
	}
	switch asked := r.failed >= r.edges; {
	case asked && r.refused != nil:
		return 0, r.refused
	case !asked && !wait:
		return 0, nil
	}
	r.failed = len(r.away)
	return r.backoff.NextBackOff(), nil
}

// weigh tells what a verdict calls for: a pause, even if there are edges that have
// not been asked yet, or the end.
func (r *course) weigh(v verdict, tried int, welcomed bool) (wait, over bool) {
	now := time.Now()
	if v != other {
		r.others = 0
	}
	switch v {
	case end:
		over = true
	case next, away:
	case later:
		wait = true
	case other:
		r.others += tried
		over = !welcomed && r.others >= r.edges
	case prove:
		if r.doubted.IsZero() {
			r.doubted = now
		}
		wait, over = true, !welcomed && !r.ghost || now.Sub(r.doubted) > proof
	case once:
		wait, over = true, !r.replaced.IsZero() && now.Sub(r.replaced) < duel
		r.replaced = now
	}
	return wait, over
}

// failed keeps and tells why a connection is over.
func (c *Client) failed(ctx context.Context, seated time.Duration, err error) {
	c.mu.Lock()
	c.last = err
	c.mu.Unlock()
	if seated == 0 {
		c.cfg.Log.DebugContext(ctx, "player: edge refused or out of reach", "player", c.cfg.Player, "err", err)
		return
	}
	c.cfg.Log.InfoContext(ctx, "player: connection lost, resuming", "player", c.cfg.Player, "err", err)
	if !c.parted { // else this connection was over before it could be told
		c.parted = c.tell(ctx, event{kind: lost, err: err}) == nil // fails with ctx, which roam looks at
	}
}

// wasSeated tells whether there has been a welcome.
func (c *Client) wasSeated() bool {
	select {
	case <-c.welcomed:
		return true
	default:
		return false
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
