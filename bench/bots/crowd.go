// Package bots is a crowd of players who keep books: each plays the demo's game
// over a client of its own at a fixed rate, and writes down what it sent and
// what it heard, for the judge.
//
// The load is open: the schedule of a bot says when each action is to be sent,
// whatever became of the ones before. A bot that is held up sends the rest as
// fast as it may, and every latency counts from the time in the schedule.
//
// A crowd lives through these steps, which its owner calls in this order: Join,
// Audit, Play, any number of Mark and Close, Stop, Settle, Audit, Result, Leave.
// [Serve] does so at the orders of another process, [Remote] is that process's
// end.
package bots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// Config says who plays.
type Config struct {
	Regions []Region // 1 or more
	Rate    float64  // actions per second of each player
	Seed    uint64   // decides what they do, and when in each interval

	// Record takes what each bot does and hears, for bench/history; nil: nothing.
	Record *history.Writer

	// Dial joins a player. The handler may be called before it returns.
	Dial func(ctx context.Context, region, name string, h player.Handler) (Client, error)
}

// Region is how many of the crowd play in a region. They trade among each other.
type Region struct {
	Name    string
	Players int // 1 or more
}

// dialing is how many join at once: more of them would only make each other's
// handshakes slower.
const dialing = 8

// clock tells Unix nanoseconds that never jump: the wall clock at the start,
// and from then on the monotonic one.
type clock struct{ start time.Time }

func (c clock) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }

// Crowd is the players of one process.
type Crowd struct {
	cfg   Config
	clock clock
	bots  []*bot

	stop    context.CancelFunc // ends the schedule
	playing sync.WaitGroup

	mu     sync.Mutex
	faults []judge.Window // the last one is open while its To is 0
}

// New makes a crowd that has not joined yet.
func New(cfg Config) (*Crowd, error) {
	if len(cfg.Regions) == 0 || cfg.Rate <= 0 || cfg.Dial == nil {
		return nil, fmt.Errorf("bots: %d regions at %v actions per second is no crowd", len(cfg.Regions), cfg.Rate)
	}
	c := &Crowd{cfg: cfg, clock: clock{time.Now()}, stop: func() {}}
	for _, r := range cfg.Regions {
		if r.Players < 1 {
			return nil, fmt.Errorf("bots: nobody plays in region %q", r.Name)
		}
		first := len(c.bots)
		for i := range r.Players {
			c.bots = append(c.bots, newBot(first+i, crew{r.Name, first, r.Players}, cfg, c.clock))
		}
	}
	return c, nil
}

// Join connects everybody, and returns when all are welcomed.
func (c *Crowd) Join(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dialing)
	for _, b := range c.bots {
		g.Go(func() error { return b.join(ctx, c.cfg.Dial) })
	}
	return g.Wait()
}

// Books are those of each region, by its name.
type Books map[string]world.Books

// Audit asks the games for their books, as an action of the first bot of each
// region. It must not be called while the crowd plays.
func (c *Crowd) Audit(ctx context.Context) (Books, error) {
	var mu sync.Mutex
	all := Books{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(dialing)
	for i, b := range c.bots {
		if i != b.crew.first {
			continue
		}
		g.Go(func() error {
			books, err := b.audit(ctx)
			mu.Lock()
			defer mu.Unlock()
			all[b.crew.region] = books
			return err
		})
	}
	return all, g.Wait()
}

func (b *bot) audit(ctx context.Context) (world.Books, error) {
	n, err := b.act(ctx, b.clock.now(), world.Command{Kind: world.Audit})
	if err != nil {
		return world.Books{}, err
	}
	for {
		select {
		case a := <-b.books:
			if a.n == n {
				return a.books, nil
			}
		case <-b.client.Done():
			return world.Books{}, fmt.Errorf("bots: no audit: %w", b.client.Err())
		case <-ctx.Done():
			return world.Books{}, fmt.Errorf("bots: no answer to the audit: %w", context.Cause(ctx))
		}
	}
}

// Play starts everybody's schedule, until Stop or until ctx ends.
func (c *Crowd) Play(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	c.stop = stop
	interval := time.Duration(float64(time.Second) / c.cfg.Rate)
	for _, b := range c.bots {
		first := c.clock.now() + int64(b.rng.Float64()*float64(interval))
		c.playing.Go(func() { b.play(ctx, first, int64(interval)) })
	}
}

// play follows the schedule until ctx ends, or until the client has had enough.
func (b *bot) play(ctx context.Context, next, interval int64) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if early := next - b.clock.now(); early > 0 {
			timer.Reset(time.Duration(early))
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
				b.lagged(next, b.clock.now()-next)
			}
		} else if ctx.Err() != nil {
			return
		}
		if _, err := b.act(ctx, next, b.think()); err != nil {
			return // the schedule is over, or the session: Result says why
		}
		next += interval
	}
}

// lagged notes how late the bot woke up.
func (b *bot) lagged(due, by int64) {
	b.lag = max(b.lag, by)
	if by >= lateNoted {
		b.late = append(b.late, late{due, by})
	}
}

// Poison makes a player, numbered from 0, send poison as its next action. One
// that it has not come to send yet is replaced.
func (c *Crowd) Poison(player int, v world.Variant) error {
	if player < 0 || player >= len(c.bots) {
		return fmt.Errorf("bots: no player %d among %d", player, len(c.bots))
	}
	b := c.bots[player]
	select {
	case <-b.taken:
	default:
	}
	b.taken <- v // never blocks: there is room, and nobody else sends
	return nil
}

// Stop ends the schedules and the open window. An action that the edge pushes
// back at that moment is given up, and in nobody's books.
func (c *Crowd) Stop() {
	c.stop()
	c.playing.Wait()
	c.Close(c.clock.now())
}

// Mark opens the window of a fault that came at a time, and closes the one
// before it.
func (c *Crowd) Mark(fault string, at int64) {
	c.Close(at)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, judge.Window{Fault: fault, From: at})
}

// Close ends the open window, if there is one.
func (c *Crowd) Close(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.open(); w != nil {
		w.To = at
	}
}

func (c *Crowd) open() *judge.Window {
	if n := len(c.faults); n > 0 && c.faults[n-1].To == 0 {
		return &c.faults[n-1]
	}
	return nil
}

// settlePoll is how often Settle looks.
const settlePoll = 5 * time.Millisecond

// Settle returns when everything that was sent is durable.
func (c *Crowd) Settle(ctx context.Context) error {
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		p := c.Progress()
		if p.Durable == p.Sent {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("bots: %d of %d actions are not durable: %w", p.Sent-p.Durable, p.Sent, context.Cause(ctx))
		}
	}
}

// Leave closes all clients.
func (c *Crowd) Leave() error {
	c.Stop()
	var errs []error
	for _, b := range c.bots {
		if b.client != nil {
			b.tape.last(b.client)
			errs = append(errs, b.client.Close())
		}
	}
	return errors.Join(errs...)
}
