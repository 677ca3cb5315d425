package proxy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// worldMesh is a mesh of worlds with n servers, all of them in the in-sync set,
// and one player.
func worldMesh(t *testing.T, n int, test func(m *mesh, ann *actor)) {
	t.Helper()
	inMesh(t, func(m *mesh) {
		m.addEdge()
		m.worlds(true, false)
		m.serve(n)
		ann := m.enter("ann", 0)
		if n > 1 {
			m.guarded(n)
		}
		ann.acts(20, "act")
		ann.settle(patience)
		test(m, ann)
		ann.settle(patience)
		m.recover([]*actor{ann})
	})
}

// A backup that is in sync goes on from what it has: no edge is asked for a
// snapshot, and the rolls are those that the player has seen.
func TestPromotionNeedsNoSnapshot(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		s, epoch := m.primary(0)
		s.killGame()
		ann.acts(20, "act")
		require.Less(t, ann.settle(patience), 100*time.Millisecond, "virtual time")
		next, _ := m.primary(epoch)
		require.NotSame(t, s, next)
		require.Zero(t, next.now().Stats().Refused[wire.CodeBadSnapshot])
	})
}

// A server that comes while the game is played copies, catches up and counts.
func TestBackupJoins(t *testing.T) {
	worldMesh(t, 1, func(m *mesh, ann *actor) {
		require.False(t, m.inSync().Known, "alone is no set")
		m.serve(1)
		ann.acts(50, "act")
		m.guarded(2)
		ann.acts(50, "act")
		m.servers[0].die(true)
		ann.acts(50, "act")
		ann.settle(patience)
	})
}

// Without backups the region rests on the edges, and the player is told; when one
// comes back he is told that too.
func TestBackupsGoAndComeBack(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		p, epoch := m.primary(0)
		var gone []*server
		for _, s := range m.servers {
			if s != p {
				s.die(true)
				gone = append(gone, s)
			}
		}
		ann.acts(20, "act")
		m.eventually("cold", func() bool { return !m.inSync().Known })
		ann.acts(20, "act")
		ann.settle(patience)
		gone[0].restart()
		m.guarded(2)
		ann.acts(20, "act")
		ann.settle(patience)
		time.Sleep(50 * time.Millisecond) // virtual
		ann.note(func() { require.Equal(t, []bool{false, true}, ann.guards[len(ann.guards)-2:]) })
		_, now := m.primary(0)
		require.Equal(t, epoch, now)
	})
}

// While Consul is away for longer than any lease, backups vouch for the primary:
// play goes on, durably, and nobody takes over.
func TestBackupsVouchForThePrimary(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		_, epoch := m.primary(0)
		m.broken.Break(devconsul.NoLeader, nil)
		for began := time.Now(); time.Since(began) < 10*time.Second; {
			ann.acts(1, "act")
			require.Less(t, ann.settle(patience), 100*time.Millisecond, "virtual time")
		}
		_, now := m.primary(0)
		require.Equal(t, epoch, now)
		m.broken.Heal()
		time.Sleep(5 * time.Second) // virtual
		ann.acts(5, "act")
	})
}

// A primary that cannot reach Consul, while everybody else can, is replaced when
// its check expires, and never doubts that before.
func TestPrimaryLosesConsul(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		p, epoch := m.primary(0)
		p.consul.Break(devconsul.Hang, nil)
		for began := time.Now(); time.Since(began) < 10*time.Second; {
			ann.acts(1, "act")
			ann.settle(patience)
			time.Sleep(20 * time.Millisecond) // virtual
		}
		next, now := m.primary(epoch)
		require.NotSame(t, p, next)
		require.Equal(t, epoch+1, now)
		p.consul.Heal()
	})
}

// Cut off from everybody, a primary falls silent, is replaced, and comes back as
// somebody else.
func TestPrimaryIsFenced(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		p, epoch := m.primary(0)
		before, _ := p.now().Position("arena", 0)
		time.Sleep(2 * time.Second) // virtual
		m.net.set(m.net.cut, p.host.ip, true)
		p.consul.Break(devconsul.Hang, nil)
		ann.acts(20, "act")
		require.Less(t, ann.settle(patience), time.Second, "virtual time")
		_, now := m.primary(epoch)
		require.Equal(t, epoch+1, now)
		time.Sleep(5 * time.Second) // virtual
		m.net.set(m.net.cut, p.host.ip, false)
		p.consul.Heal()
		m.guarded(3)
		after, _ := p.now().Position("arena", 0)
		require.NotEqual(t, before.Incarnation, after.Incarnation)
	})
}

