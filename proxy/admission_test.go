package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// turnedAway is the end of a Dial with that code; it tells how long to wait.
func (m *mesh) turnedAway(code wire.Code, err error) time.Duration {
	m.t.Helper()
	var bye *player.ByeError
	require.ErrorAs(m.t, err, &bye)
	require.Equal(m.t, code.String(), bye.Code.String())
	return bye.RetryAfter
}

func (m *mesh) addrs() (all []string) {
	for _, e := range m.edges {
		all = append(all, e.addr)
	}
	return all
}

// While the mesh is in severe trouble no newcomers come in: they are told so at once
// by each edge, and when to come back, not all at one time. All who are in the game
// stay in it, though their edge dies; and when it is over anybody may come.
func TestSevereTurnsNewcomersAway(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		actors := []*actor{ann}
		for i := range 8 {
			actors = append(actors, m.enter(fmt.Sprint("p", i), i))
		}
		m.setLevel(severe)
		waits := map[time.Duration]bool{}
		for i := range 5 {
			began := time.Now()
			_, err := m.tryJoin(fmt.Sprint("new", i), player.Handler{}, m.addrs()...)
			wait := m.turnedAway(wire.CodeDegraded, err)
			require.Less(t, time.Since(began), 100*time.Millisecond, "virtual time")
			require.GreaterOrEqual(t, wait, 30*time.Second)
			require.LessOrEqual(t, wait, 45*time.Second)
			waits[wait] = true
		}
		require.Greater(t, len(waits), 1, "not all at one time")
		for _, e := range m.edges {
			require.EqualValues(t, 5, e.now().Stats().Refused[wire.CodeDegraded], "asked once by each")
		}

		m.edges[0].die(true)
		for _, a := range actors {
			a.acts(20, "act")
		}
		for _, a := range actors {
			require.Less(t, a.settle(patience), 5*time.Second, "virtual time")
			require.Equal(t, m.edges[1].addr, a.Edge())
		}
		require.EqualValues(t, 5, m.edges[1].now().Stats().Refused[wire.CodeDegraded], "none of those who came back")
		s, epoch := m.primary(0)
		s.die(true) // and a server, for good measure
		m.primary(epoch)
		for _, a := range actors {
			a.acts(5, "act")
			a.settle(patience)
		}

		m.edges[0].restart()
		m.edges[0].now().SetLevel(severe)
		_, err := m.tryJoin("new", player.Handler{}, m.addrs()...)
		m.turnedAway(wire.CodeDegraded, err)
		m.edges[0].now().SetLevel(normal)
		actors = append(actors, m.enter("new", 1)) // one edge that has heard of it is enough
		m.edges[1].now().SetLevel(normal)
		for _, a := range actors {
			a.acts(5, "act")
			a.settle(patience)
		}
		m.recover(actors)
	})
}

// What makes somebody a newcomer is that his Hello shows nothing of an earlier time.
// Whoever comes in by a lie is where he would be at any other time.
func TestWhoIsANewcomer(t *testing.T) {
	for name, tc := range map[string]struct {
		hello wire.Hello
		want  wire.Code // none: he is welcomed
	}{
		"nothing to show":           {wire.Hello{Player: "eve"}, wire.CodeDegraded},
		"a token that is forged":    {wire.Hello{Player: "eve", Token: []byte("forged")}, wire.CodeNone},
		"and another's name":        {wire.Hello{Player: "gone", Token: []byte("forged")}, wire.CodeUnauthorized},
		"of one who is here":        {wire.Hello{Player: "here", Token: []byte("forged")}, wire.CodeNotYours},
		"actions that were sent":    {wire.Hello{Player: "eve", Tail: 1}, wire.CodeNone},
		"actions that were durable": {wire.Hello{Player: "eve", Durable: 1, Tail: 1}, wire.CodeLost},
		"a name that is here":       {wire.Hello{Player: "here"}, wire.CodeNotYours},
		"a name that was here":      {wire.Hello{Player: "gone"}, wire.CodeDegraded},
		"his seqs alone":            {wire.Hello{Player: "gone", Durable: 1, Tail: 1}, wire.CodeNone},
	} {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.serve(1)
				m.dial().hello(wire.Hello{Player: "here"})
				gone := m.dial()
				gone.hello(wire.Hello{Player: "gone"})
				gone.send(wire.Act{Seq: 1, Payload: []byte("x")})
				gone.until(wire.TypeDurable)
				gone.send(wire.Bye{Reason: wire.CodeLeft})
				gone.bye()

				m.setLevel(severe)
				r := m.dial()
				if tc.want == wire.CodeNone {
					r.hello(tc.hello)
					var mode wire.Mode
					require.NoError(t, mode.Decode(r.until(wire.TypeMode)))
					require.Equal(t, wire.Mode{Level: wire.LevelSevere, Fidelity: 250}, mode)
					return
				}
				tc.hello.Version, tc.hello.Region = wire.Version, "arena"
				r.send(tc.hello)
				code, bye := r.bye()
				require.Equal(t, tc.want.String(), code.String())
				require.Equal(t, tc.want == wire.CodeDegraded, bye.RetryMillis > 0)
			})
		})
	}
}

