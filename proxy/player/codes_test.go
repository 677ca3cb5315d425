package player_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// verdicts is the table of codes in DESIGN.md.
func verdicts(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.ReadFile("DESIGN.md")
	require.NoError(t, err)
	_, rows, _ := strings.Cut(string(file), "| code | verdict | why |")
	table := map[string]string{}
	for line := range strings.Lines(rows) {
		if cells := strings.Split(line, " | "); len(cells) == 3 {
			table[strings.TrimPrefix(cells[0], "| ")] = cells[1]
		}
	}
	require.Len(t, table, len(wire.Codes()))
	return table
}

// fast is more than a client takes to go to another edge at once, and less than
// the shortest pause.
const fast = 24 * time.Millisecond

// What follows a bye or a close code, before the welcome and after it, is what
// the table says.
func TestCodes(t *testing.T) {
	table := verdicts(t)
	table[wire.Code(99).String()] = "end" // of a newer edge
	for _, code := range append(wire.Codes(), 99) {
		verdict := table[code.String()]
		require.Contains(t, []string{"next", "later", "other", "prove", "once", "away", "end"}, verdict, "%v", code)
		refuse := func(t *testing.T, s *seat) {
			t.Helper()
			if code%2 == 0 {
				s.send(wire.Bye{Reason: code, First: 3, Last: 5, Text: "so it is"})
				s.closedWith(t)
			} else {
				s.close(code)
			}
		}
		requireOver := func(t *testing.T, err error) {
			t.Helper()
			var bye *player.ByeError
			require.ErrorAs(t, err, &bye)
			require.Equal(t, code.String(), bye.Code.String())
			if code%2 == 0 {
				require.Equal(t, player.ByeError{Code: code, First: 3, Last: 5, Text: "so it is"}, *bye)
			}
		}
		t.Run(code.String()+" before", func(t *testing.T) {
			simulate(t, 2, func(n *network) {
				t := n.t
				d := dial(t.Context(), n.config(&diary{}))
				refuse(t, n.edges[0].accept(t))
				if verdict == "end" || verdict == "prove" {
					<-d.done
					requireOver(t, d.err)
					return
				}
				requireNext(t, n.edges[1], verdict).send(welcome(1, 0, ""))
				<-d.done
				require.NoError(t, d.err)
				require.NoError(t, d.client.Close())
			})
		})
		t.Run(code.String()+" after", func(t *testing.T) {
			simulate(t, 2, func(n *network) {
				t := n.t
				c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
				defer c.Close()
				refuse(t, s)
				if verdict == "end" {
					<-c.Done()
					requireOver(t, c.Err())
					return
				}
				requireNext(t, n.edges[1], verdict).send(welcome(1, 0, ""))
				settle()
				require.EqualValues(t, 1, c.Resumes())
			})
		})
	}
}

// requireNext takes the client at the next edge, after a pause if there should be one.
func requireNext(t *testing.T, e *edge, verdict string) *seat {
	t.Helper()
	start := time.Now()
	s := e.accept(t)
	if verdict == "next" || verdict == "other" || verdict == "away" {
		require.Less(t, time.Since(start), fast, "at once")
	} else {
		require.Greater(t, time.Since(start), fast, "after a pause")
		require.Less(t, time.Since(start), 100*time.Millisecond)
	}
	return s
}

// What every edge says is the end before the first welcome, and not after it.
func TestOtherEverywhere(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t).close(wire.CodeUnknownName)
		n.edges[1].accept(t).close(wire.CodeUnknownName)
		<-d.done
		require.ErrorContains(t, d.err, "unknown_name")
	})
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		defer c.Close()
		s.close(wire.CodeShutdown)
		for i := range 6 {
			n.edges[(1+i)%2].accept(t).close(wire.CodeUnknownName)
		}
		n.edges[1].accept(t).send(welcome(1, 0, ""))
		settle()
		require.EqualValues(t, 1, c.Resumes())
	})
}

// A client that is doubted asks on for as long as an edge may hold a connection
// of it that broke.
func TestDoubtIsBounded(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, "old"))
		s.close(wire.CodeShutdown)
		start := time.Now()
		var asked atomic.Int64
		for _, e := range n.edges {
			go func() {
				for e.refuse(wire.CodeNotYours) == nil {
					asked.Add(1)
				}
			}()
		}
		<-c.Done()
		require.ErrorContains(t, c.Err(), "not_yours")
		require.InDelta(t, 32*time.Second, time.Since(start), float64(3*time.Second))
		require.InDelta(t, 22, asked.Load(), 12)
		for _, e := range n.edges {
			require.NoError(t, e.listener.Close())
		}
	})
}

// A client whose first hello was swallowed by an edge is not a stranger there.
func TestDoubtAfterABrokenHello(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t)
		settle()
		n.cut(n.edges[0])
		time.Sleep(6 * time.Second)
		n.heal()
		n.edges[0].accept(t).close(wire.CodeNotYours)
		n.edges[0].accept(t).send(welcome(1, 0, ""))
		<-d.done
		require.NoError(t, d.err)
		require.NoError(t, d.client.Close())
	})
}

// Two sessions of one player do not evict each other for ever; but a ghost of our
// own may do it once.
func TestReplaced(t *testing.T) {
	for between, final := range map[time.Duration]bool{time.Second: true, 2 * time.Minute: false} {
		simulate(t, 2, func(n *network) {
			t := n.t
			c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
			defer c.Close()
			s.close(wire.CodeReplaced)
			s = n.edges[1].accept(t)
			s.send(welcome(1, 0, ""))
			time.Sleep(between)
			s.close(wire.CodeReplaced)
			if final {
				<-c.Done()
				require.ErrorContains(t, c.Err(), "replaced")
			} else {
				n.edges[0].accept(t)
			}
		})
	}
}

// An edge stops reading before it says why. Who acts meanwhile still hears it.
func TestByeOfAnEdgeThatStoppedReading(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, ""))
		s.stream.CancelRead(0)
		settle()
		act(t, c, 1, "a")
		settle()
		s.send(wire.Bye{Reason: wire.CodeLost})
		<-c.Done()
		require.ErrorContains(t, c.Err(), "bye: lost")
	})
}

// An action that grew old comes back, under the same seq.
func TestExpiredComesBack(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(1, 0, ""))
		defer c.Close()
		act(t, c, 1, "a", "b")
		s.send(wire.Hold{Epoch: 1, Reason: wire.CodeNoLock}, wire.Bye{Reason: wire.CodeExpired, First: 1, Last: 2})
		s = n.edges[0].accept(t)
		require.Equal(t, uint64(2), s.hello.Tail)
		require.Equal(t, []string{"hold no_lock", "lost"}, d.take())
		var bye *player.ByeError
		require.ErrorAs(t, d.errs[0], &bye)
		require.Equal(t, []uint64{1, 2}, []uint64{bye.First, bye.Last})
		s.send(welcome(2, 0, ""))
		require.Equal(t, []string{"1 a", "2 b"}, s.actions())
	})
}
