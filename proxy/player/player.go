// Package player is what a game client imports to play behind Reseat: it joins
// a region through an edge, sends actions, gets updates, and stays in the game
// when game servers, edges or its own network fail.
//
//	c, err := player.Dial(ctx, player.Config{
//		Edges: []string{"edge1.example.com:4433", "edge2.example.com:4433"},
//		Region: "town", Player: "ann",
//		Handler: player.Handler{Update: draw},
//	})
//	if err != nil { … }
//	defer c.Close()
//	seq, err := c.Act(ctx, []byte("jump"))
//
// # Actions
//
// Every action has a number, seq: 1, 2, 3 … for this player for ever. A seq is
// never used for another payload. The client keeps each action until the edge
// says that it is durable, which means safe from the crash of any one process;
// it keeps as many as the edge does (100), and Act waits for room beyond that.
//
// All that is kept sits in one log with three marks:
//
//	  durable        sent           tail
//	     ▼             ▼              ▼
//	…────┼─────────────┼──────────────┤
//	gone │ on its way  │ to be sent   │ next Act
//
// One goroutine moves sent towards the tail. On another connection sent moves
// back to what the edge's welcome says is durable, and the same goroutine sends
// old and new actions in one order, under the same seqs. So there is no mode of
// resuming which could lose, double or reorder anything.
//
// # Connections
//
// With two or more edges the client survives the death of the one it is on. It
// notices
//
//   - a dead process by the kernel's refusal of the next packet, which leaves
//     within a third of Config.Silence (connected sockets: see proxy/udp);
//   - a frozen or cut-off one by silence: when nothing at all has come for
//     Config.Silence, 1 s. A client that was itself frozen starts over;
//   - one that stops in good order by its goodbye.
//
// Then it resumes, with the token of its last welcome, at another edge, to which it keeps
// a silent spare connection from some seconds after each welcome on: that takes two
// round trips and no handshake. If it has none (Config.NoSpare, or that edge has died,
// too) it dials the next edge of the list at once, and those after it when one
// does not answer within 150 ms, and resumes at the first that does. When all have failed there are pauses that grow from 50 ms
// to 2 s. Handler.Lost and Handler.Resumed tell of it. Meanwhile Act goes on
// taking actions until the log is full. What an edge that was left still says or
// does, when it wakes up, reaches nobody: its connection is closed.
//
// A change of the client's own address is a lost connection, too: the socket
// belongs to the old one, the next packet fails or is never answered, and the
// client resumes, which costs two round trips. A new mapping in a NAT on the way
// costs nothing.
//
// With a single edge a dead process is noticed in the same way, and silence after
// 5 s; the client then dials the same edge again.
//
// Some ends are final: a token that is refused for long, another device that has
// taken the player over, a region that came back without what was durable, an
// edge that breaks the protocol. Then Done is closed, Err says why (a *[ByeError]
// or *wire.Error), and Unsaved which actions nobody has promised to keep.
// DESIGN.md has the table of all codes.
//
// # Goroutines and memory
//
// A Client has four goroutines: reader, writer, datagram reader and callbacks; where there
// are several edges, one that watches for silence and one that keeps a spare connection.
// Each connection adds two of QUIC's, or three with a socket of its own, and some 40 KiB. All methods are safe for concurrent use.
package player

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// limits bound what a client keeps, as the edge's bound what it keeps of it.
var limits = buffer.DefaultLimits()

// Client is a player's session. It survives its connections.
type Client struct {
	cfg  Config
	dial dialFunc
	end  context.CancelCauseFunc // ends the session

	wake      pump.Waker    // of the writer
	news      chan event    // to the callbacks, in order; closed when the session has ended
	datagrams chan []byte   // to the callbacks, the oldest gives way
	welcomed  chan struct{} // closed by the first welcome
	ended     chan struct{} // closed when the network part is over
	done      chan struct{} // closed after the last callback

	epoch   atomic.Uint64 // highest heard of, of the region
	dropped atomic.Uint64 // unreliable updates
	resumes atomic.Uint64
	closing atomic.Bool

	unprotected atomic.Bool // what the handler was told last
	parted      bool        // it was told Lost, and not Resumed since; of roam's goroutine

	mu      sync.Mutex // guards the fields below
	log     *buffer.Log
	most    int           // how many actions the edge keeps
	longest int           // payload that the edge takes
	region  string        // where the player is
	token   []byte        // for the next hello
	seated  bool          // a welcomed connection is there
	edge    string        // at whose other end is this one
	spare   *spare        // nil: there is none
	room    chan struct{} // closed when there may be room; nil while nobody waits
	mode    wire.Mode     // of the mesh, as the last edge told it
	last    error         // why the last connection or attempt failed
	err     error         // why the session ended
}

// Dial joins the region and returns when an edge has welcomed the player. Until
// then it tries edge after edge, as long as ctx allows; what is final is not
// tried again. ctx bounds Dial only. The caller must Close the Client.
//
// An edge that is full, or that takes no newcomers because too much has failed, is
// asked once. When no other edge lets the player in, the error has a *[ByeError] in
// it that says when to come back, and waiting is up to the caller:
//
//	var bye *player.ByeError
//	if errors.As(err, &bye) && bye.RetryAfter > 0 { … }
//
// Only Dial can be refused so: a Client that was welcomed once comes back whenever
// an edge is there.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	return dialWith(ctx, cfg, dialQUIC)
}

