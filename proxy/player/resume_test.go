package player_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

func TestResume(t *testing.T) {
	for name, end := range map[string]func(n *network, s *seat){
		"cut":      func(n *network, _ *seat) { n.cut(n.edges[0]) },
		"restart":  func(n *network, _ *seat) { n.edges[0].restart(n.t) },
		"shutdown": func(_ *network, s *seat) { s.close(wire.CodeShutdown) },
		"bye":      func(_ *network, s *seat) { s.send(wire.Bye{Reason: wire.CodeOverloaded}) },
		"reset":    func(_ *network, s *seat) { s.stream.CancelWrite(quic.StreamErrorCode(wire.CodeDrain)) },
		"hung up":  func(_ *network, s *seat) { must(s.stream.Close()) },
		"torn": func(_ *network, s *seat) {
			_, err := s.stream.Write([]byte{9, byte(wire.TypeUpdate)}) // the beginning of a frame
			must(err)
			must(s.stream.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(n *network) {
				t := n.t
				var d diary
				c, s := n.join(t, n.config(&d), welcome(4, 0, "first"))
				defer c.Close()
				act(t, c, 1, "a", "b", "c", "d", "e")
				s.send(wire.Durable{Epoch: 4, Seq: 2})
				require.Len(t, s.actions(), 5)
				require.Equal(t, []string{"durable 2"}, d.take())

				end(n, s)
				s = n.edges[1].accept(t)
				require.Equal(t, wire.Hello{
					Version: wire.Version, Region: "town", Player: "ann",
					Durable: 2, Tail: 5, Token: []byte("first"),
				}, s.hello)
				act(t, c, 6, "f") // while nobody has welcomed us
				require.Empty(t, s.actions())
				require.Equal(t, []string{"lost"}, d.take())
				s.send(welcome(5, 3, "second"))
				require.Equal(t, []string{"4 d", "5 e", "6 f"}, s.actions())
				require.Equal(t, []string{"resumed", "durable 3"}, d.take())
				act(t, c, 7, "g")
				require.Equal(t, []string{"7 g"}, s.actions())

				s.close(wire.CodeShutdown)
				n.heal()
				require.Equal(t, "second", string(n.edges[0].accept(t).hello.Token))
			})
		})
	}
}

// What is told to be durable may be more than this connection has sent again:
// the edge has it from the one before.
func TestDurableNotSentAgain(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(1, 0, ""))
		defer c.Close()
		act(t, c, 1, "a", "b", "c", "d")
		s.actions()
		s.close(wire.CodeShutdown)
		s = n.edges[0].accept(t)
		s.send(welcome(1, 1, ""), wire.Durable{Epoch: 1, Seq: 3})
		settle()
		require.Equal(t, uint64(3), c.Durable())
		all := s.actions()
		require.Equal(t, "4 d", all[len(all)-1])
	})
}

// The player has an earlier life that used more seqs.
func TestWelcomeAboveTail(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		defer c.Close()
		act(t, c, 1, "a", "b")
		s.close(wire.CodeShutdown)
		s = n.edges[0].accept(t)
		s.send(welcome(1, 10, ""))
		settle()
		require.Equal(t, uint64(10), c.Durable())
		require.Zero(t, c.Kept())
		act(t, c, 11, "c")
		require.Equal(t, []string{"11 c"}, s.actions())
	})
}

func TestWelcomeBelowDurable(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(7, 0, ""))
		act(t, c, 1, "a", "b", "c")
		s.send(wire.Durable{Epoch: 7, Seq: 2})
		settle()
		s.close(wire.CodeShutdown)

		// An edge that follows a deposed primary may know less: that is no loss.
		s = n.edges[1].accept(t)
		s.send(welcome(6, 1, ""))
		require.Equal(t, wire.CodeStaleEpoch, s.closedWith(t))

		s = n.edges[0].accept(t)
		s.send(welcome(8, 1, ""))
		require.Equal(t, wire.CodeLost, s.closedWith(t))
		<-c.Done()
		var bye *player.ByeError
		require.ErrorAs(t, c.Err(), &bye)
		require.Equal(t, wire.CodeLost, bye.Code)
		require.Equal(t, []uint64{2, 2}, []uint64{bye.First, bye.Last})
		require.Empty(t, s.actions())
	})
}

// An edge that takes the connection and says nothing is left for another one.
func TestSilentEdge(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		s := n.edges[0].accept(t)
		start := time.Now()
		require.Equal(t, wire.CodeJoinTimeout, s.closedWith(t))
		require.InDelta(t, 5*time.Second, time.Since(start), float64(time.Second))
		n.edges[1].accept(t).send(welcome(1, 0, ""))
		<-d.done
		require.NoError(t, d.err)
		require.NoError(t, d.client.Close())
	})
}

