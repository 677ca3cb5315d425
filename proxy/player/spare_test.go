package player_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// sparing is a config with a spare connection.
func (n *network) sparing(d *diary) player.Config {
	cfg := n.ownSockets(n.config(d))
	cfg.NoSpare = false
	return cfg
}

// spared takes the client's spare connection.
func (e *edge) spared(t *testing.T) *seat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := e.listener.Accept(ctx)
	require.NoError(t, err, "nobody came")
	stream, err := conn.AcceptStream(ctx)
	require.NoError(t, err)
	s := &seat{conn: conn, stream: stream, got: make(chan any, 100)}
	s.frames = wire.NewReader(stream, wire.LinkPlayer)
	frame, _, err := s.frames.Next()
	require.NoError(t, err)
	require.Equal(t, wire.TypeSpare, frame)
	settle()
	return s
}

// come waits for the player to come by his spare connection.
func (s *seat) come(t *testing.T) {
	t.Helper()
	frame, body, err := s.frames.Next()
	require.NoError(t, err)
	require.Equal(t, wire.TypeHello, frame)
	require.NoError(t, s.hello.Decode(body))
	go s.read(s.frames)
}

// Whoever has a spare connection resumes without a handshake, and gets another one.
func TestSpare(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		var d diary
		c, _ := n.seated(t, n.sparing(&d))
		defer c.Close()
		require.Empty(t, c.Spare(), "those who have lost their edge go first")
		spare := n.edges[1].spared(t)
		require.Equal(t, n.edges[1].addr, c.Spare())
		time.Sleep(10 * time.Minute)
		d.take()

		n.kill(n.edges[0])
		act(t, c, 4, "d")
		start := time.Now()
		spare.come(t)
		require.LessOrEqual(t, time.Since(start), 10*roundTrip, "the refusal and the hello")
		spare.send(welcome(2, 1, "t2"))
		require.Equal(t, []string{"2 b", "3 c", "4 d"}, spare.actions())
		require.Equal(t, []string{"lost", "resumed"}, d.take())
		require.Equal(t, n.edges[1].addr, c.Edge())

		n.edges[2].spared(t)
		require.Equal(t, n.edges[2].addr, c.Spare())
	})
}

// A spare connection that ends is replaced, by one to the next edge.
func TestSpareIsReplaced(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.sparing(&diary{}))
		defer c.Close()
		n.edges[1].spared(t).close(wire.CodeShutdown)
		spare := n.edges[2].spared(t)
		require.Equal(t, n.edges[2].addr, c.Spare())
		spare.close(wire.CodeOverloaded)
		n.edges[1].spared(t)
		require.Zero(t, c.Resumes())
	})
}

// A spare connection to an edge that is dead, too, is no detour where silence has told
// so, and costs what noticing that costs where the kernel has told of the first one only.
func TestSpareOfADeadEdge(t *testing.T) {
	for name, end := range map[string]struct {
		end  func(n *network, e *edge)
		most time.Duration
	}{
		"killed": {(*network).kill, time.Second},
		"cut":    {(*network).cut, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 3, func(n *network) {
				t := n.t
				c, _ := n.seated(t, n.sparing(&diary{}))
				defer c.Close()
				n.edges[1].spared(t)
				end.end(n, n.edges[0])
				end.end(n, n.edges[1])
				n.resumed(t, n.edges[2], end.most)
			})
		})
	}
}

// The spare connection goes when the client does.
func TestSpareIsClosed(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.sparing(&diary{}))
		spare := n.edges[1].spared(t)
		require.NoError(t, c.Close())
		require.Equal(t, wire.CodeLeft, spare.closedWith(t))
	})
}

// What an edge with a spare connection says before the hello is not read before it; and
// a goodbye that waited there is like one that comes at once.
func TestSpareEndsWithAGoodbye(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		c, s := n.seated(t, n.sparing(&diary{}))
		defer c.Close()
		spare := n.edges[1].spared(t)
		spare.send(wire.Bye{Reason: wire.CodeShutdown})
		settle()
		s.close(wire.CodeShutdown)
		n.resumed(t, n.edges[2], 100*time.Millisecond)
	})
}

// Nobody who has nowhere to go, or does not want one, has a spare connection.
func TestNoSpare(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, _ := n.seated(t, n.config(&diary{}))
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := n.edges[1].listener.Accept(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	simulate(t, 1, func(n *network) {
		t := n.t
		c, s := n.seated(t, n.sparing(&diary{}))
		defer c.Close()
		time.Sleep(time.Minute)
		require.Empty(t, c.Spare())
		s.close(wire.CodeShutdown)
		n.resumed(t, n.edges[0], 100*time.Millisecond)
	})
}
