package proxy_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/journal"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Who begins anew where he was at home is sent on to where he is, by each region on
// his way.
func TestTombstones(t *testing.T) {
	townMesh(t, 2, "outcomes", func(m *mesh) {
		ann := m.enter("ann", 0)
		for _, region := range []string{"sea", "arena", "sea"} {
			ann.goes(region)
		}
		ann.settle(patience)
		m.delivered("ann")
		require.NoError(t, ann.Close())
		again := m.enter("ann", 1)
		again.sent = again.Durable()
		require.Equal(t, ann.sent, again.sent)
		require.Equal(t, "sea", again.Region())
		again.acts(3, "act")
		again.goes("arena")
		again.settle(patience)
		m.settled(again)
	})
}

// An edge without the region that a player goes to sends him to one that has it, and
// he takes along what he owns.
func TestRegionIsNotServedHere(t *testing.T) {
	for name, first := range map[string]bool{"on the way": true, "long there": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				edges := 0
				m := newMesh(t, func(cfg *proxy.Config) {
					if edges++; edges == 1 {
						cfg.Regions = []string{"arena"}
					}
				})
				defer m.close()
				m.more = []string{"sea"}
				m.addEdge()
				m.towns(true, false, false)
				m.serve(2)
				m.guarded(2)
				if first {
					events := m.edge.Events()
					defer events.Close()
					ann := m.enter("ann", 0)
					ann.acts(3, "act")
					ann.goes("sea")
					ann.settle(patience)
					m.settled(ann)
					require.Equal(t, wire.CodeMoved, ended(t, ann))
					require.Equal(t, 1, ann.resumed)
					require.EqualValues(t, 1, m.edge.Status().Regions[0].Stranded)
					require.Equal(t, []string{"1 to sea"}, stranded(events))
					return
				}
				ann := m.enter("ann", 1)
				ann.goes("sea")
				ann.settle(patience)
				m.delivered("ann")
				require.NoError(t, ann.Close())
				again := m.enter("ann", 0) // the first edge says where he is, and the second one takes him there
				require.Equal(t, "sea", again.Region())
				require.Equal(t, ann.sent, again.Durable())
				again.sent = again.Durable()
				m.settled(again)
			})
		})
	}
}

// stranded are the events of players who left for a region that an edge does not serve.
func stranded(events *journal.Reader[proxy.Event]) (out []string) {
	for e, ok := events.Try(); ok; e, ok = events.Try() {
		if e.Value.Kind == proxy.EventStranded {
			out = append(out, fmt.Sprintf("%d to %s", e.Value.Players, e.Value.To))
		}
	}
	return out
}

// ended is the code with which an actor's connection has ended.
func ended(t *testing.T, a *actor) wire.Code {
	t.Helper()
	var bye *player.ByeError
	require.Len(t, a.endings(), 1)
	require.ErrorAs(t, a.endings()[0], &bye)
	require.Contains(t, bye.Text, `"sea"`)
	return bye.Code
}

// A region that comes up later gets who has left for it, with what he has sent
// meanwhile.
func TestRegionComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTowns(t, "outcomes")
		defer m.close()
		m.serveOnly(2, "arena")
		m.eventually("in-sync set", func() bool { return len(m.inSync().Members) == 2 })
		ann := m.enter("ann", 0)
		ann.acts(1, "go sea")
		ann.acts(10, "act")
		time.Sleep(4 * time.Second) // virtual
		require.Equal(t, "arena", ann.Region(), "he is not there yet")
		require.Empty(t, ann.endings())
		require.LessOrEqual(t, ann.pending(), uint64(10), "what the arena took before he left goes with him, the rest is at the edge")
		ann.acts(10, "act")
		s, _ := m.primary(0)
		s.die(true)
		time.Sleep(12 * time.Second) // virtual: these are too old now
		require.NotEmpty(t, ann.endings())
		m.serveOnly(2, "sea")
		ann.settle(recovery)
		m.settled(ann)
		require.Equal(t, "sea", ann.Region())
		m.delivered("ann")
	})
}

// Alone in their regions, servers rest on the edges' snapshots; whatever dies, nothing
// is lost between two of them.
func TestTransferSurvivesCold(t *testing.T) {
	names := []string{"actions", "outcomes", "one outcome in a tick", "ticks"}
	i := 0
	for victim, strike := range map[string]func(m *mesh){
		"game here":  func(m *mesh) { m.lead("arena").killGame() },
		"game there": func(m *mesh) { m.lead("sea").killGame() },
		"both games": func(m *mesh) { m.lead("sea").killGame(); m.lead("arena").killGame() },
	} {
		for at := time.Duration(0); at <= 40*time.Millisecond; at += 4 * time.Millisecond {
			i++
			if testing.Short() && i%5 > 0 {
				continue
			}
			style := names[i%len(names)]
			t.Run(victim+" at "+at.String()+", "+style, func(t *testing.T) {
				t.Parallel()
				townMesh(t, 1, style, func(m *mesh) {
					ann, bob := m.enter("ann", 0), m.enterAt("sea", "bob", 1)
					bob.acts(3, "act")
					ann.acts(10, "act")
					ann.settle(patience)
					ann.acts(1, "go sea")
					ann.acts(5, "act")
					time.Sleep(at) // virtual
					strike(m)
					ann.acts(5, "pay bob")
					m.eventually("ann is in sea", func() bool { return ann.Region() == "sea" })
					ann.goes("arena")
					ann.settle(patience)
					bob.settle(patience)
					m.settled(ann, bob)
					m.delivered("ann")
				})
			})
		}
	}
}