// Consul forgets everything: nothing is lost.
func TestConsulIsWiped(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		_, epoch := m.primary(0)
		m.consul.Wipe()
		ann.acts(20, "act")
		ann.settle(patience)
		_, now := m.primary(epoch)
		require.Equal(t, epoch+1, now)
		m.guarded(3)
	})
}

// The server that took over dies at once.
func TestSecondDeathInATakeOver(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		p, epoch := m.primary(0)
		p.die(true)
		ann.acts(20, "act")
		next, _ := m.primary(epoch)
		next.killGame()
		ann.acts(20, "act")
		ann.settle(patience)
	})
}

// sluggish is a world that hangs, when it was asked to, while it follows.
type sluggish struct{ roller }

func (w sluggish) ApplyOutcome(delta []byte) error {
	w.server.stumble()
	return w.roller.ApplyOutcome(delta)
}

// The primary dies, and then its heir, before it serves anybody: one backup is left.
// With the edge there are two who miss the heir, and nobody waits until Consul does.
func TestHeirDiesAtOnce(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.addEdge()
		m.worlds(true, false)
		made := m.world
		m.world = func(s *server) game.World { return sluggish{made(s).(roller)} }
		m.serve(3)
		look := m.looks()
		ann := m.enter("ann", 0)
		m.guarded(3)
		p, _ := m.primary(0)
		inc := p.now().Incarnation()
		for _, s := range m.servers {
			if s != p {
				s.mu.Lock()
				s.hang = 250 * time.Millisecond // so long its game cannot be promoted
				s.mu.Unlock()
			}
		}
		ann.acts(1, "act")
		time.Sleep(50 * time.Millisecond) // virtual: they apply it
		p.die(true)
		ann.acts(10, "act")
		v := look.until("an heir", func(v discovery.Mesh) bool {
			h := v.Regions["arena"].Primary
			return h != nil && h.Incarnation != inc
		})
		heir := m.named(v, v.Regions["arena"].Primary.Incarnation)
		require.Zero(t, heir.now().Serving("arena"))
		heir.die(true)
		require.Less(t, ann.settle(patience), 1500*time.Millisecond, "virtual time")
		m.recover([]*actor{ann})
	})
}

// An ack costs no packet of its own: it comes with the answer to its action, unless a
// writer that was woken for something else came between the two.
func TestAcksRideOnUpdates(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.addEdge()
		m.worlds(true, false)
		m.serve(3)
		m.guarded(3)
		r := m.dial()
		r.hello(wire.Hello{Player: "ann"})
		alone := 0
		for seq := uint64(1); seq <= 20; seq++ {
			r.send(wire.Act{Seq: seq, Payload: fmt.Appendf(nil, "%d act", seq)})
			var durable wire.Durable
			for answered := false; durable.Seq < seq; {
				f, ok := <-r.frames
				require.True(t, ok, "the stream has ended: %v", r.ended)
				switch f.t {
				case wire.TypeUpdate:
					if !f.more && !answered && durable.Seq < seq {
						alone++
					}
					answered = true
				case wire.TypeDurable:
					if !answered {
						alone++
					}
					require.NoError(t, durable.Decode(f.body))
				default:
				}
			}
			time.Sleep(10 * time.Millisecond) // virtual: until all is quiet again
		}
		require.LessOrEqual(t, alone, 2, "of 20 acks, in packets of their own")
	})
}

// A game that others replace leaves them the machine for a while.
func TestGameStaysAwayWhileOthersLead(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, _ *actor) {
		s, _ := m.primary(0)
		games := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.states)
		}
		before, killed := games(), time.Now()
		s.killGame()
		m.eventually("a game again", func() bool { return games() > before })
		require.GreaterOrEqual(t, time.Since(killed), 500*time.Millisecond)
	})
}

// A failover that is over in a moment tells nobody to hold.
func TestShortFailoverTellsNoHold(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.addEdge()
		m.worlds(true, false)
		m.serve(3)
		m.guarded(3)
		r := m.dial()
		r.hello(wire.Hello{Player: "ann"})
		s, epoch := m.primary(0)
		s.killGame()
		m.primary(epoch)
		r.send(wire.Act{Seq: 1, Payload: []byte("1 act")})
		reseated := false
		for {
			f, ok := <-r.frames
			require.True(t, ok, "the stream has ended: %v", r.ended)
			require.NotEqual(t, wire.TypeHold, f.t)
			reseated = reseated || f.t == wire.TypeReseated
			if f.t == wire.TypeDurable {
				break
			}
		}
		require.True(t, reseated, "it comes with the first frame after it")
	})
}
