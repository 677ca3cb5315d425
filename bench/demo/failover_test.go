package demo

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// theater is a stage without processes: what they would say is said by say.
type theater struct {
	*stage
	t     *testing.T
	began time.Time
}

func newTheater(t *testing.T, regions ...Region) *theater {
	s := &stage{regions: regions, changed: make(chan struct{}), timeline: &timeline{screen: NewScreen(t.Output())}, known: newKnown(regions)}
	th := &theater{stage: s, t: t, began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, name := range []string{"a", "b", "c", "d"} {
		th.say(name, 0, "joined", map[string]any{"incarnation": "inc-" + name})
	}
	for _, r := range regions {
		members := []string{"inc-a", "inc-b", "inc-c"}
		for i, name := range r.fixed {
			members[i] = "inc-" + name
		}
		s.known.regions[r.Name].view = discovery.View{Epoch: 1, Primary: &discovery.Holder{Incarnation: members[0], Epoch: 1}, InSync: members}
		th.say("a", 0, "insync", map[string]any{"region": r.Name, "members": members})
	}
	s.begin(th.began, false)
	return th
}

func (th *theater) say(from string, after time.Duration, name string, attrs map[string]any) {
	th.t.Helper()
	line := map[string]any{"event": name, "time": th.began.Add(after).Format(time.RFC3339Nano)}
	maps.Copy(line, attrs)
	text, err := json.Marshal(line)
	require.NoError(th.t, err)
	e, ok := fleet.ParseEvent(from, text, th.began)
	require.True(th.t, ok)
	th.take(e)
}

func epoch(region string, n int) map[string]any { return map[string]any{"region": region, "epoch": n} }

// TestSeveralRegionsFail tells of each region when it is served again, and when it
// has its backups again, and of nothing else.
func TestSeveralRegionsFail(t *testing.T) {
	th := newTheater(t, Region{Name: "big", Players: 30, fixed: []string{"a", "b", "c"}},
		Region{Name: "small", Players: 2, Critical: true, fixed: []string{"a", "b", "c"}}, Region{Name: "else", Players: 5, fixed: []string{"b", "c", "d"}})
	now := th.standings()
	require.Equal(t, []string{"a", "b", "c"}, now[0].members)
	require.Equal(t, "b", now[2].leader)
	th.concern(now, []string{"a"})
	th.struck([]*fleet.Server{{Name: "a"}})

	th.say("b", 10*ms, "elected", epoch("big", 2))
	th.say("c", 8*ms, "elected", epoch("small", 2))
	th.say("b", 12*ms, "serving", epoch("big", 2))
	th.say("c", 11*ms, "serving", epoch("small", 2))
	th.say("a", 13*ms, "serving", epoch("big", 1)) // late, and of the epoch before
	th.say("b", 14*ms, "serving", epoch("else", 2))
	th.say("d", 15*ms, "serving", epoch("unheard-of", 2))
	th.say("b", 20*ms, "insync", map[string]any{"region": "big", "members": []string{"inc-b", "inc-c"}})
	th.say("b", 21*ms, "restored", map[string]any{"region": "big"})
	th.say("a", 30*ms, "joined", map[string]any{"incarnation": "inc-a2"})
	th.say("b", 40*ms, "insync", map[string]any{"region": "big", "members": []string{"inc-a2", "inc-b", "inc-c"}})
	th.say("c", 41*ms, "insync", map[string]any{"region": "small", "members": []string{"inc-a2", "inc-b", "inc-c"}})
	th.say("c", 42*ms, "insync", map[string]any{"region": "small", "members": []string{"inc-a2", "inc-b", "inc-c"}})

	at := func(after time.Duration, level string, fidelity float64, controller string) {
		th.see(discovery.Mesh{
			State: discovery.MeshState{Level: level, Fidelity: fidelity, Since: th.began.Add(after)}, Regions: th.known.mesh.Regions,
			Controller: &discovery.Controller{Edge: controller, Incarnation: "inc-" + controller, Since: th.began.Add(50 * ms)},
		})
	}
	at(-time.Second, "normal", 1, "edge-1")
	at(100*ms, "light", 0.75, "edge-2")
	at(100*ms, "light", 0.75, "edge-2")
	at(5000*ms, "normal", 1, "edge-2")

	require.Equal(t, []string{
		"small is served by c          rank 1 of 2: critical, 2 players",
		"big   is served by b          rank 2 of 2: 30 players",
		"else  is served by b now, in epoch 2: nobody has asked for that",
		"big   has all its backups again, with a (2 of 3 regions)",
		"small has all its backups again, with a (3 of 3 regions)",
		"edge-2 is the controller now",
		"degraded level light: fidelity 0.75",
		"degraded level normal: fidelity 1.00",
	}, texts(th.timeline.end()))
	require.Equal(t, 42*ms, th.protectedAfter(th.began))

	moves, levels := th.end()
	require.Len(t, moves, 2)
	small, big := moves[0], moves[1]
	require.Equal(t, Failover{
		Region: "small", Players: 2, Critical: true, Rank: 1, From: "a", To: "c", EpochBefore: 1, EpochAfter: 2, Hot: true,
		Elected: 8 * ms, Serves: 11 * ms, heir: "c",
	}, small)
	require.Equal(t, 2, big.Rank)
	require.False(t, big.Hot, "it was restored from an edge")
	require.Equal(t, []Level{{100 * ms, "light", 0.75}, {5000 * ms, "normal", 1}}, levels)
	th.begin(th.began, false)
	moves, levels = th.end()
	require.Empty(t, moves, "the next round begins anew")
	require.Empty(t, levels)
}

// TestWholeMesh: everybody has to be there, as they live now.
func TestWholeMesh(t *testing.T) {
	th := newTheater(t, Region{Name: "north", fixed: []string{"a", "b", "c"}}, Region{Name: "south"})
	covered := func(region string, without ...string) bool { return th.known.covered(region, 4, without) }
	require.True(t, covered("north"))
	require.True(t, covered("south"))
	th.struck([]*fleet.Server{{Name: "b"}})
	require.False(t, covered("north"))
	require.True(t, covered("north", "b"), "there is nobody else")
	require.False(t, covered("south", "b"), "d could back it")
	require.True(t, covered("south", "b", "d"))
	th.known.regions["south"].view.Stale = true
	require.False(t, covered("south", "b", "d"))
	th.say("d", ms, "insync", map[string]any{"region": "north", "members": []string{"inc-a", "inc-c", "inc-d"}})
	require.False(t, covered("north"), "the registry does not say so yet")
	th.known.regions["north"].view.InSync = []string{"inc-a", "inc-c", "inc-d"}
	require.True(t, covered("north"))
}
