//go:build fault

package proxy_test

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A ghost is a deposed primary: what it says in its epoch changes nothing.
var seededEpochs = []seeded{
	{
		fault.BackupAcceptsOldEpoch, "a deposed primary sends a record, then the primary dies", "durable marks against the world's count",
		onStage(3, func(s *stage) {
			p, epoch, others := s.roles()
			g := s.ghost()
			s.crash(p)
			p, _ = s.primary(epoch)
			backup := others[0]
			if backup == p {
				backup = others[1]
			}
			var junk []interface{ Append([]byte) []byte }
			for index := uint64(200); index > 0; index-- { // one of them is the next
				junk = append(junk, wire.Record{Epoch: 1, Index: index, Of: 1, Kind: uint64(buffer.KindMark)})
			}
			g.say(backup.host.ip, junk...)
			time.Sleep(5 * time.Millisecond)
			s.v.act(s.ann, 1)
			s.v.act(s.ann, 1)
			s.v.settled(s.ann)
			s.crash(p)
			s.v.audit(s.ann)
		}),
	},
	{
		fault.EdgeAcceptsOldEpoch, "a deposed primary answers a player", "updates against the promised epoch",
		onStage(3, func(s *stage) {
			p, epoch, _ := s.roles()
			g := s.ghost()
			s.crash(p)
			s.primary(epoch)
			g.say(ip(1), wire.Output{Epoch: 1, Handle: 1, Reliable: true, Payload: []byte("of a deposed primary")})
			s.v.audit(s.ann)
			s.ann.mu.Lock()
			defer s.ann.mu.Unlock()
			s.v.check(!slices.Contains(s.ann.answers, "of a deposed primary"), "a player has an update of epoch 1 in epoch 2")
		}),
	},
	{
		fault.AttachNumberIgnored, "an edge that a player has left attaches him with his old number", "one attachment is live, the newest",
		onStage(1, func(s *stage) {
			p, _, _ := s.roles()
			old, epoch := s.byHand(p, "old-edge")
			old.attach(wire.Attach{Epoch: epoch, Handle: 7, Player: "eve", Next: []byte("token")})
			old.send(wire.Action{Epoch: epoch, Handle: 7, Seq: 1, Payload: []byte("x")})
			time.Sleep(100 * time.Millisecond)
			other, _ := s.byHand(p, "new-edge")
			other.attach(wire.Attach{Epoch: epoch, Handle: 8, Player: "eve", Show: []byte("token"), Next: []byte("other")})
			old.send(wire.Attach{Epoch: epoch, Handle: 7, Number: 1, Player: "eve"})
			old.send(wire.Action{Epoch: epoch, Handle: 7, Seq: 2, Payload: []byte("of the past")})
			time.Sleep(300 * time.Millisecond)
			s.v.check(p.count("eve") == 1, "an action of an older attachment was applied")
			for _, f := range other.heard() {
				s.v.check(f.t != wire.TypeReject, "the newer attachment was ended by the older one")
			}
		}),
	},
}
