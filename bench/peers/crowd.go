package peers

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// Config says who plays the counter game, and where.
type Config struct {
	Network string // tcp or udp
	Addr    string
	Players int
	Rate    float64 // actions per second of each
	Seed    uint64
}

// Crowd is the players of one process.
type Crowd struct {
	cfg     Config
	players []*player
	clock   clock
	mark    atomic.Int64
}

// NewCrowd makes players who do nothing until Run.
func NewCrowd(cfg Config) (*Crowd, error) {
	if cfg.Addr == "" || cfg.Players < 1 || cfg.Rate <= 0 || cfg.Network != "tcp" && cfg.Network != "udp" {
		return nil, fmt.Errorf("peers: %d players at %v actions per second over %s %q are no crowd", cfg.Players, cfg.Rate, cfg.Network, cfg.Addr)
	}
	c := &Crowd{cfg: cfg, clock: clock{time.Now()}}
	c.mark.Store(math.MaxInt64)
	for i := range cfg.Players {
		c.players = append(c.players, newPlayer(uint32(i)+1, cfg, c.clock))
	}
	return c, nil
}

// Run lets everybody play until ctx ends.
func (c *Crowd) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range c.players {
		all.Go(func() {
			if c.cfg.Network == "udp" {
				p.playUDP(ctx)
			} else {
				p.playTCP(ctx)
			}
		})
	}
	all.Wait()
}

// Mark says when the fault came, in Unix nanoseconds.
func (c *Crowd) Mark(at int64) { c.mark.Store(at) }

// Progress is where a crowd is.
type Progress struct {
	Ready int `json:"ready"` // players who have been answered once
	Back  int `json:"back"`  // players who have been answered for an action that was due after the mark
	Open  int `json:"open"`  // actions that were asked for and are not acknowledged
}

// Progress tells where the crowd is.
func (c *Crowd) Progress() (out Progress) {
	mark := c.mark.Load()
	for _, p := range c.players {
		p.mu.Lock()
		if p.newest > 0 {
			out.Ready++
		}
		if p.newest > mark {
			out.Back++
		}
		for _, s := range p.samples[p.open:] {
			if s.Durable == 0 {
				out.Open++
			}
		}
		p.mu.Unlock()
	}
	return out
}

// Finish ends all schedules now, and returns when all that was asked for is
// acknowledged, or when ctx ends. Run goes on.
func (c *Crowd) Finish(ctx context.Context) (ended int64) {
	ended = c.clock.now()
	for _, p := range c.players {
		p.end.Store(ended)
	}
	tick := time.NewTicker(finishPoll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if c.Progress().Open == 0 {
				return ended
			}
		case <-ctx.Done():
			return ended
		}
	}
}

const finishPoll = 5 * time.Millisecond

// Account is what one player has done and heard.
type Account struct {
	Player     uint32         `json:"player"`
	Samples    []judge.Sample `json:"samples"` // of action i+1
	Reconnects int            `json:"reconnects"`
}

// Accounts are all that a crowd knows when it has stopped.
type Accounts struct {
	Players []Account     `json:"players"`
	Ended   int64         `json:"ended"` // when the schedules ended, in Unix nanoseconds
	Now     int64         `json:"now"`   // when nobody listened any more
	Lag     time.Duration `json:"lag_ns"`
	Delay   time.Duration `json:"delay_ns"` // the longest that this process waited for a core
}

// accounts are those of all players, after Run has returned.
func (c *Crowd) accounts(ended int64) Accounts {
	out := Accounts{Ended: ended, Now: c.clock.now()}
	for _, p := range c.players {
		out.Players = append(out.Players, p.account())
		out.Lag = max(out.Lag, time.Duration(p.lag))
	}
	return out
}
