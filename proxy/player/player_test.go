package player_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// act acts with payloads, and requires the seqs from first on.
func act(t *testing.T, c *player.Client, first uint64, payloads ...string) {
	t.Helper()
	for i, p := range payloads {
		seq, err := c.Act(t.Context(), []byte(p))
		require.NoError(t, err)
		require.Equal(t, first+uint64(i), seq)
	}
}

func TestPlay(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var d diary
		dialing := dial(t.Context(), n.config(&d))
		s := n.edges[0].accept(t)
		require.Equal(t, wire.Hello{Version: wire.Version, Region: "town", Player: "ann", Token: []byte{}}, s.hello)
		require.Equal(t, wire.ALPN, s.conn.ConnectionState().TLS.NegotiatedProtocol)

		s.send(wire.Hold{Epoch: 1, Reason: wire.CodeSilence}, wire.Pressure{On: true}, wire.Protection{Epoch: 1})
		require.Equal(t, []string{"hold silence", "pressure true", "protection false"}, d.take())
		time.Sleep(time.Minute) // an edge that holds may take its time
		select {
		case <-dialing.done:
			t.Fatal("not welcomed yet")
		default:
		}
		s.send(wire.Reseated{Epoch: 2, Applied: 7}, welcome(2, 7, "t1"))
		<-dialing.done
		c := dialing.client
		require.NoError(t, dialing.err)
		require.Equal(t, []string{"reseated 2 7", "protection true"}, d.take())
		require.Equal(t, uint64(7), c.Durable())

		act(t, c, 8, "jump", "shout", "run")
		require.Equal(t, []string{"8 jump", "9 shout", "10 run"}, s.actions())
		require.Equal(t, 3, c.Kept())
		s.send(
			wire.Durable{Epoch: 2, Seq: 9}, wire.Durable{Epoch: 2, Seq: 9}, wire.Update{Epoch: 2, Payload: []byte("hi")},
			wire.Refused{Epoch: 2, Seq: 10, Reason: wire.CodeQuarantined, Text: "poison"},
		)
		require.Equal(t, []string{"durable 9", "update hi true", "refused 10 quarantined poison"}, d.take())
		require.Equal(t, uint64(9), c.Durable())
		require.Equal(t, 1, c.Kept())
		first, last := c.Unsaved()
		require.Equal(t, []uint64{10, 10}, []uint64{first, last})

		require.NoError(t, s.conn.SendDatagram(wire.Update{Epoch: 2, Payload: []byte("there")}.Append(nil)))
		require.Equal(t, []string{"update there false"}, d.take())
		require.NoError(t, s.conn.SendDatagram(wire.Update{Epoch: 1, Payload: []byte("ghost")}.Append(nil)))
		require.Empty(t, d.take())
		require.Equal(t, uint64(1), c.Dropped(), "of an epoch that is over")

		require.NoError(t, c.Close())
	})
}

func TestBackPressure(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		defer c.Close()
		for i := range 100 {
			act(t, c, uint64(i+1), "x")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Act(ctx, []byte("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 100, c.Kept())

		acted := make(chan uint64)
		for range 2 {
			go func() {
				seq, err := c.Act(t.Context(), []byte("y"))
				must(err)
				acted <- seq
			}()
		}
		settle()
		s.send(wire.Durable{Epoch: 1, Seq: 1})
		require.Equal(t, uint64(101), <-acted, "what gave up has used no seq")
		settle()
		select {
		case <-acted:
			t.Fatal("there was room for one")
		default:
		}
		s.send(wire.Durable{Epoch: 1, Seq: 101})
		require.Equal(t, uint64(102), <-acted)
		require.Len(t, s.actions(), 102)
	})
}

// What is kept is bounded in bytes, too.
func TestBackPressureOfBytes(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		defer c.Close()
		large := strings.Repeat("x", wire.MaxAction)
		for i := range uint64(16) {
			act(t, c, i+1, large)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Act(ctx, []byte(large))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		s.send(wire.Durable{Epoch: 1, Seq: 1})
		settle()
		act(t, c, 17, large)
	})
}

// An edge that takes less than another is believed.
func TestLimits(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		w := welcome(1, 0, "")
		w.Actions, w.ActionBytes = 2, 10
		c, _ := n.join(t, n.config(&diary{}), w)
		defer c.Close()
		_, err := c.Act(t.Context(), make([]byte, 11))
		require.ErrorIs(t, err, player.ErrTooLarge)
		act(t, c, 1, "0123456789", "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Act(ctx, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestFinalBye(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(1, 0, ""))
		act(t, c, 1, "a", "b", "c")
		s.send(wire.Durable{Epoch: 1, Seq: 1}, wire.Bye{Reason: wire.CodeLost, First: 2, Last: 3})
		<-c.Done()
		var bye *player.ByeError
		require.ErrorAs(t, c.Err(), &bye)
		require.Equal(t, wire.CodeLost, bye.Code)
		require.Contains(t, c.Err().Error(), "lost (actions 2 to 3)")
		first, last := c.Unsaved()
		require.Equal(t, []uint64{2, 3}, []uint64{first, last})
		_, err := c.Act(t.Context(), nil)
		require.ErrorIs(t, err, bye)
		require.Equal(t, []string{"durable 1"}, d.take(), "what came before is told")
		require.NoError(t, c.Close())
	})
}

