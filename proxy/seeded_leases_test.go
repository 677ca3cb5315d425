//go:build fault

package proxy_test

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A primary that cannot know whether it still is one is silent.
var seededLeases = []seeded{
	{
		fault.SessionWithoutSelfFencing, "Consul is out of reach, and an edge confirms nothing", "no output after the lease is over",
		onStage(1, func(s *stage) { speaksAfterItsLease(s) }),
	},
	{
		fault.LeaseByTimerOnly, "the same, and timers come late, as after SIGCONT", "no output after the lease is over",
		onStage(1, func(s *stage) {
			s.v.check(fault.Set("leaseTimer=sleep(10s)") == nil, "no such failpoint")
			defer func() { _ = fault.Set("") }()
			speaksAfterItsLease(s)
		}),
	},
}

func speaksAfterItsLease(s *stage) {
	p, _, _ := s.roles()
	r, epoch := s.byHand(p, "by-hand") // it echoes no pulse
	r.attach(wire.Attach{Epoch: epoch, Handle: 7, Player: "eve"})
	s.consulFails(p, "")
	time.Sleep(4 * time.Second) // a lease is 2 s
	r.heard()
	r.send(wire.Action{Epoch: epoch, Handle: 7, Seq: 1, Payload: []byte("x")})
	time.Sleep(500 * time.Millisecond)
	s.v.check(p.count("eve") == 1, "the action did not arrive")
	for _, f := range r.heard() {
		s.v.check(f.t != wire.TypeOutput && f.t != wire.TypeAcked, "a frame of type %#x left 2 s after the lease", uint64(f.t))
	}
}