func dialWith(ctx context.Context, cfg Config, dial dialFunc) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, dial: dial,
		log:       buffer.NewLog(limits),
		wake:      pump.NewWaker(),
		news:      make(chan event, maxNews),
		datagrams: make(chan []byte, maxNews),
		welcomed:  make(chan struct{}),
		ended:     make(chan struct{}),
		done:      make(chan struct{}),
		region:    cfg.Region,
		mode:      wire.Normal(),
	}
	// The session outlives ctx, and keeps its values.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	c.end = end
	go c.run(life)
	go c.callbacks()

	select {
	case <-c.welcomed:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("player: join region %q: %w", cfg.Region, c.Err())
	case <-ctx.Done():
	}
	c.closing.Store(true)
	end(context.Cause(ctx))
	<-c.ended
	return nil, fmt.Errorf("player: join region %q: %w (last attempt: %w)", cfg.Region, context.Cause(ctx), c.lastError())
}

// Act hands in an action and returns its seq. The payload is copied. Act waits
// while as many actions are kept as the edge takes, until ctx ends. An action
// that Act has taken is sent, if need be on later connections, until it is
// durable or the session ends.
func (c *Client) Act(ctx context.Context, payload []byte) (seq uint64, err error) {
	for {
		seq, room, err := c.act(payload)
		if room == nil {
			return seq, err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return 0, fmt.Errorf("player: no room for another action: %w", context.Cause(ctx))
		}
	}
}

// act is Act without the waiting: room is what to wait for.
func (c *Client) act(payload []byte) (seq uint64, room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return 0, nil, c.err
	case c.closing.Load():
		return 0, nil, ErrClosed
	case len(payload) > c.longest:
		return 0, nil, fmt.Errorf("%w: %d bytes, the edge takes %d", ErrTooLarge, len(payload), c.longest)
	}
	seq = c.log.Tail() + 1
	err = buffer.ErrFull
	if c.log.Kept() < c.most {
		err = c.log.Append(seq, payload, time.Now())
	}
	switch {
	case errors.Is(err, buffer.ErrFull):
		if c.room == nil {
			c.room = make(chan struct{})
		}
		return 0, c.room, nil
	case err != nil:
		return 0, nil, fmt.Errorf("player: %w", err)
	}
	c.wake.Wake()
	return seq, nil, nil
}

// Durable is the seq up to which all actions are safe.
func (c *Client) Durable() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Acked()
}

// Kept is the number of actions that are not yet durable.
func (c *Client) Kept() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Kept()
}

// Unsaved is the range of the actions that are not durable. 0, 0: there are
// none. It may be asked after the end, to tell the player.
func (c *Client) Unsaved() (first, last uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.log.Kept() == 0 {
		return 0, 0
	}
	return c.log.Acked() + 1, c.log.Tail()
}

// Dropped is the number of unreliable updates that came faster than
// Handler.Update took them, or out of an epoch that is over.
func (c *Client) Dropped() uint64 { return c.dropped.Load() }

// Resumes is how often an edge has welcomed the player again.
func (c *Client) Resumes() uint64 { return c.resumes.Load() }

// Edge is the address, out of Config.Edges, of the edge that the player is on now;
// empty while it has none.
func (c *Client) Edge() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.seated {
		return ""
	}
	return c.edge
}

// Spare is the address, out of Config.Edges, of the edge that there is a spare connection
// to; empty while there is none.
func (c *Client) Spare() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spare == nil {
		return ""
	}
	return c.cfg.Edges[c.spare.edge]
}

// Region is the region that the player is in: the one of the Config, until the game
// lets him go to another one. A program that ends can begin there the next time, and
// need not: the first region sends him on.
func (c *Client) Region() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.region
}

// Level is the level at which the mesh works, and the share of the unreliable updates
// of the region that come, from 0 to 1. While there is no connection it is that of
// the last one.
func (c *Client) Level() (level wire.Level, fidelity float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mode.Level, c.mode.Share()
}

// Done is closed when the session has ended and the last callback has returned.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the session has ended: a *[ByeError], a *wire.Error or ErrClosed.
// It is nil before.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the session. It gives the edge a quarter of a second to take what
// Act has taken, but does not wait for actions to become durable: see Durable.
// No callback starts after Close has returned. The error is always nil.
func (c *Client) Close() error {
	c.closing.Store(true)
	c.wake.Wake() // for the writer to say goodbye
	if c.isSeated() {
		patience := time.NewTimer(goodbye)
		defer patience.Stop()
		select {
		case <-c.ended:
		case <-patience.C:
		}
	}
	c.end(ErrClosed)
	<-c.ended
	return nil
}

func (c *Client) lastError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return errors.New("none has ended")
	}
	return c.last
}

// run connects and reconnects until the session ends.
func (c *Client) run(ctx context.Context) {
	err := c.roam(ctx)
	if c.closing.Load() {
		err = ErrClosed
	}
	c.end(err)
	c.mu.Lock()
	c.err = err
	c.wakeAct()
	c.mu.Unlock()
	close(c.news)
	close(c.ended)
}

// wakeAct wakes those who wait in Act. The caller holds mu.
func (c *Client) wakeAct() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}
