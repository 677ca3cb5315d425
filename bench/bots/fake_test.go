package bots

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// region stands in for edge, sidecar and game at once: it journals what comes,
// answers it after a while, and can be made to fail. It lives in a bubble, where time
// is virtual.
type region struct {
	reply, durable time.Duration // after the action was taken
	first          uint64        // the number of each client's first action, less 1

	mu      sync.Mutex
	books   map[string]*world.Account
	clients []*client
	down    chan struct{} // closed when it is up again; nil: up
	drop    bool          // take actions, but carry none out
	lie     uint8         // added to each roll that is told
}

func newRegion() *region {
	return &region{
		reply: 2 * time.Millisecond, durable: 30 * time.Millisecond, first: 1000,
		books: map[string]*world.Account{},
	}
}

// client is one player's connection with a region. Each has one goroutine that
// calls the handler.
type client struct {
	r    *region
	name string
	h    player.Handler
	seq  uint64
	work chan func()

	rolled uint64 // the last action of which its account has a roll

	done chan struct{}

	mu   sync.Mutex
	edge string
	err  error // work is closed
}

func (r *region) dial(_ context.Context, _, name string, h player.Handler) (Client, error) {
	c := &client{r: r, name: name, h: h, seq: r.first, work: make(chan func(), 10_000), done: make(chan struct{})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.books[name] = &world.Account{Player: name}
	c.edge = edges[int(name[len(name)-1]-'1')%len(edges)] // bot-001 is on edge-1
	r.clients = append(r.clients, c)
	go func() {
		for f := range c.work {
			f()
		}
		close(c.done)
	}()
	return c, nil
}

// Act takes everything: the payload is carried out when the region is up.
func (c *client) Act(_ context.Context, payload []byte) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.seq++
	seq, payload := c.seq, append([]byte(nil), payload...)
	c.work <- func() { c.r.carryOut(c, seq, payload) }
	return seq, nil
}

func (r *region) carryOut(c *client, seq uint64, payload []byte) {
	r.mu.Lock()
	down, drop := r.down, r.drop
	r.mu.Unlock()
	if down != nil {
		<-down
	}
	command, err := world.ParseCommand(payload)
	if err != nil {
		panic(err)
	}
	time.Sleep(r.reply)
	if !drop {
		r.mu.Lock()
		a := r.books[c.name]
		a.Journal.Note(command.N, payload)
		echo := world.Echo{N: command.N, Result: world.Done}
		if command.Kind == world.Take {
			echo.Roll = uint8(1 + command.N%255)
			a.Rolls = a.Rolls.Add(c.rolled, command.N, echo.Roll)
			c.rolled = command.N
			echo.Roll += r.lie
		}
		r.mu.Unlock()
		r.answer(c, command, echo)
	}
	time.Sleep(r.durable - r.reply)
	c.h.Durable(seq)
}

func (r *region) answer(c *client, command world.Command, echo world.Echo) {
	if command.Kind != world.Audit {
		c.h.Update(echo.Append(nil), true)
		return
	}
	for _, part := range r.audit(command.N) {
		c.h.Update(part, true)
	}
}

func (r *region) audit(n uint64) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := world.Books{}
	for _, c := range r.clients {
		b.Players = append(b.Players, *r.books[c.name])
	}
	return b.Parts(n)
}

// fail makes the region stand still until the returned function is called.
func (r *region) fail() (heal func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	down := make(chan struct{})
	r.down = down
	return func() {
		r.mu.Lock()
		r.down = nil
		clients := r.clients
		r.mu.Unlock()
		for _, c := range clients {
			c.h.Hold(wire.CodeGameExit)
			c.h.Reseated(7, 0)
		}
		close(down)
	}
}

// edges are those of a region.
var edges = []string{"edge-1", "edge-2"}

// kill makes the clients on an edge go to the other one, after a while.
func (r *region) kill(edge int, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clients {
		if c.Edge() != edges[edge] {
			continue
		}
		c.sit("")
		c.work <- func() {
			c.h.Lost(errors.New("refused"))
			time.Sleep(after)
			c.sit(edges[1-edge])
			c.h.Resumed()
		}
	}
}

func (c *client) sit(edge string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edge = edge
}

func (c *client) Edge() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.edge
}

// Spare is the other edge, for who is on the second one.
func (c *client) Spare() string {
	if c.Edge() == edges[1] {
		return edges[0]
	}
	return ""
}

func (c *client) Done() <-chan struct{} { return c.done }

func (c *client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *client) Close() error {
	c.end(errors.New("closed"))
	<-c.done
	return nil
}

// end ends the session when the work is done.
func (c *client) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.work)
	}
}
