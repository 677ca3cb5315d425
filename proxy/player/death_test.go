package player_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// How a client survives the death of edges. In the simulation a round trip takes
// 2 ms, and no computation takes any time.

const roundTrip = 2 * time.Millisecond

// resumed takes the client at an edge, with all that it has kept.
func (n *network) resumed(t *testing.T, e *edge, within time.Duration) *seat {
	t.Helper()
	start := time.Now()
	s := e.accept(t)
	require.LessOrEqual(t, time.Since(start), within)
	require.Equal(t, wire.Hello{
		Version: wire.Version, Region: "town", Player: "ann", Durable: 1, Tail: 3, Token: []byte("t1"),
	}, s.hello)
	s.send(welcome(2, 1, "t2"))
	return s
}

// seated joins at the first edge, and has two actions under way.
func (n *network) seated(t *testing.T, cfg player.Config) (*player.Client, *seat) {
	t.Helper()
	c, s := n.join(t, cfg, welcome(1, 0, "t1"))
	act(t, c, 1, "a", "b", "c")
	s.send(wire.Durable{Epoch: 1, Seq: 1})
	require.Len(t, s.actions(), 3)
	return c, s
}

func TestDeadEdge(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		c, s := n.seated(t, n.ownSockets(n.config(&d)))
		defer c.Close()
		s.send(wire.Update{Epoch: 1})
		settle()
		d.take()
		require.Equal(t, n.edges[0].addr, c.Edge())

		n.kill(n.edges[0])
		act(t, c, 4, "d") // what leaves now is refused
		start := time.Now()
		s = n.edges[1].accept(t)
		require.Empty(t, c.Edge())
		require.LessOrEqual(t, time.Since(start), roundTrip+2*roundTrip, "the refusal, a handshake, and the hello")
		s.send(welcome(2, 1, "t2"))
		require.Equal(t, []string{"2 b", "3 c", "4 d"}, s.actions())
		require.Equal(t, []string{"lost", "resumed"}, d.take())
		require.Equal(t, n.edges[1].addr, c.Edge())
		require.ErrorIs(t, d.errs[0], syscall.ECONNREFUSED)
		require.EqualValues(t, 1, c.Resumes())
	})
}

// Who does nothing asks several times in Silence whether the edge lives.
func TestDeadEdgeOfAnIdleClient(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.ownSockets(n.config(&diary{})))
		defer c.Close()
		time.Sleep(10 * time.Second)
		n.kill(n.edges[0])
		n.resumed(t, n.edges[1], 300*time.Millisecond+3*roundTrip)
	})
}

func TestFrozenEdge(t *testing.T) {
	for silence, most := range map[time.Duration]time.Duration{
		0:                      1250 * time.Millisecond,
		400 * time.Millisecond: 500 * time.Millisecond,
	} {
		simulate(t, 2, func(n *network) {
			t := n.t
			var d diary
			cfg := n.config(&d)
			cfg.Silence = silence
			c, _ := n.seated(t, cfg)
			defer c.Close()
			time.Sleep(10 * time.Second) // a quiet game is no silence
			require.Zero(t, c.Resumes())
			n.cut(n.edges[0])
			n.resumed(t, n.edges[1], most)
			settle()
			require.ErrorIs(t, d.errs[0], player.ErrMute)
		})
	}
}

// There is nowhere to go from the only edge.
func TestFrozenOnlyEdge(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.config(&diary{}))
		defer c.Close()
		n.cut(n.edges[0])
		time.Sleep(3 * time.Second)
		n.heal()
		time.Sleep(10 * time.Second)
		require.Zero(t, c.Resumes())
		n.cut(n.edges[0])
		time.Sleep(6*time.Second + 500*time.Millisecond) // and the next handshake is under way
		n.heal()
		n.resumed(t, n.edges[0], 5*time.Second)
	})
}

