//go:build fault

package proxy_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// What a primary begins with, a snapshot or its log, must say of itself what is
// in it.
var seededSnapshots = []seeded{
	{
		fault.TableNotInSnapshot, "another server restores what an edge keeps", "durable marks against what a snapshot says of itself",
		onStage(1, func(s *stage) {
			s.servers[0].stop()
			s.serve(1)
			s.v.audit(s.ann)
		}),
	},
	{
		fault.SnapshotNewerThanItsSeqs, "another server restores what an edge keeps", "durable marks against what a snapshot says of itself",
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

func poison(t *testing.T, v *verdict) {
	var deaths atomic.Int64
	onStageWith(3, func(m *mesh) { m.lethal(&deaths) }, func(s *stage) {
		bob := s.join("bob")
		v.actions(s.ann, 1, "poison")
		time.Sleep(8 * time.Second)
		n := deaths.Load()
		v.check(n >= 1 && n <= 2, "%d games have died of one action", n)
		v.audit(bob)
	})(t, v)
}
