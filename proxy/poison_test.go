package proxy_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// lethal is a world that dies of an action, before it has answered.
type lethal struct {
	*ledger
	server *server
	deaths *atomic.Int64
}

func (l lethal) Apply(out *game.Out, a game.Action) {
	if string(a.Payload) != "poison" {
		l.ledger.Apply(out, a)
		return
	}
	l.deaths.Add(1)
	l.server.killGame()
	time.Sleep(100 * time.Millisecond) // and does not come to answer
}

// lethal makes the worlds die of an action, and counts how often they did.
func (m *mesh) lethal(deaths *atomic.Int64) {
	m.world = func(s *server) game.World { return lethal{s.newLedger(), s, deaths} }
}

// An action that kills every game that applies it kills two; then it is refused,
// and its player and all others play on. The word of the next primary may come
// before that of the one that died.
func TestPoisonKillsTwoGames(t *testing.T) {
	inMesh(t, func(m *mesh) {
		var deaths atomic.Int64
		m.lethal(&deaths)
		m.serve(3)
		ann, bob := m.join("ann"), m.join("bob")
		ann.act(3)
		bob.act(3)
		ann.settle()
		bob.settle()
		seq, err := ann.Act(t.Context(), []byte("poison"))
		require.NoError(t, err)
		ann.sent = seq
		ann.settle()
		ann.act(1)
		bob.act(1)
		ann.settle()
		bob.settle()
		m.eventually("answers", func() bool { return ann.last() == "4" && bob.last() == "4" }) // its seq is used up, and it had no effect
		require.EqualValues(t, 2, deaths.Load())
		require.Zero(t, ann.heard(&ann.lost)+bob.heard(&bob.lost))
	})
}
