//go:build fault

package proxy_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/game"
)

// What a primary begins with, a snapshot or its log, must say of itself what is
// in it.
var seededSnapshots = []seeded{
	{
		fault.TableNotInSnapshot, "another server restores what an edge keeps", "durable marks against the table of the snapshot",
		onStage(1, func(s *stage) {
			s.servers[0].stop()
			s.serve(1)
			s.v.audit(s.ann)
		}),
	},
	{
		fault.SnapshotNewerThanItsSeqs, "another server restores what an edge keeps", "the world's count against the actions handed in",
		onStage(1, func(s *stage) {
			s.v.act(s.ann, 5)
			time.Sleep(time.Second)
			s.servers[0].stop()
			s.serve(1)
			s.v.audit(s.ann)
		}),
	},
	{
		fault.PoisonCounterReset, "an action kills every game that applies it", "at most two deaths by one action",
		poison,
	},
}

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

func poison(t *testing.T, v *verdict) {
	var deaths atomic.Int64
	setup := func(m *mesh) {
		m.world = func(s *server, l *ledger) game.World { return lethal{l, s, &deaths} }
	}
	onStageWith(3, setup, func(s *stage) {
		bob := s.join("bob")
		v.actions(s.ann, 1, "poison")
		time.Sleep(8 * time.Second)
		n := deaths.Load()
		v.check(n >= 1 && n <= 2, "%d games have died of one action", n)
		v.audit(bob)
	})(t, v)
}
