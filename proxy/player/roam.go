package player

import (
	"context"
	"time"
)

// roam goes from edge to edge until the session ends; it returns why.
//
// The next edge is tried at once after a connection that was steady, or while
// there are edges that have not failed in a row; then there is a pause.
func (c *Client) roam(ctx context.Context) error {
	pause := newBackoff()
	failed, refused := 0, 0 // in a row: edges without success, and without hope
	for next := 0; ; next++ {
		edge := c.cfg.Edges[next%len(c.cfg.Edges)]
		seated, err := c.visit(ctx, edge)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case final(err), c.closing.Load():
			return err
		}
		c.failed(ctx, edge, seated, err)

		if refused++; !hopeless(err) || c.wasSeated() {
			refused = 0
		}
		if refused == len(c.cfg.Edges) {
			return err
		}
		if failed++; seated >= steady {
			failed = 0
			pause.Reset()
		}
		if failed > 0 && failed%len(c.cfg.Edges) == 0 {
			if err := sleep(ctx, pause.NextBackOff()); err != nil {
				return err
			}
		}
	}
}

// failed keeps and tells why a connection is over.
func (c *Client) failed(ctx context.Context, edge string, seated time.Duration, err error) {
	c.mu.Lock()
	c.last = err
	c.mu.Unlock()
	if seated == 0 {
		c.cfg.Log.DebugContext(ctx, "player: edge refused or out of reach", "player", c.cfg.Player, "edge", edge, "err", err)
		return
	}
	c.cfg.Log.InfoContext(ctx, "player: connection lost, resuming", "player", c.cfg.Player, "edge", edge, "err", err)
	_ = c.tell(ctx, event{kind: lost, err: err}) // fails with ctx, which roam looks at
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
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