// Edges that hang up right after the welcome are not hammered.
func TestBounce(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		var bounces atomic.Int64
		for _, e := range n.edges {
			go func() {
				for {
					conn, err := e.listener.Accept(context.Background())
					if err != nil {
						return
					}
					stream, err := conn.AcceptStream(context.Background())
					must(err)
					_, _ = stream.Write(welcome(1, 0, "").Append(nil))
					time.Sleep(20 * time.Millisecond)
					_ = conn.CloseWithError(quic.ApplicationErrorCode(wire.CodeShutdown), "")
					bounces.Add(1)
				}
			}()
		}
		s.close(wire.CodeShutdown)
		time.Sleep(20 * time.Second)
		require.NoError(t, c.Close())
		for _, e := range n.edges {
			require.NoError(t, e.listener.Close())
		}
		settle()
		require.Greater(t, bounces.Load(), int64(10))
		require.Less(t, bounces.Load(), int64(60))
	})
}

func TestNobodyThere(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		n.cut(n.edges[0])
		n.cut(n.edges[1])
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		c, err := player.Dial(ctx, n.config(&diary{}))
		require.Nil(t, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Contains(t, err.Error(), `join region "town"`)
		require.Contains(t, err.Error(), "last attempt: edge 1.0.0.1")
		require.Equal(t, 20*time.Second, time.Since(start))
	})
}

// A certificate that is not trusted will not be trusted the next time.
func TestUntrusted(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		cfg := n.config(&diary{})
		cfg.TLS = &tls.Config{ServerName: "another"}
		start := time.Now()
		_, err := player.Dial(t.Context(), cfg)
		require.ErrorContains(t, err, "certificate")
		require.Less(t, time.Since(start), time.Second)
		settle()
	})
}

func TestConfig(t *testing.T) {
	long := strings.Repeat("n", wire.MaxName+1)
	good := []string{"edge:1"}
	for want, cfg := range map[string]player.Config{
		"Config.Edges is empty":   {Region: "r", Player: "p"},
		`"edge" is not host:port`: {Edges: []string{"edge"}, Region: "r", Player: "p"},
		`Config.Region ""`:        {Edges: good, Player: "p"},
		"Config.Player":           {Edges: good, Region: "r", Player: long},
	} {
		_, err := player.Dial(t.Context(), cfg)
		require.ErrorContains(t, err, want)
	}
}

// A client with a socket of its own, on the real network of this machine.
func TestOwnSocket(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer conn.Close()
	e := &edge{transport: &quic.Transport{Conn: conn}}
	defer e.transport.Close()
	e.listen(t)
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	require.NoError(t, err)

	cfg := player.Config{Edges: []string{"localhost:" + port}, Region: "town", Player: "ann", TLS: trust()}
	d := dial(t.Context(), cfg)
	s := e.accept(t)
	s.send(welcome(1, 0, ""), wire.Hold{Epoch: 1, Reason: wire.CodeSilence}) // nobody handles it
	<-d.done
	require.NoError(t, d.err)
	act(t, d.client, 1, "a")
	require.Equal(t, "a", string((<-s.got).(wire.Act).Payload))
	require.NoError(t, d.client.Close())
	require.Equal(t, wire.CodeLeft, (<-s.got).(wire.Bye).Reason)
	<-d.client.Done()
}

// Whatever happens to connections, each seq stands for one payload, every
// connection brings seqs in order without a gap, and all becomes durable.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, 2, func(n *network) { history(n, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func history(n *network, rnd *rand.Rand) {
	t := n.t
	const total = 400
	var (
		payloads = map[uint64]string{} // of every seq that any edge has seen
		durable  uint64                // what we have said
		upTo     uint64                // what all connections together have brought
	)
	client, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
	acted := make(chan struct{})
	go func() {
		defer close(acted)
		for i := 1; i <= total; i++ {
			seq, err := client.Act(context.Background(), fmt.Append(nil, "p", i))
			must(err)
			if seq != uint64(i) {
				panic(fmt.Sprintf("action %d has seq %d", i, seq))
			}
		}
	}()
	turn := 0
	last := durable // on this connection
	for durable < total {
		for _, line := range s.actions() {
			var seq uint64
			var payload string
			_, err := fmt.Sscanf(line, "%d %s", &seq, &payload)
			require.NoError(t, err)
			require.Equal(t, last+1, seq, "order")
			last = seq
			if payloads[seq] != "" {
				require.Equal(t, payloads[seq], payload, "reuse")
			}
			payloads[seq] = payload
			upTo = max(upTo, seq)
		}
		switch rnd.IntN(3) {
		case 0:
			s.close(wire.CodeShutdown)
			turn++
			s = n.edges[turn%2].accept(t)
			require.Equal(t, durable, s.hello.Durable)
			// The new primary may have more than was ever told.
			durable += rnd.Uint64N(upTo - durable + 1)
			last = durable
			s.send(welcome(1, durable, fmt.Sprint(turn)))
		default:
			durable += rnd.Uint64N(upTo - durable + 1)
			last = max(last, durable)
			s.send(wire.Durable{Epoch: 1, Seq: durable})
			settle() // or the next hello would not tell of it
		}
	}
	<-acted
	settle()
	require.Len(t, payloads, total)
	require.NoError(t, client.Close())
	require.Zero(t, client.Kept())
}