// What a player brings kills every game that takes it in. Two die of it, not more; he
// is told, and the others play on.
func TestCursedArrival(t *testing.T) {
	for _, style := range []string{"actions", "one outcome", "outcomes in ticks"} {
		t.Run(style, func(t *testing.T) {
			townMesh(t, 3, style, func(m *mesh) {
				ann, bob := m.enter("ann", 0), m.enterAt("sea", "bob", 1)
				bob.acts(3, "act")
				bob.settle(patience)
				ann.acts(1, "curse")
				ann.acts(1, "go sea")
				select {
				case <-ann.Done():
				case <-time.After(patience):
					require.FailNow(t, "the curse does not die out")
				}
				var bye *player.ByeError
				require.ErrorAs(t, ann.Err(), &bye)
				require.Equal(t, wire.CodeQuarantined, bye.Code)
				require.LessOrEqual(t, m.poisoned.Load(), int32(2))
				bob.acts(20, "act")
				bob.settle(patience)
				again := m.enter("ann", 1)
				require.Equal(t, "sea", again.Region(), "he is there, without what he brought")
				require.Equal(t, uint64(2), again.Durable())
			})
		})
	}
}

// Whoever has no token does not get what a player has left behind on his way.
func TestImpostorOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTowns(t, "outcomes")
		defer m.close()
		m.serveOnly(2, "arena")
		m.eventually("in-sync set", func() bool { return len(m.inSync().Members) == 2 })
		ann := m.enter("ann", 0)
		ann.acts(1, "go sea")   // which is not up
		time.Sleep(time.Second) // virtual
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for i := range m.edges {
			_, err := player.Dial(ctx, player.Config{
				Edges: []string{m.edges[i].addr}, Region: "arena", Player: "ann", TLS: m.tls, Log: m.log, Transport: m.transport(),
			})
			var bye *player.ByeError
			require.ErrorAs(t, err, &bye)
			require.Equal(t, wire.CodeNotYours, bye.Code)
		}
		m.serveOnly(2, "sea")
		m.eventually("ann is in sea", func() bool { return ann.Region() == "sea" })
		m.settled(ann)
	})
}

// A player who goes where he has been before by himself is one player there.
func TestWhoWasThereBefore(t *testing.T) {
	townMesh(t, 2, "outcomes", func(m *mesh) {
		early := m.enterAt("sea", "ann", 1) // without a word, but she has a row there
		require.NoError(t, early.Close())
		ann := m.enter("ann", 0)
		ann.acts(5, "act")
		ann.goes("sea")
		ann.settle(patience)
		m.settled(ann)
		require.True(t, slices.Equal([]string{"sea"}, ann.moved))
	})
}

// impostorAt is a mesh whose arena is led by one who speaks by hand, and whose sea is
// a region like any other.
func impostorAt(t *testing.T, test func(m *mesh, im *impostor, arena *raw)) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = []string{"arena", "sea"} })
		defer m.close()
		m.more = []string{"sea"}
		m.towns(true, false, false)
		m.serveOnly(1, "sea")
		m.primaryOf("sea", 0)
		im := m.impostor()
		arena := im.meet(true)
		arena.send(wire.Elected{Epoch: im.epoch}, wire.Serving{Epoch: im.epoch})
		test(m, im, arena)
	})
}

// A region that says that a player has left it for itself closes its link.
func TestDepartForHere(t *testing.T) {
	impostorAt(t, func(m *mesh, im *impostor, arena *raw) {
		ann := m.dial()
		ann.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "ann"})
		var f wire.Attach
		require.NoError(t, f.Decode(arena.until(wire.TypeAttach)))
		arena.send(wire.Depart{Epoch: im.epoch, Handle: f.Handle + 1, Hop: 1, Region: "sea"}) // nobody
		arena.send(wire.Depart{Epoch: im.epoch, Handle: f.Handle, Hop: 1, Region: "arena"})
		require.Equal(t, wire.CodeProtocol, arena.closed())
	})
}

// Two regions that send a player to each other, since one of them has lost what it
// knew of him, do not do so for long.
func TestSentToEachOther(t *testing.T) {
	impostorAt(t, func(m *mesh, im *impostor, arena *raw) {
		ann := m.dial()
		ann.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "ann"})
		var f wire.Attach
		require.NoError(t, f.Decode(arena.until(wire.TypeAttach)))
		parcel := buffer.AppendParcel(nil, buffer.Parcel{Hop: 1, Baggage: encode(purse{Gold: 1})})
		arena.send(wire.Depart{Epoch: im.epoch, Handle: f.Handle, Hop: 1, Region: "sea", Payload: parcel})
		var moved wire.Moved
		require.NoError(t, moved.Decode(ann.until(wire.TypeMoved)))
		require.Equal(t, "sea", moved.Region)
		arena.until(wire.TypeDeparted)
		ann.until(wire.TypeWelcome)
		ann.send(wire.Act{Seq: 1, Payload: []byte("1 go arena")})
		var enter wire.Enter
		require.NoError(t, enter.Decode(arena.until(wire.TypeEnter)))
		require.EqualValues(t, 2, enter.Hop)
		arena.send(wire.Depart{Epoch: im.epoch, Handle: enter.Handle, Hop: 2, Region: "sea"})
		var bye wire.Bye
		require.NoError(t, bye.Decode(ann.until(wire.TypeBye)))
		require.Equal(t, wire.CodeLost, bye.Reason)
		require.Contains(t, bye.Text, "each other")
	})
}
