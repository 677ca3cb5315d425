//go:build fault

package proxy_test

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A player's actions have one order, from his client to the region log.
var seededStreams = []seeded{
	{
		fault.EdgeReplaysInMapOrder, "actions are kept while a primary dies, and sent again", "no gaps on a stream from an honest edge",
		onStage(3, func(s *stage) {
			p, _, _ := s.roles()
			s.crash(p)
			time.Sleep(5 * time.Millisecond)
			s.v.act(s.ann, 20)
			s.v.audit(s.ann)
			gaps := uint64(0)
			for _, o := range s.servers {
				gaps += o.now().Stats().Gaps
			}
			s.v.check(gaps == 0, "%d actions came before their turn", gaps)
		}),
	},
	{
		fault.GapNotChecked, "an edge leaves an action out", "durable marks against the world's count",
		onStage(1, func(s *stage) {
			p, _, _ := s.roles()
			r, epoch := s.byHand(p, "by-hand")
			r.attach(wire.Attach{Epoch: epoch, Handle: 7, Player: "eve"})
			for _, seq := range []uint64{1, 3} {
				r.send(wire.Action{Epoch: epoch, Handle: 7, Seq: seq, Payload: []byte("x")})
			}
			time.Sleep(time.Second)
			durable := uint64(0)
			for _, f := range r.heard() {
				var ack wire.Acked
				if f.t == wire.TypeAcked && ack.Decode(f.body) == nil {
					durable = max(durable, ack.Seq)
				}
			}
			s.v.check(durable > 0, "nothing is durable")
			s.v.check(durable <= p.count("eve"), "durable up to %d, applied are %d", durable, p.count("eve"))
		}),
	},
	{
		fault.ClientReusesSeq, "a client comes back after its network was down", "one seq is one action",
		onStage(1, func(s *stage) {
			client := ip(s.hosts) // hers is the last socket
			s.net.set(s.net.cut, client, true)
			s.v.act(s.ann, 5)
			for s.ann.heard(&s.ann.lost) == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			s.net.set(s.net.cut, client, false)
			for s.ann.Resumes() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			s.v.audit(s.ann)
		}),
	},
}
