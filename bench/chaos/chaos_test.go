package chaos

import (
	"encoding/json"
	"maps"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/discovery"
)

// event is a line of a log as a process would write it.
func event(t *testing.T, from, name string, attrs map[string]any) fleet.Event {
	t.Helper()
	line := map[string]any{"event": name}
	maps.Copy(line, attrs)
	text, err := json.Marshal(line)
	require.NoError(t, err)
	e, ok := fleet.ParseEvent(from, text, time.Unix(1, 0))
	require.True(t, ok)
	return e
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	gated := 0
	for _, c := range Cells() {
		require.False(t, seen[c.Name], "%s is there twice", c.Name)
		seen[c.Name] = true
		for _, s := range c.Steps {
			require.NotEmpty(t, s.Fault.Does, c.Name)
			if s.At != "" {
				require.Contains(t, moments, s.At, "%s: nobody logs that", c.Name)
			}
		}
		if c.Gate != (history.Counts{}) || c.Passed != (Packets{}) {
			gated++
		}
	}
	require.Greater(t, gated, 20, "a run that proves nothing must not pass")
	for name := range faults {
		used := false
		for _, c := range Cells() {
			used = used || c.has(func(f Fault) bool { return f.Name == name })
		}
		require.True(t, used, "no cell has the fault %s", name)
	}
}

func TestFind(t *testing.T) {
	cells, err := Find("kill, edge-freeze")
	require.NoError(t, err)
	require.Equal(t, []string{"kill", "edge-freeze"}, []string{cells[0].Name, cells[1].Name})
	_, err = Find("kill,nothing")
	require.ErrorContains(t, err, `unknown cell "nothing": choose from quiet, kill`)
}

func TestSetupFollowsFaults(t *testing.T) {
	c := Cell{Steps: []Step{{Fault: fault("kill")}}}
	require.True(t, c.setup(1, 100).Strict)
	require.EqualValues(t, 50, c.setup(1, 100).Gate.Rate)
	require.Empty(t, c.allowances())
	c.Steps = append(c.Steps, Step{Fault: fault("edges")}, Step{Fault: fault("poison-hang")})
	s := c.setup(1, 100)
	require.False(t, s.Strict)
	require.True(t, s.Roaming)
	require.True(t, s.Poison)
	require.Len(t, c.allowances(), 3)
}

func TestExploreDependsOnSeedAlone(t *testing.T) {
	names := map[string]bool{}
	for seed := range uint64(500) {
		c := Explore(seed)
		again := Explore(seed)
		require.Equal(t, c.String(), again.String())
		for _, s := range c.Steps {
			require.LessOrEqual(t, s.lasts(), 8*time.Second)
			names[s.Fault.Name] = true
		}
	}
	require.Len(t, names, len(faults), "every fault comes up")
}

func TestCountersOfAllLives(t *testing.T) {
	stats := func(v map[string]any) map[string]any { return map[string]any{"stats": v} }
	events := []fleet.Event{
		event(t, "server-1", "listening", nil),
		event(t, "server-1", "counters", stats(map[string]any{"Repeats": 1})),
		event(t, "server-1", "counters", stats(map[string]any{"Repeats": 3, "Gaps": 1, "Refused": map[string]any{"64": 2, "65": 1, "66": 9}})),
		event(t, "server-1", "listening", nil), // killed, and started again
		event(t, "server-1", "counters", stats(map[string]any{"Repeats": 10})),
		event(t, "edge-1", "listening", nil),
		event(t, "edge-1", "counters", stats(map[string]any{"Stale": 4})),
		event(t, "edge-1", "kept", stats(map[string]any{"Repeats": 100})),
	}
	require.Equal(t, map[string]uint64{"duplicates": 113, "stale": 7, "gaps": 1}, countersOf(events))
}

func TestDumpsAgree(t *testing.T) {
	dump := func(from string, end uint64, primary bool) fleet.Event {
		return event(t, from, "dump", map[string]any{"dump": map[string]any{
			"incarnation": "inc-" + from, "primary": primary, "epoch": 2, "end": end, "commit": end,
			"log":  []any{map[string]any{"i": end, "ep": 2, "p": "ann", "seq": 7, "ch": "18446744073709551615"}},
			"rows": []any{map[string]any{"player": "ann", "have": 7, "applied": 7, "durable": 7}},
		}})
	}
	inSync := []string{"inc-a", "inc-b", "inc-c"}
	dumps := dumpsOf([]fleet.Event{dump("a", 9, true), dump("b", 9, false), dump("c", 9, false)}, inSync)
	require.Len(t, dumps, 3)
	require.True(t, dumps[1].InSync)
	require.False(t, dumps[0].InSync)
	require.EqualValues(t, uint64(1<<64-1), dumps[0].Log[0].Chain, "a hash is not rounded")
	require.True(t, agree(dumps))
	require.False(t, agree(dumps[:2]), "one is missing")
	require.False(t, agree(dumpsOf([]fleet.Event{dump("a", 9, true), dump("b", 8, false), dump("c", 9, false)}, inSync)))
	require.False(t, agree(dumpsOf([]fleet.Event{dump("a", 9, true), dump("b", 9, false), dump("c", 9, false)}, inSync[:2])))
}

func TestWhole(t *testing.T) {
	k := newKnown()
	for _, name := range []string{"a", "b", "c"} {
		k.take(event(t, name, "joined", map[string]any{"incarnation": "inc-" + name}))
	}
	k.take(event(t, "b", "serving", map[string]any{"epoch": 3}))
	k.view = discovery.View{
		Primary: &discovery.Holder{Incarnation: "inc-b", Epoch: 3}, InSync: []string{"inc-a", "inc-b", "inc-c"}, InSyncKnown: true,
	}
	require.True(t, k.whole())
	k.take(event(t, "c", "joined", map[string]any{"incarnation": "inc-c2"}))
	require.False(t, k.whole(), "the new life of c is not in sync yet")
	k.view.InSync[2] = "inc-c2"
	require.True(t, k.whole())
	k.take(event(t, "a", "serving", map[string]any{"epoch": 4}))
	require.False(t, k.whole(), "Consul's word is older")
	k.view.Primary = &discovery.Holder{Incarnation: "inc-a", Epoch: 4}
	require.True(t, k.whole())
	k.view.Stale = true
	require.False(t, k.whole())
}

func TestPortOwners(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer conn.Close()
	if owners := portOwners(map[int]string{os.Getpid(): "me"}); owners != nil {
		require.Equal(t, "me", owners[uint16(conn.LocalAddr().(*net.UDPAddr).Port)])
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	p := Print{To: &out}
	good := Result{Cell: "kill", Seed: 1, Acked: 10, Outcome: history.OK}
	require.True(t, p.Total([]Result{good}))
	bad := Result{Cell: "host", Acked: 5, Lost: 1, Outcome: history.Failed, Problems: []string{"one is lost"}}
	require.False(t, p.Total([]Result{good, bad}))
	require.Contains(t, out.String(), "2 runs: 1 ok, 1 failed, 0 invalid")
	require.False(t, p.Total([]Result{{Outcome: history.Invalid}}))
	require.False(t, p.Total(nil), "nothing proves nothing")
	out.Reset()
	p.Result(bad)
	require.Contains(t, out.String(), "    one is lost\n")
}
