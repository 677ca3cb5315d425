package steady

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Tally is what became of the actions of a time.
type Tally struct {
	Sent     uint64 `json:"sent"`
	Answered uint64 `json:"answered"`
	Wrong    uint64 `json:"wrong"` // answers that were not the next one to come

	RoundTrip measure.Hist  `json:"round_trip"` // from the time in the schedule to the answer
	FromSend  measure.Hist  `json:"from_send"`  // from the time when it was handed in
	Took      time.Duration `json:"took_ns"`    // from the first to the last answer
}

// crowd is the players of one process.
type crowd struct {
	start   time.Time // all times are since then
	players []*voice
	plays   uint64       // so far
	from    atomic.Int64 // actions count that are due from then on,
	until   atomic.Int64 // and before then
}

const (
	dialing = 8                // that join at once
	joining = 60 * time.Second // that all may take
	// settling is how long the answers to the last actions may take: longer than
	// any that still means something.
	settling = 5 * time.Second
)

// join connects players, and sees an action of each answered.
func join(ctx context.Context, n int, seed uint64, dial dialer) (*crowd, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, joining, fmt.Errorf("not all players were there after %v", joining))
	defer cancel()
	c := &crowd{start: time.Now()}
	c.from.Store(math.MaxInt64)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(dialing)
	for i := range n {
		v := &voice{crowd: c, rng: rand.New(rand.NewPCG(seed, uint64(i))), changed: make(chan struct{}, 1)}
		c.players = append(c.players, v)
		g.Go(func() (err error) {
			if v.client, err = dial(gctx, fmt.Sprintf("player-%d", i+1), v.hear); err != nil {
				return fmt.Errorf("%d players: %w", n, err)
			}
			if err := v.act(gctx, -1); err != nil {
				return err
			}
			if err := v.client.flush(); err != nil {
				return err
			}
			return v.settle(gctx)
		})
	}
	if err := g.Wait(); err != nil {
		c.leave()
		return nil, err
	}
	return c, nil
}

func (c *crowd) leave() {
	var all sync.WaitGroup
	for _, v := range c.players {
		if v.client != nil {
			all.Go(v.client.close)
		}
	}
	all.Wait()
}

func (c *crowd) now() int64 { return int64(time.Since(c.start)) }

// play carries a load for as long as warm and then for lasts; began is called in
// between, and what counts is what is due from then on. It returns when that is
// answered, or nothing comes any more.
func (c *crowd) play(ctx context.Context, load Load, warm, lasts time.Duration, began func() error) (Tally, error) {
	c.plays++
	c.from.Store(math.MaxInt64)
	c.until.Store(math.MaxInt64)
	for _, v := range c.players {
		v.mu.Lock()
		v.play, v.sent, v.answered, v.wrong, v.trips, v.window = c.plays, 0, 0, 0, nil, nil
		if load.Window > 0 {
			v.window = make(chan struct{}, load.Window)
			for range load.Window {
				v.window <- struct{}{}
			}
		}
		v.mu.Unlock()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	schedule, end := context.WithCancel(gctx)
	defer end()
	for _, v := range c.players {
		g.Go(func() error {
			if load.Window > 0 {
				return v.saturate(gctx, schedule)
			}
			return v.follow(gctx, schedule, load.interval())
		})
	}
	err := c.during(gctx, warm, lasts, began)
	end()
	if err := g.Wait(); err != nil {
		return Tally{}, err
	}
	if err != nil {
		return Tally{}, err
	}
	late, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for _, v := range c.players {
		_ = v.settle(late) // what is missing is in the tally
	}
	return c.tally(), ctx.Err()
}

// during waits for the time in which the players play.
func (c *crowd) during(ctx context.Context, warm, lasts time.Duration, began func() error) error {
	if err := measure.Pause(ctx, warm); err != nil {
		return err
	}
	if err := began(); err != nil {
		return err
	}
	from := c.now()
	c.until.Store(from + int64(lasts))
	c.from.Store(from)
	return measure.Pause(ctx, lasts)
}

func (c *crowd) tally() Tally {
	t := Tally{RoundTrip: measure.NewHist(), FromSend: measure.NewHist()}
	first, last := int64(math.MaxInt64), int64(0)
	for _, v := range c.players {
		v.mu.Lock()
		t.Sent += v.sent
		t.Answered += v.answered
		t.Wrong += v.wrong
		for _, trip := range v.trips {
			t.RoundTrip.Record(time.Duration(trip.back - trip.due))
			t.FromSend.Record(time.Duration(trip.back - trip.sent))
			first, last = min(first, trip.back), max(last, trip.back)
		}
		v.mu.Unlock()
	}
	t.Took = time.Duration(max(0, last-first))
	return t
}
