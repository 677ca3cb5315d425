package player

import (
	"context"
	"math/rand/v2"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// spare is a connection to another edge than the one that the player is on: a handshake
// is most of what the death of an edge costs, and when thousands come to another edge at
// once it is seconds.
type spare struct {
	link  link
	edge  int
	asked bool
	heard uint64 // packets, when it was asked last
}

// ask asks for a sign of life. The goroutine that watches over the player's connection
// does so, when that one seems to be dead.
func (s *spare) ask() {
	s.asked = true
	s.heard, _ = s.link.Heard()
	s.link.Ask()
}

// alive tells whether the connection lasts, as far as is known: it does not if it has
// been asked and has not answered, for then it is this client's network that has failed,
// or that edge, too.
func (s *spare) alive() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.link.Done():
		return false
	default:
	}
	heard, _ := s.link.Heard()
	return !s.asked || heard > s.heard
}

// drop gives the connection up, if there is one.
func (s *spare) drop() {
	if s != nil {
		s.link.Close(wire.CodeLeft)
	}
}

// keepSpare sees to it that there is a spare connection. What it returns ends that, and
// returns the connection; nil if there is none.
func (c *Client) keepSpare(ctx context.Context, besides int) (take func() *spare) {
	if !c.cfg.roams() || c.cfg.NoSpare {
		return func() *spare { return nil }
	}
	ctx, stop := context.WithCancel(ctx)
	kept := make(chan *spare, 1)
	go func() { kept <- c.connectBesides(ctx, besides) }()
	return func() *spare {
		stop()
		return <-kept
	}
}

// connectBesides connects to the edges after besides in turn, and keeps the first one that
// answers for as long as it lives. It returns it when ctx ends. The pauses before each
// attempt let those who have lost their edge go first, and keep the others apart.
func (c *Client) connectBesides(ctx context.Context, besides int) *spare {
	for edge := besides; sleep(ctx, sparing/2+rand.N(sparing)) == nil; {
		if !c.isSeated() {
			continue
		}
		if edge = (edge + 1) % len(c.cfg.Edges); edge == besides {
			edge = (edge + 1) % len(c.cfg.Edges)
		}
		s, err := c.dialSpare(ctx, edge)
		if err != nil {
			c.cfg.Log.DebugContext(ctx, "player: no spare connection", "player", c.cfg.Player, "edge", c.cfg.Edges[edge], "err", err)
			continue
		}
		c.setSpare(s)
		select {
		case <-ctx.Done():
		case <-s.link.Done():
		}
		c.setSpare(nil)
		if ctx.Err() != nil {
			return s
		}
		s.drop()
	}
	return nil
}

func (c *Client) dialSpare(ctx context.Context, edge int) (*spare, error) {
	conn, err := c.dial(ctx, &c.cfg, c.cfg.Edges[edge])
	if err != nil {
		return nil, err
	}
	s := &spare{link: conn, edge: edge}
	if _, err := conn.Write(wire.Spare{Version: wire.Version}.Append(nil)); err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

func (c *Client) setSpare(s *spare) {
	c.mu.Lock()
	c.spare = s
	c.mu.Unlock()
}

// askSpare asks the spare connection for a sign of life, if there is one.
func (c *Client) askSpare() {
	c.mu.Lock()
	s := c.spare
	c.mu.Unlock()
	if s != nil {
		s.ask()
	}
}

func (c *Client) isSeated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seated
}
