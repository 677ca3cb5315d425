package sidecar

import (
	"context"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// watch ends the link when heartbeats stop. It asks itself first whether it is
// the sick one: when its own timer comes late, this process did not run, and the
// heartbeats that lie in the socket have not been read yet.
func (g *gameLink) watch(ctx context.Context) error {
	step := g.timeout / 4
	tick := time.NewTicker(step)
	defer tick.Stop()
	last := time.Now()
	var quiet silence
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		now := time.Now()
		late := now.Sub(last) > 2*step
		last = now
		if late || g.ours.Load() {
			g.beat.Store(now.UnixNano())
		}
		if err := g.listen(&quiet, now); err != nil {
			return err
		}
	}
}

// listen tells whether the game has been silent for too long. Nothing is asked of the
// kernel before a beat is late.
func (g *gameLink) listen(quiet *silence, now time.Time) error {
	beat := g.beat.Load()
	if beat != quiet.beat {
		*quiet = silence{beat: beat}
	}
	silent := now.Sub(time.Unix(0, beat))
	if silent <= g.timeout/4 {
		return nil
	}
	quiet.look(now, g.threads())
	waited := min(quiet.waited, silent)
	switch judge(silent, waited, g.timeout) {
	case hung:
		return &endError{wire.CodeGameHang, fmt.Errorf("no heartbeat for %v", silent.Round(time.Millisecond))}
	case starved:
		return &endError{wire.CodeGameStarved, fmt.Errorf("no heartbeat for %v, of which it waited %v for a CPU: its machine has too much to do",
			silent.Round(time.Millisecond), waited.Round(time.Millisecond))}
	case alive:
		if silent > g.timeout && !quiet.spared {
			quiet.spared = true
			g.spared()
		}
	}
	return nil
}
