package proxy

import (
	"log/slog"
	"strconv"

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
		level: level{mode: wire.Normal()}, events: journal.New[Event](keptEvents, 0),
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

// Output is an update of the primary's.
func (c *Crowd) Output(f wire.Output) {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	c.region.output(f)
}

// Streamed is how many bytes wait on a player's stream; they are gone then.
func (c *Crowd) Streamed(player int) int { return len(c.sessions[player].out.Fill(nil)) }

// Thinned is how many updates were left out.
func (c *Crowd) Thinned() uint64 { return c.region.thinned.Load() }
