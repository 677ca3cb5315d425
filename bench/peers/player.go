package peers

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// clock tells Unix nanoseconds that never jump.
type clock struct{ start time.Time }

func (c clock) now() int64 { return c.start.UnixNano() + int64(time.Since(c.start)) }

// player is one client of the counter game. One goroutine plays and sends, another
// one hears.
type player struct {
	id       uint32
	addr     string
	clock    clock
	interval int64 // between two actions
	rng      *rand.Rand

	next int64 // when the next action is due
	end  atomic.Int64

	mu      sync.Mutex     // guards the fields below
	samples []judge.Sample // of action i+1; Durable is when it was acknowledged
	open    int            // all before it are acknowledged
	newest  int64          // intended time of the newest that is acknowledged
	broken  int            // connections
	lag     int64          // how late the schedule ran, at most
}

func newPlayer(id uint32, cfg Config, c clock) *player {
	p := &player{
		id: id, addr: cfg.Addr, clock: c, interval: int64(float64(time.Second) / cfg.Rate),
		rng: rand.New(rand.NewPCG(cfg.Seed, uint64(id))),
	}
	p.next = c.now() + p.rng.Int64N(p.interval)
	p.end.Store(math.MaxInt64)
	return p
}

// due takes what the schedule asks for by now into the samples, and returns the
// number of the first of them and the one after the last.
func (p *player) due(now int64) (first, after uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first = uint32(len(p.samples)) + 1
	for ; p.next <= min(now, p.end.Load()); p.next += p.interval {
		p.samples = append(p.samples, judge.Sample{Intended: p.next})
	}
	return first, uint32(len(p.samples)) + 1
}

// wait is how long it takes until the schedule asks for something; for ever, when it
// is over.
func (p *player) wait() time.Duration {
	if p.next > p.end.Load() {
		return math.MaxInt64
	}
	return time.Duration(p.next - p.clock.now())
}

// late notes by how much the schedule was missed when it could be followed.
func (p *player) late() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next <= p.end.Load() {
		p.lag = max(p.lag, p.clock.now()-p.next)
	}
}

// unacked are the numbers of all actions that are not acknowledged.
func (p *player) unacked() (out []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.open; i < len(p.samples); i++ {
		if p.samples[i].Durable == 0 {
			out = append(out, uint32(i)+1)
		}
	}
	return out
}

// sent notes that an action is on its way, for the first time or again.
func (p *player) sent(seqs ...uint32) {
	now := p.clock.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, seq := range seqs {
		if s := &p.samples[seq-1]; s.Sent == 0 {
			s.Sent = now
		}
	}
}

// hear takes in a frame from the game.
func (p *player) hear(frame []byte) {
	kind, a, err := readFrame(frame)
	now := p.clock.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || kind != kindAck || a.Player != p.id || a.Seq == 0 || int(a.Seq) > len(p.samples) {
		return
	}
	if s := &p.samples[a.Seq-1]; s.Durable == 0 {
		s.Durable = now
		p.newest = max(p.newest, s.Intended)
	}
	for p.open < len(p.samples) && p.samples[p.open].Durable != 0 {
		p.open++
	}
}

// frames are those of some actions, one after the other.
func (p *player) frames(seqs ...uint32) []byte {
	out := make([]byte, len(seqs)*frameSize)
	for i, seq := range seqs {
		putFrame(out[i*frameSize:], kindAct, action{p.id, seq})
	}
	return out
}

// span lists the numbers from first to before after.
func span(first, after uint32) (out []uint32) {
	for ; first < after; first++ {
		out = append(out, first)
	}
	return out
}

// account is what is left of the player when it has stopped.
func (p *player) account() Account {
	p.due(p.clock.now()) // what could not be sent was asked for nevertheless
	p.mu.Lock()
	defer p.mu.Unlock()
	return Account{Player: p.id, Samples: p.samples, Reconnects: p.broken}
}

// dial connects to the game.
func (p *player) dial(ctx context.Context, network string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, network, p.addr)
}

// dialTimeout is how long a player waits for a connection before it tries another one.
const dialTimeout = 5 * time.Second
