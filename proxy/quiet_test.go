package proxy_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// greeter is a world that greets those who only watch, and commits what it rolls.
type greeter struct{ roller }

func (w greeter) Join(out *game.Out, player string) {
	if player == "watcher" {
		out.Send(player, []byte("hello"))
	}
}

func (greeter) Leave(*game.Out, string) {}

// What a game says without having been asked to does not wait for the next action:
// in a quiet region there may be none. Neither does the answer to the last action
// before a failover, nor a hand-over after one.
func TestUpdatesOfAQuietRegion(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.addEdge()
		m.worlds(true, false)
		made := m.world
		m.world = func(s *server) game.World { return greeter{made(s).(roller)} }
		m.serve(3)
		ann := m.enter("ann", 0)
		m.guarded(3)
		ann.acts(5, "act")
		ann.settle(patience)

		var heard atomic.Int64
		watcher, err := m.tryJoin("watcher", player.Handler{Update: func(p []byte, _ bool) {
			if string(p) == "hello" {
				heard.Add(1)
			}
		}})
		require.NoError(t, err)
		m.closers = append(m.closers, func() { _ = watcher.Close() })
		m.eventually("hello", func() bool { return heard.Load() == 1 })

		p, epoch := m.primary(0)
		ann.acts(1, "act")
		p.killGame()
		m.primary(epoch)
		m.eventually("hello again", func() bool { return heard.Load() == 2 })
		m.eventually("all answers", func() bool {
			ann.mu.Lock()
			defer ann.mu.Unlock()
			return ann.last == int(ann.sent)
		})
		m.recover([]*actor{ann})
	})
}
