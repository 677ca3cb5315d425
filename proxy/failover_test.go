package proxy_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A player's actions survive the death of one game after the other; nothing is
// lost, doubled or reordered, and the player's connection stays.
func TestGamesDie(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(3)
		ann, bob := m.join("ann"), m.join("bob")
		ann.act(20)
		bob.act(5)
		ann.settle()
		epoch := uint64(0)
		for range 5 {
			var s *server
			s, epoch = m.primary(epoch)
			s.killGame()
			ann.act(30) // in the middle of it
			bob.act(1)
			ann.answered()
			bob.answered()
		}
		ann.settle()
		bob.settle()
		require.Equal(t, "170", ann.last())
		require.Equal(t, "10", bob.last())
		require.Positive(t, ann.heard(&ann.seats))
		require.Zero(t, ann.heard(&ann.lost)+bob.heard(&bob.lost), "no reconnect")
		require.NoError(t, m.edge.Kept("arena").Check())
	})
}

// A host that dies is noticed because its packets are refused, by an edge and a
// backup; Consul's own check (3 s) is not waited for.
func TestHostDies(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(3)
		ann := m.join("ann")
		ann.act(10)
		ann.settle()
		s, epoch := m.primary(0)
		m.net.set(m.net.dead, s.host.ip, true)
		s.killGame()
		ann.act(10)
		began := time.Now()
		ann.settle()
		require.Less(t, time.Since(began), time.Second, "virtual time")
		_, next := m.primary(epoch)
		require.Equal(t, epoch+1, next)
		require.Equal(t, "20", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
	})
}

// A primary that is cut off from edges and backups, but not from Consul, is
// replaced on the word of two witnesses; when it is back, what it says is of a
// lower epoch and changes nothing.
func TestPrimaryIsCutOff(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(3)
		ann := m.join("ann")
		ann.act(10)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual: silence counts only against an epoch of some age
		s, epoch := m.primary(0)
		m.net.set(m.net.cut, s.host.ip, true)
		ann.act(10)
		began := time.Now()
		ann.settle()
		require.Less(t, time.Since(began), time.Second, "virtual time")
		m.net.set(m.net.cut, s.host.ip, false)
		ann.act(10)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual
		_, next := m.primary(epoch)
		require.Equal(t, epoch+1, next)
		require.Equal(t, "30", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
	})
}

// While Consul does not answer, play goes on and nobody is promoted. When it is
// back before the checks have expired, all is as before; later, its word that
// the session is gone costs a take-over and no action.
func TestConsulIsGone(t *testing.T) {
	for name, outage := range map[string]time.Duration{"briefly": 1500 * time.Millisecond, "for long": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.serve(2)
				ann := m.join("ann")
				ann.act(1)
				ann.settle()
				_, epoch := m.primary(0)
				held := ann.heard(&ann.holds)
				m.consul.Break(devconsul.NoLeader, func(*http.Request) bool { return true })
				for began := time.Now(); time.Since(began) < outage; {
					ann.act(1)
					ann.settle()
				}
				_, during := m.primary(0)
				require.Equal(t, epoch, during)
				require.Equal(t, held, ann.heard(&ann.holds))
				m.consul.Heal()
				time.Sleep(5 * time.Second) // virtual
				ann.act(1)
				ann.settle()
				_, after := m.primary(0)
				require.True(t, after == epoch || outage > 3*time.Second && after == epoch+1, "epoch %d, then %d", epoch, after)
				require.Equal(t, fmt.Sprint(ann.sent), ann.last())
				require.Zero(t, ann.heard(&ann.lost))
			})
		})
	}
}

// With no server, actions are kept up to the limit, the player is told that
// the log is full, and nothing is dropped.
func TestBackPressure(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		r := m.dial()
		r.hello(wire.Hello{Player: "ann"})
		m.servers[0].stop()
		r.until(wire.TypeHold)
		for seq := uint64(1); seq <= 30; seq++ {
			r.send(wire.Act{Seq: seq, Payload: []byte("x")})
		}
		var p wire.Pressure
		require.NoError(t, p.Decode(r.until(wire.TypePressure)))
		require.Equal(t, wire.Pressure{On: true, Kept: 10}, p)
		require.EqualValues(t, 10, m.edge.Kept("arena").Kept)

		m.serve(1)
		var d wire.Durable
		for d.Seq < 30 {
			require.NoError(t, d.Decode(r.until(wire.TypeDurable)))
		}
		require.NoError(t, m.edge.Kept("arena").Check())
	}, smallLogs)
}

// When no server comes for longer than the age limit, the session ends with a
// code that says so and the seqs that are not durable.
func TestExpiry(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		r := m.dial()
		r.hello(wire.Hello{Player: "ann"})
		r.send(wire.Act{Seq: 1, Payload: []byte("x")})
		r.until(wire.TypeDurable)
		m.servers[0].stop()
		r.until(wire.TypeHold)
		r.send(wire.Act{Seq: 2, Payload: []byte("x")}, wire.Act{Seq: 3, Payload: []byte("y")})
		code, bye := r.bye()
		require.Equal(t, wire.CodeExpired, code)
		require.Equal(t, [2]uint64{2, 3}, [2]uint64{bye.First, bye.Last})
	}, smallLogs)
}

// A game that works in ticks has not applied what arrived since the last one:
// its cut trails the log. What it leaves out becomes durable all the same, with
// no further action to bring a cut about.
func TestCutThatTrailsTheLog(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.ticks = true
		m.serve(2)
		ann := m.join("ann")
		for range 50 {
			ann.act(3)
			ann.settle()
			time.Sleep(time.Duration(ann.sent) * time.Millisecond) // virtual: every phase of the tick
		}
		require.Equal(t, "150", ann.last())
		s, _ := m.primary(0)
		s.killGame()
		ann.act(3)
		ann.settle()
		require.Equal(t, "153", ann.last())
	})
}

// An edge keeps two snapshots; a server that begins with nothing gets the newest,
// and with it everything that is durable.
func TestColdServerGetsTheNewestSnapshot(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		ann := m.join("ann")
		for range 4 {
			ann.act(3)
			ann.settle()
			time.Sleep(time.Second) // virtual
		}
		m.servers[0].stop()
		m.serve(1)
		ann.act(1)
		ann.settle()
		require.Equal(t, "13", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
	})
}

// Of two servers one dies with actions in flight. The other one tries them one at
// a time, alone, and all become durable, the last one with no further action to
// bring a cut about: in ticks, the cut that its mark brings about trails the log.
func TestLastActionInFlightBecomesDurable(t *testing.T) {
	for _, ticks := range []bool{false, true} {
		t.Run(fmt.Sprintf("ticks=%v", ticks), func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.ticks = ticks
				m.serve(2)
				ann := m.join("ann")
				ann.act(10)
				ann.settle()
				time.Sleep(2 * time.Second) // virtual
				s, _ := m.primary(0)
				s.die(true)
				ann.act(5)
				ann.settle()
				require.Equal(t, "15", ann.last())
				require.Zero(t, ann.heard(&ann.lost))
			})
		})
	}
}
