package proxy

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/journal"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Newest is the newest snapshot that the edge keeps of a region, or nil.
func (e *Edge) Newest(name string) *buffer.Snapshot {
	r := e.regions[name]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Newest()
}

// Crowd is a region with seated players, without a network: what they are sent
// stays in their queues.
type Crowd struct {
	region   *region
	sessions []*session
}

// NewCrowd seats so many players at an edge of that level.
func NewCrowd(players int, state discovery.MeshState) *Crowd {
	e := &Edge{
		cfg: Config{Timing: failover.DefaultTiming(), Limits: buffer.DefaultLimits()}, log: slog.New(slog.DiscardHandler),
		level: level{mode: wire.Normal()}, events: journal.New[Event](keptEvents, 0), crier: newCrier(),
	}
	c := &Crowd{region: newRegion(e, "arena")}
	e.regions = map[string]*region{"arena": c.region}
	e.SetLevel(state)
	for i := range players {
		s := &session{player: strconv.Itoa(i), out: pump.NewBuffer(playerQueue), end: func(error) {}}
		s.home.Store(c.region)
		s.datagramsOnce.Do(func() { s.datagrams = pump.NewDatagrams() })
		c.region.lastHandle++
		s.handle, s.share = c.region.lastHandle, apart(c.region.lastHandle)
		s.actions = c.region.buf.Open(s)
		c.region.players[s.player], c.region.handles[s.handle] = s, s
		c.sessions = append(c.sessions, s)
	}
	return c
}

// Output is an update of the primary's, which all have when it returns.
func (c *Crowd) Output(f wire.Output) {
	c.Hear(f)
	for len(c.region.edge.crier.queue) > 0 {
		job := <-c.region.edge.crier.queue
		job.gather()
		job.tell(len(job.to))
		c.region.edge.crier.done(job)
	}
}

// Hear is an update of the primary's. If it is for the crowd it waits for the crier.
func (c *Crowd) Hear(f wire.Output) {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	c.region.output(f)
}

// Cry runs the crier until ctx ends.
func (c *Crowd) Cry(ctx context.Context) { _ = c.region.edge.crier.run(ctx) }

// Leave takes a player out.
func (c *Crowd) Leave(player int) {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	c.region.remove(c.sessions[player])
}

// Waiting is how many datagrams a player has not been sent.
func (c *Crowd) Waiting(player int) int { return c.sessions[player].datagrams.Len() }

// SetLevel is what the controller says.
func (c *Crowd) SetLevel(state discovery.MeshState) { c.region.edge.SetLevel(state) }

// Sweep looks at every player, as the edge does at each beat.
func (c *Crowd) Sweep() { c.region.sweep(time.Now()) }

// Woken tells whether a player's writer has been woken since the last call.
func (c *Crowd) Woken(player int) bool {
	select {
	case <-c.sessions[player].out.Waker:
		return true
	default:
		return false
	}
}

// Streamed is how many bytes wait on a player's stream; they are gone then.
func (c *Crowd) Streamed(player int) int { return len(c.sessions[player].out.Fill(nil)) }

// Thinned is how many updates were left out.
func (c *Crowd) Thinned() uint64 { return c.region.thinned.Load() }