func TestClose(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(1, 0, ""))
		act(t, c, 1, "a", "b")
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = c.Close()
		}()
		require.Equal(t, []string{"1 a", "2 b", "bye left"}, s.actions(), "what was taken is sent first")
		s.send(wire.Update{Epoch: 1, Payload: []byte("late")})
		settle()
		s.close(wire.CodeLeft)
		<-closed
		<-c.Done()
		require.ErrorIs(t, c.Err(), player.ErrClosed)
		require.Empty(t, d.take(), "no callback any more")
		_, err := c.Act(t.Context(), nil)
		require.ErrorIs(t, err, player.ErrClosed)
		require.NoError(t, c.Close(), "twice does no harm")
	})
}

func TestCloseOfDeafEdge(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		start := time.Now()
		require.NoError(t, c.Close())
		require.Less(t, time.Since(start), time.Second)
		require.Equal(t, wire.CodeLeft, s.closedWith(t))
		<-c.Done()
		require.ErrorIs(t, c.Err(), player.ErrClosed)
	})
}

func TestCloseInCallback(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var c *player.Client
		ready := make(chan struct{})
		cfg := n.config(&diary{})
		cfg.Handler.Update = func([]byte, bool) {
			<-ready
			must(c.Close())
		}
		c, s := n.join(t, cfg, welcome(1, 0, ""))
		close(ready)
		for range 200 { // more than may wait
			s.send(wire.Update{Epoch: 1})
		}
		<-c.Done()
		require.ErrorIs(t, c.Err(), player.ErrClosed)
	})
}

// A callback that takes its time holds up the edge, and costs unreliable
// updates, the oldest first; reliable ones all come.
func TestSlowHandler(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var d diary
		cfg := n.config(&d)
		tell, gate := cfg.Handler.Update, make(chan struct{})
		cfg.Handler.Update = func(payload []byte, reliable bool) {
			<-gate
			tell(payload, reliable)
		}
		c, s := n.join(t, cfg, welcome(1, 0, ""))
		defer c.Close()
		for i := range 100 {
			require.NoError(t, s.conn.SendDatagram(wire.Update{Epoch: 1, Payload: fmt.Append(nil, i)}.Append(nil)))
			settle()
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range 100 {
				payload := append(fmt.Appendf(nil, "%03d", i), make([]byte, wire.MaxUpdate-3)...)
				s.send(wire.Update{Epoch: 1, Payload: payload})
			}
		}()
		settle()
		select {
		case <-sent:
			t.Fatal("6.4 MB were taken")
		default:
		}
		close(gate)
		<-sent
		reliable, unreliable := 0, []string{}
		for _, line := range d.take() {
			if strings.HasSuffix(line, "true") {
				require.Equal(t, fmt.Sprintf("update %03d", reliable), line[:10])
				reliable++
			} else {
				unreliable = append(unreliable, line)
			}
		}
		require.Equal(t, 100, reliable)
		require.Equal(t, "update 0 false", unreliable[0])
		require.Equal(t, "update 36 false", unreliable[1])
		require.Len(t, unreliable, 65)
		require.Equal(t, uint64(35), c.Dropped())
	})
}

// A connection may be over before the handler could be told of it. Lost and Resumed
// take turns all the same.
func TestLostAndResumedTakeTurns(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		cfg := n.config(&d)
		tell, gate := cfg.Handler.Update, make(chan struct{})
		cfg.Handler.Update = func(payload []byte, reliable bool) {
			<-gate
			tell(payload, reliable)
		}
		c, s := n.join(t, cfg, welcome(1, 0, ""))
		defer c.Close()
		const room = 64               // for what waits to be told
		for i := range 1 + room - 1 { // one is being told, and Lost has a place
			s.send(wire.Update{Epoch: 1, Payload: fmt.Append(nil, i)})
		}
		settle()
		s.close(wire.CodeShutdown)
		s = n.edges[1].accept(t)
		s.send(welcome(1, 0, "")) // which the handler is not told: it has no room
		settle()
		n.cut(n.edges[1])
		s = n.edges[0].accept(t)
		s.send(welcome(1, 0, ""))
		settle()
		close(gate)
		lines := d.take()
		require.Len(t, lines, room+2)
		require.Equal(t, []string{"lost", "resumed"}, lines[room:])
		require.EqualValues(t, 1, c.Resumes())
	})
}