// Who waited for a server before it became so bad is let in when there is one.
func TestWhoWaitsIsNotTurnedAway(t *testing.T) {
	inMesh(t, func(m *mesh) {
		r := m.dial()
		r.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "ann"})
		r.until(wire.TypeHold)
		m.setLevel(severe)
		m.serve(1)
		r.until(wire.TypeWelcome)
	})
}

// Wait times that nobody would wait for are cut, and do not overflow.
func TestRetryIsBounded(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.setLevel(discovery.MeshState{Level: "severe", Fidelity: 1, RetryAfter: 1<<64 - 1})
		_, err := m.tryJoin("ann", player.Handler{})
		require.InDelta(t, 75*time.Minute, m.turnedAway(wire.CodeDegraded, err), float64(15*time.Minute))
	})
}

// An edge that is full says when to come back, and lets in whoever comes when
// somebody has left.
func TestFullEdge(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		ann := m.join("ann")
		_, err := m.tryJoin("bob", player.Handler{})
		wait := m.turnedAway(wire.CodeOverloaded, err)
		require.GreaterOrEqual(t, wait, 5*time.Second)
		require.LessOrEqual(t, wait, 7500*time.Millisecond)
		require.EqualValues(t, 1, m.edge.Stats().Refused[wire.CodeOverloaded])
		require.NoError(t, ann.Close())
		time.Sleep(wait) // virtual
		m.join("bob")
	}, func(cfg *proxy.Config) { cfg.Players = 1 })
}

// A connection that says nothing to a full edge is closed all the same, and so are
// those that are too many to be told.
func TestFullEdgeUnderAStorm(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		m.join("ann")
		transport := m.transport()
		var conns []*quic.Conn
		for range 300 {
			conns = append(conns, m.connect(transport))
		}
		began := time.Now()
		for _, conn := range conns {
			<-conn.Context().Done()
			var app *quic.ApplicationError
			require.ErrorAs(t, context.Cause(conn.Context()), &app)
			require.Equal(t, wire.CodeOverloaded, wire.Code(app.ErrorCode))
		}
		require.Less(t, time.Since(began), time.Second, "virtual time")
		require.EqualValues(t, 300, m.edge.Stats().Refused[wire.CodeOverloaded])
	}, func(cfg *proxy.Config) { cfg.Players, cfg.Handshake = 1, 1000 })
}

// connect is a connection to the first edge without a stream.
func (m *mesh) connect(transport *quic.Transport) *quic.Conn {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	addr, err := net.ResolveUDPAddr("udp", m.addr)
	require.NoError(m.t, err)
	conn, err := transport.Dial(ctx, addr, m.tls, &quic.Config{EnableDatagrams: true})
	require.NoError(m.t, err)
	return conn
}

// Edges know how many players there are at all of them, and whether somebody waits;
// who is primary no more has no say in it.
func TestLoads(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.addEdge()
		require.Equal(t, map[string]proxy.Load{"arena": {}}, m.edge.Loads())
		m.serve(2)
		ann, bob := m.enter("ann", 0), m.enter("bob", 1)
		cid := m.enter("cid", 1)
		_, epoch := m.primary(0)
		m.guarded(2)
		for _, e := range m.edges {
			m.eventually("load", func() bool { return e.now().Loads()["arena"] == proxy.Load{Epoch: epoch, Players: 3} })
		}
		require.NoError(t, cid.Close())
		for _, e := range m.edges {
			m.eventually("load", func() bool { return e.now().Loads()["arena"] == proxy.Load{Epoch: epoch, Players: 2} })
		}

		for _, s := range m.servers {
			s.die(true)
		}
		ann.acts(10, "act")
		ctx, cancel := context.WithTimeout(m.t.Context(), time.Second)
		defer cancel()
		require.True(t, errors.Is(ann.act(ctx, 200, "act"), context.DeadlineExceeded))
		require.Equal(t, proxy.Load{Epoch: epoch, Players: 2, Pressed: true}, m.edge.Loads()["arena"], "the last that is known")
		require.Equal(t, proxy.Load{Epoch: epoch, Players: 2}, m.edges[1].now().Loads()["arena"])
		_ = bob
	}, smallLogs)
}

// A word of load counts from the primary that serves, in its epoch.
func TestBadLoads(t *testing.T) {
	inMesh(t, func(m *mesh) {
		im := m.impostor()
		r := im.meet(true)
		load := func(epoch, players uint64) proxy.Load {
			r.send(wire.Load{Epoch: epoch, Players: players})
			time.Sleep(50 * time.Millisecond) // virtual
			return m.edge.Loads()["arena"]
		}
		require.Zero(t, load(im.epoch, 7), "before it serves")
		r.send(wire.Elected{Epoch: im.epoch}, wire.Serving{Epoch: im.epoch})
		require.Equal(t, proxy.Load{Epoch: im.epoch, Players: 7}, load(im.epoch, 7))
		before := m.edge.Stats().Stale
		require.Equal(t, proxy.Load{Epoch: im.epoch, Players: 7}, load(im.epoch-1, 8), "of a lower epoch")
		require.Equal(t, before+1, m.edge.Stats().Stale)
		require.EqualValues(t, uint64(1<<64-1), load(im.epoch, 1<<64-1).Players, "a number is a number")
		r.write([]byte{4, byte(wire.TypeLoad), byte(im.epoch), 1, 2})
		require.Equal(t, wire.CodeProtocol, r.closed())
	})
}
