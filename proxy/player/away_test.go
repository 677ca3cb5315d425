package player_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// degraded is how an edge turns a newcomer away.
func degraded(retry time.Duration) wire.Bye {
	return wire.Bye{Reason: wire.CodeDegraded, RetryMillis: uint64(retry.Milliseconds()), Text: "not now"}
}

// requireAway is the end of a Dial that was turned away.
func requireAway(t *testing.T, err error, code wire.Code, retry time.Duration) {
	t.Helper()
	var bye *player.ByeError
	require.ErrorAs(t, err, &bye)
	require.Equal(t, code.String(), bye.Code.String())
	require.Equal(t, retry, bye.RetryAfter)
}

// requireLeftAlone takes no client at an edge for a while.
func (e *edge) requireLeftAlone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := e.listener.Accept(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded, "asked again")
}

// When every edge turns a newcomer away, Dial says so at once, with the shortest
// wait that one has asked for, and none of them is asked again.
func TestTurnedAwayEverywhere(t *testing.T) {
	simulate(t, 3, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		began := time.Now()
		n.edges[0].accept(t).send(degraded(30 * time.Second))
		n.edges[1].accept(t).send(wire.Bye{Reason: wire.CodeOverloaded, RetryMillis: 4000})
		n.edges[2].accept(t).send(degraded(0))
		<-d.done
		require.Less(t, time.Since(began), time.Second, "virtual time")
		requireAway(t, d.err, wire.CodeOverloaded, 4*time.Second)
		require.ErrorContains(t, d.err, "come back in 4s")
		for _, e := range n.edges {
			e.requireLeftAlone(t)
		}
	})
}

// One edge that takes newcomers is enough, though it is slow to answer: those that
// take none are not asked in its place.
func TestTurnedAwayByOne(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		n.freeze(n.edges[1])
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t).send(degraded(30 * time.Second))
		time.Sleep(500 * time.Millisecond) // virtual: beyond hedge
		n.thaw()
		n.edges[1].accept(t).send(welcome(1, 0, ""))
		<-d.done
		require.NoError(t, d.err)
		n.edges[0].requireLeftAlone(t)
		require.NoError(t, d.client.Close())
	})
}

// An edge that is out of reach, or has another reason, does not keep Dial from
// saying that the others take nobody.
func TestTurnedAwayWhileOthersFail(t *testing.T) {
	for name, fail := range map[string]func(n *network){
		"cut off": func(n *network) { n.cut(n.edges[1]) },
		"busy":    func(n *network) { go func() { _ = n.edges[1].refuse(wire.CodeNotServing) }() },
		"behind": func(n *network) {
			go func() { // a pause, and once more
				_ = n.edges[1].refuse(wire.CodeStaleEpoch)
				_ = n.edges[1].refuse(wire.CodeStaleEpoch)
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, 2, func(n *network) {
				t := n.t
				fail(n)
				d := dial(t.Context(), n.config(&diary{}))
				n.edges[0].accept(t).send(degraded(30 * time.Second))
				<-d.done
				requireAway(t, d.err, wire.CodeDegraded, 30*time.Second)
				n.edges[0].requireLeftAlone(t)
				if name == "behind" {
					_ = n.edges[1].listener.Close()
				}
			})
		})
	}
}

// A refusal is forgotten once another edge has let the player in: he may go there
// when he has to.
func TestTurnedAwayThenWelcomed(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t).send(degraded(30 * time.Second))
		s := n.edges[1].accept(t)
		s.send(welcome(1, 0, "token"))
		<-d.done
		require.NoError(t, d.err)
		defer d.client.Close()
		s.close(wire.CodeShutdown)
		n.edges[0].accept(t).close(wire.CodeShutdown)
		n.edges[1].accept(t).close(wire.CodeShutdown)
		n.edges[0].accept(t).send(welcome(1, 0, ""))
		settle()
		require.EqualValues(t, 1, d.client.Resumes())
	})
}

// What an edge asks for is believed up to a day.
func TestRetryIsBounded(t *testing.T) {
	simulate(t, 1, func(n *network) {
		t := n.t
		d := dial(t.Context(), n.config(&diary{}))
		n.edges[0].accept(t).send(wire.Bye{Reason: wire.CodeDegraded, RetryMillis: 1<<64 - 1})
		<-d.done
		requireAway(t, d.err, wire.CodeDegraded, 24*time.Hour)
	})
}

// Who was in the game comes back, whatever edges say: again and again, with pauses.
func TestTurnedAwayIsNotForResumes(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		c, s := n.join(t, n.config(&diary{}), welcome(1, 0, "token"))
		defer c.Close()
		s.close(wire.CodeShutdown)
		for i := range 6 {
			s := n.edges[(1+i)%2].accept(t)
			require.Equal(t, "token", string(s.hello.Token))
			s.send(degraded(time.Hour))
		}
		n.edges[1].accept(t).send(welcome(1, 0, ""))
		settle()
		require.EqualValues(t, 1, c.Resumes())
		require.NoError(t, c.Err())
	})
}

// A player is told at which level the mesh works, once for each change, on
// whichever edge he is.
func TestLevel(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		var d diary
		c, s := n.join(t, n.config(&d), welcome(1, 0, ""))
		defer c.Close()
		require.Empty(t, d.take())
		level, fidelity := c.Level()
		require.Equal(t, wire.LevelNormal, level)
		require.InDelta(t, 1, fidelity, 0)

		s.send(wire.Normal())
		require.Empty(t, d.take(), "no news")
		s.send(wire.Mode{Level: wire.LevelLight, Fidelity: 750}, wire.Mode{Level: wire.LevelSevere, Fidelity: 250})
		require.Equal(t, []string{"level light 0.75", "level severe 0.25"}, d.take())

		s.close(wire.CodeShutdown)
		s = n.edges[1].accept(t)
		s.send(welcome(1, 0, ""), wire.Mode{Level: wire.LevelSevere, Fidelity: 250})
		require.Equal(t, []string{"lost", "resumed"}, d.take())
		level, fidelity = c.Level()
		require.Equal(t, wire.LevelSevere, level)
		require.InDelta(t, 0.25, fidelity, 0)

		s.send(wire.Normal())
		require.Equal(t, []string{"level normal 1"}, d.take())
	})
}