// An edge that was frozen and goes on, with all that it was sent and all that it
// would have sent, changes nothing at the client.
func TestZombieEdge(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		c, zombie := n.seated(t, n.ownSockets(n.config(&d)))
		defer c.Close()
		d.take()
		n.freeze(n.edges[0])
		zombie.send(wire.Durable{Epoch: 1, Seq: 3}, wire.Update{Epoch: 1, Payload: []byte("ghost")}, wire.Bye{Reason: wire.CodeLost})
		must(zombie.conn.SendDatagram(wire.Update{Epoch: 9, Payload: []byte("ghost")}.Append(nil)))
		s := n.resumed(t, n.edges[1], 1250*time.Millisecond)
		require.Equal(t, []string{"2 b", "3 c"}, s.actions())
		require.Equal(t, []string{"lost", "resumed"}, d.take())

		n.thaw()
		act(t, c, 4, "d")
		require.Equal(t, []string{"4 d"}, s.actions())
		require.Empty(t, d.take())
		require.Equal(t, uint64(1), c.Durable())
		require.Equal(t, wire.CodeSilence, zombie.closedWith(t), "it is told that it was left")
		require.EqualValues(t, 1, c.Resumes())
	})
}

// A client that was itself frozen does not blame the edge.
func TestFrozenClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		calls := 0
		heard := func() (uint64, time.Duration) {
			if calls++; calls == 6 {
				time.Sleep(time.Minute)
			}
			return uint64(min(calls, 2)), 0
		}
		require.ErrorIs(t, player.Watch(t.Context(), heard, time.Second), player.ErrMute)
		require.InDelta(t, time.Minute+1500*time.Millisecond, time.Since(start), float64(200*time.Millisecond))
	})
}

// An edge that has not said anything yet may be one that all players of another have come
// to: it gets as long as for a handshake.
func TestSilentArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		nothing := func() (uint64, time.Duration) { return 7, 0 }
		require.ErrorIs(t, player.Watch(t.Context(), nothing, time.Second), player.ErrMute)
		require.InDelta(t, 2*time.Second, time.Since(start), float64(200*time.Millisecond))
	})
}

// On a slow network silence takes longer; what comes ends it.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var packets uint64
		heard := func() (uint64, time.Duration) {
			if time.Since(start) < 5*time.Second {
				packets++
			}
			return packets, 3 * time.Second
		}
		require.ErrorIs(t, player.Watch(t.Context(), heard, time.Second), player.ErrMute)
		require.InDelta(t, 8*time.Second, time.Since(start), float64(200*time.Millisecond))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(io.EOF)
		require.ErrorIs(t, player.Watch(ctx, heard, time.Second), io.EOF)
	})
}

// The next edge does not answer either: the one after it is dialed besides. The
// handshake that comes too late is given up, and no hello is said there.
func TestHedge(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.ownSockets(n.config(&diary{})))
		defer c.Close()
		n.kill(n.edges[0])
		n.freeze(n.edges[1])
		s := n.resumed(t, n.edges[2], 250*time.Millisecond+150*time.Millisecond+4*roundTrip)
		require.Equal(t, []string{"2 b", "3 c"}, s.actions())

		n.thaw()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if conn, err := n.edges[1].listener.Accept(ctx); err == nil {
			_, err = conn.AcceptStream(ctx)
			require.Error(t, err, "a hello at two edges")
		}
		require.EqualValues(t, 1, c.Resumes())
	})
}

// An edge that is dead, too, costs one refusal.
func TestTwoDeadEdges(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.ownSockets(n.config(&diary{})))
		defer c.Close()
		n.kill(n.edges[0])
		n.kill(n.edges[1])
		n.resumed(t, n.edges[2], 250*time.Millisecond+4*roundTrip)
	})
}

