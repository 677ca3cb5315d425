package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// newVisited is a theater with a page: servers a to d, one region on a, b and c.
func newVisited(t *testing.T) *theater {
	th := newTheater(t, Region{Name: "north", Players: 5}, Region{Name: "south", Players: 3})
	th.cfg.Page, th.cfg.Screen = true, th.timeline.screen
	for _, name := range []string{"a", "b", "c", "d"} {
		th.servers = append(th.servers, &fleet.Server{Name: name})
	}
	th.calm = th.standings()
	return th
}

// TestVisit: what people do until the mesh is as before is one round.
func TestVisit(t *testing.T) {
	th := newVisited(t)
	at := func(d time.Duration) time.Time { return th.began.Add(d) }
	simulated := func(after time.Duration, kind, server string, lasts time.Duration) {
		th.say("edge", after, "simulated", map[string]any{"kind": kind, "server": server, "duration": lasts})
	}
	th.say("edge", 0, "drain", map[string]any{"server": "a", "undo": true})
	th.say("a", 0, "game_down", map[string]any{"reason": "game_hang"})
	simulated(0, "kill", "nobody", 0)
	simulated(0, "tickle", "a", 0)
	require.Nil(t, th.visit, "nobody did anything")

	simulated(10*ms, "kill", "a", 0)
	th.happen(deed{kind: "kill", server: "a", at: at(12 * ms), ended: true})
	th.say("b", 20*ms, "serving", epoch("north", 2))
	simulated(30*ms, "freeze", "b", 2*time.Second)
	v := th.visit
	require.Equal(t, "kill", v.Fault)
	require.False(t, v.Planned)
	require.Equal(t, at(10*ms), v.At)
	require.Equal(t, []string{"a", "b"}, v.Servers)
	require.Equal(t, []string{"a"}, v.gone)
	require.Equal(t, at(30*ms+2*time.Second+settled), v.until)
	require.Empty(t, th.known.lives["a"])
	require.NotEmpty(t, th.known.lives["b"], "it comes back by itself")
	require.Equal(t, []string{
		"a is killed", "led until now: north and south, with 8 players", "a has ended, game and sidecar",
		"north is served by b          rank 1 of 2: 5 players", "b is frozen for a while", "led no region",
	}, texts(th.timeline.soFar()))

	for _, name := range []string{"b", "c"} {
		th.happen(deed{kind: "kill", server: name, at: at(time.Second), ended: true})
	}
	require.Contains(t, texts(th.timeline.soFar()),
		"everybody who had the state of north and south is gone: only a person may let others take over (reseat force-takeover)")
	require.Equal(t, []string{"north", "south"}, th.orphans())
}

// TestDrainsOnly: a visit is planned as long as nobody does worse than drain.
func TestDrainsOnly(t *testing.T) {
	th := newVisited(t)
	th.say("edge", ms, "drain", map[string]any{"server": "a", "undo": false})
	require.True(t, th.visit.Planned)
	th.say("edge", 2*ms, "simulated", map[string]any{"server": "b", "kind": "cut", "duration": time.Second})
	require.False(t, th.visit.Planned)
}

// TestPlayersPlayOn: they do when all regions do, and not by what they heard before.
func TestPlayersPlayOn(t *testing.T) {
	th := newVisited(t)
	th.happen(deed{kind: "kill", server: "a", at: th.began})
	v := th.visit
	v.d = &demo{stage: th.stage, cfg: Config{Players: 8}}
	back := func(north, south time.Duration) bool {
		comeback := func(n int, at time.Duration) bots.Comeback {
			return bots.Comeback{Players: n, Back: n, BackAt: th.began.Add(at).UnixNano()}
		}
		v.players(bots.Progress{Players: 8, Regions: map[string]bots.Comeback{"north": comeback(5, north), "south": comeback(3, south)}})
		return v.back
	}
	require.False(t, back(20*ms, -ms))
	require.True(t, back(20*ms, 30*ms))
	require.Equal(t, 30*ms, v.Back)
}

// TestAlone: a region that people have left a single server has no output commit
// for a while.
func TestAlone(t *testing.T) {
	th := newVisited(t)
	th.greet()
	require.Empty(t, th.alone())
	th.say("a", ms, "insync", map[string]any{"region": "south", "members": []string{"inc-a"}})
	require.Equal(t, []string{"south"}, th.alone())
}

// TestRemember: how all stood is known from before the visit.
func TestRemember(t *testing.T) {
	th := newVisited(t)
	th.calm = nil
	th.remember()
	require.Nil(t, th.calm, "no game is known to run: it is not whole")
	for _, s := range th.servers {
		th.say(s.Name, 0, "game_started", map[string]any{"pid": 7})
	}
	th.remember()
	require.Equal(t, "a", th.calm[0].leader)
	th.happen(deed{kind: "kill", server: "a", at: th.began})
	th.known.regions["north"].view.Primary = &discovery.Holder{Incarnation: "inc-b"}
	th.remember()
	require.Equal(t, "a", th.calm[0].leader)
}
