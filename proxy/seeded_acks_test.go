//go:build fault

package proxy_test

import (
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// What is durable must be in every member of the in-sync set: whichever of them
// is left must have it.
var seededAcks = []seeded{
	{
		fault.AckBeforeReplication, "the primary dies cut off from its backups", "durable marks against the world's count",
		onStage(3, func(s *stage) {
			p, _, others := s.roles()
			s.sever(p, others[0])
			s.sever(p, others[1])
			s.v.act(s.ann, 5)
			time.Sleep(100 * time.Millisecond)
			s.crash(p)
			s.v.audit(s.ann)
		}),
	},
	{
		fault.AckAfterAnyBackup, "the primary and the backup that it reached die", "durable marks against the world's count",
		onStage(3, func(s *stage) {
			p, _, others := s.roles()
			s.sever(p, others[0])
			s.v.act(s.ann, 5)
			time.Sleep(100 * time.Millisecond)
			s.crash(p, others[1])
			s.v.audit(s.ann)
		}),
	},
	{
		fault.EdgeDropsOnApplied, "a new primary dies before its tail is durable", "durable marks against the world's count",
		onStage(3, func(s *stage) {
			p, epoch, others := s.roles()
			s.sever(p, others[1])
			s.consulFails(others[1], "/v1/txn") // the other one has the tail, and leads
			s.v.act(s.ann, 5)
			time.Sleep(20 * time.Millisecond)
			fault.On(fault.BeforeSeal, sync.OnceFunc(func() { s.sever(others[0], others[1]) }))
			defer fault.On(fault.BeforeSeal, nil)
			s.crash(p)
			next, _ := s.primary(epoch)
			time.Sleep(30 * time.Millisecond)
			s.crash(next)
			s.consulHeals(others[1])
			s.v.audit(s.ann)
		}),
	},
	{
		fault.ShrinkNotPublished, "a late backup is alone with a set that still lists it", "durable marks against the world's count",
		onStage(3, func(s *stage) {
			p, _, others := s.roles()
			s.sever(p, others[1])
			s.consulFails(p, "/v1/txn")
			time.Sleep(600 * time.Millisecond)
			s.v.act(s.ann, 5)
			time.Sleep(100 * time.Millisecond)
			s.crash(p, others[0])
			s.v.audit(s.ann)
		}),
	},
	{
		fault.TakeOverByNonMember, "all members die beside a server that never caught up", "who serves against the published set",
		onStage(3, func(s *stage) {
			p, _, others := s.roles()
			s.serve(1)
			late := s.servers[3]
			s.sever(p, late)
			time.Sleep(time.Second)
			s.crash(p, others[0], others[1])
			s.v.check(!s.serves(late, 6*time.Second), "a server serves that is not in the in-sync set")
			s.v.check(s.ann.Err() == nil, "the session is over: %v", s.ann.Err())
		}),
	},
	{
		fault.RestartedUnderOldName, "a backup restarts, and all other members die", "who serves against who has the log",
		onStage(3, func(s *stage) {
			p, _, others := s.roles()
			s.consulFails(p, "/v1/txn")
			old := others[0]
			old.stop()
			s.crash(p, others[1])
			old.restart()
			s.v.check(!s.serves(old, 6*time.Second), "a process serves that has just begun, and has no log")
			s.v.check(s.ann.Err() == nil, "the session is over: %v", s.ann.Err())
		}),
	},
}