func TestAllEdgesDeadThenOneBack(t *testing.T) {
	for name, die := range map[string]func(*network, *edge){"killed": (*network).kill, "cut": (*network).cut} {
		t.Run(name, func(t *testing.T) {
			for back := range 2 {
				simulate(t, 2, func(n *network) {
					t := n.t
					var d diary
					c, _ := n.seated(t, n.ownSockets(n.config(&d)))
					defer c.Close()
					d.take()
					for _, e := range n.edges {
						die(n, e)
					}
					time.Sleep(time.Minute)
					require.Equal(t, []string{"lost"}, d.take())
					n.revive(n.edges[back])
					s := n.resumed(t, n.edges[back], 4*time.Second)
					require.Equal(t, []string{"2 b", "3 c"}, s.actions())
					require.Equal(t, []string{"resumed"}, d.take())
				})
			}
		})
	}
}

// An edge that falls silent between the hello and its welcome is left as well.
func TestFrozenBeforeTheWelcome(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t)
		n.cut(n.edges[0])
		start := time.Now()
		s := n.edges[1].accept(t)
		require.Less(t, time.Since(start), 2250*time.Millisecond, "the patience with an edge that all may have come to")
		s.send(welcome(1, 0, ""))
		<-d.done
		require.NoError(t, d.err)
		require.NoError(t, d.client.Close())
	})
}

// An edge that trails is left, with a pause, and may have heard the next time.
func TestTrailingEdge(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(5, 0, ""))
		defer c.Close()
		s.close(wire.CodeShutdown)
		s = n.edges[1].accept(t)
		s.send(wire.Reseated{Epoch: 4, Applied: 0}, welcome(4, 0, ""))
		s.closedWith(t)
		requireNext(t, n.edges[0], "later").close(wire.CodeShutdown)
		n.edges[1].accept(t).send(welcome(6, 0, ""))
		require.Equal(t, []string{"lost", "resumed"}, d.take())
	})
}

// Real sockets: the process of the first edge dies without a word. Silence is
// set so long that only the kernel can have told.
func TestRefusedByTheKernel(t *testing.T) {
	first, firstSocket := listenLoopback(t)
	second, _ := listenLoopback(t)
	lost := make(chan error, 1)
	resumed := make(chan struct{})
	d := dial(t.Context(), player.Config{
		Edges: []string{first.addr, second.addr}, Region: "town", Player: "ann", TLS: trust(), Silence: time.Hour,
		Log: slog.New(slog.DiscardHandler),
		Handler: player.Handler{
			Lost:    func(err error) { lost <- err },
			Resumed: func() { close(resumed) },
		},
	})
	s := first.accept(t)
	s.send(welcome(1, 0, "t1"))
	<-d.done
	require.NoError(t, d.err)
	act(t, d.client, 1, "a")
	require.Equal(t, "a", string((<-s.got).(wire.Act).Payload))

	start := time.Now()
	require.NoError(t, first.transport.Close()) // sends nothing
	require.NoError(t, firstSocket.Close())
	act(t, d.client, 2, "b")
	s = second.accept(t)
	require.Equal(t, "t1", string(s.hello.Token))
	s.send(welcome(2, 0, "t2"))
	<-resumed
	t.Logf("resumed after %v", time.Since(start))
	require.ErrorIs(t, <-lost, syscall.ECONNREFUSED)
	require.Equal(t, wire.Act{Seq: 1, Payload: []byte("a")}, <-s.got)
	require.Equal(t, wire.Act{Seq: 2, Payload: []byte("b")}, <-s.got)
	require.NoError(t, d.client.Close())
}

// A socket that cannot be had is an edge out of reach.
func TestNoSocket(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		cfg := n.ownSockets(n.config(&diary{}))
		cfg.SetConnect(func(*net.UDPAddr) (net.PacketConn, error) { return nil, errors.New("no route") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := player.Dial(ctx, cfg)
		require.ErrorContains(t, err, "no route")
	})
}

func listenLoopback(t *testing.T) (*edge, net.PacketConn) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	e := &edge{addr: conn.LocalAddr().String(), transport: &quic.Transport{Conn: conn}}
	t.Cleanup(func() {
		_ = e.transport.Close()
		_ = conn.Close()
	})
	e.listen(t)
	return e, conn
}
