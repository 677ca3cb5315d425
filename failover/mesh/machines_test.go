package mesh

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

func TestFindServer(t *testing.T) {
	m := discovery.Mesh{Servers: []discovery.Server{
		{Incarnation: "a1", Name: "a"},
		{Incarnation: "a2", Name: "a", Passing: true},
		{Incarnation: "b1", Name: "b", Passing: true},
		{Incarnation: "b2", Name: "b", Passing: true},
		{Incarnation: "c1", Name: "c"},
		{Incarnation: "d1"},
	}}
	for who, want := range map[string]string{"a1": "a1", "a": "a2", "c": "c1", "b2": "b2", "d1": "d1"} {
		s, err := FindServer(m, who)
		require.NoError(t, err)
		require.Equal(t, want, s.Incarnation)
	}
	for who, want := range map[string]Reason{"b": AmbiguousServer, "x": UnknownServer, "": UnknownServer} {
		_, err := FindServer(m, who)
		require.Equal(t, want, reasonOf(err), "%v", err)
		require.ErrorContains(t, err, "server "+who+": ")
	}
}

func TestLevelNames(t *testing.T) {
	for l := Normal; l <= Severe; l++ {
		text, err := json.Marshal(l)
		require.NoError(t, err)
		var back Level
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, l, back)
	}
	var l Level
	require.ErrorContains(t, json.Unmarshal([]byte(`"awful"`), &l), `"awful" is no level: give [normal light moderate severe]`)
	_, ok := ParseLevel("")
	require.False(t, ok)
}

// TestScoreIsBounded: whatever an edge reports, a critical region comes first, and
// nothing overflows.
func TestScoreIsBounded(t *testing.T) {
	mad := Load{Players: 1 << 62, Kept: 1 << 62, Pressure: true}
	require.Less(t, score(mad, false, 1<<62), uint64(criticality))
	require.Greater(t, score(Load{}, true, 0), score(mad, false, 1<<62))
	require.Zero(t, score(Load{Players: -5, Kept: -5}, false, -1))
	require.Equal(t, uint64(1000), score(Load{Players: 10}, false, 0))
	require.Equal(t, uint64(2007), score(Load{Players: 10, Kept: 7, Pressure: true}, false, 0))
	require.Equal(t, uint64(300), score(Load{}, false, 3500*time.Millisecond))
}

// TestWaitingOvertakes: no region is last for ever.
func TestWaitingOvertakes(t *testing.T) {
	require.Greater(t, score(Load{Players: 1}, false, 11*time.Second), score(Load{Players: 11}, false, 0))
}

func TestDeathsAreBounded(t *testing.T) {
	f := newFailures(time.Minute)
	m := discovery.Mesh{}
	for i := range 3 * maxDeaths {
		m.Servers = []discovery.Server{{Incarnation: "a", Passing: i%2 == 0}}
		f.see(epoch, &m)
	}
	require.Len(t, f.deaths, maxDeaths)
	require.EqualValues(t, 3*maxDeaths/2, f.total)
	count, share := f.within(epoch.Add(59 * time.Second))
	require.Equal(t, maxDeaths, count)
	require.Equal(t, 1.0, share)
	count, _ = f.within(epoch.Add(time.Minute))
	require.Zero(t, count)
}

// TestDeathsCountOnce: failing, then gone, is one death; coming back and dying again
// is two; a drained server that goes is none, even if its drain goes with it.
func TestDeathsCountOnce(t *testing.T) {
	type see map[string]string // server → "up", "failing", "draining"
	f := newFailures(time.Minute)
	for i, step := range []struct {
		see
		deaths uint64
	}{
		{see{"a": "up", "b": "up", "c": "failing"}, 1}, // c was alive a moment ago
		{see{"a": "failing", "b": "up", "c": "failing"}, 2},
		{see{"a": "failing", "b": "up"}, 2},
		{see{"b": "up"}, 2},
		{see{"b": "failing"}, 3},
		{see{"b": "up"}, 3},
		{see{"b": "failing"}, 4},
		{see{"b": "up"}, 4},
		{see{"b": "draining"}, 4},
		{see{}, 4},
	} {
		m := discovery.Mesh{Draining: map[string]discovery.Drain{}}
		for name, state := range step.see {
			if state == "draining" {
				m.Draining[name] = discovery.Drain{}
			}
			m.Servers = append(m.Servers, discovery.Server{Incarnation: name, Passing: state != "failing"})
		}
		f.see(epoch, &m)
		require.Equal(t, step.deaths, f.total, "step %d", i)
	}
}

// TestLook: whoever does not lead sees the same regions, servers and drains.
func TestLook(t *testing.T) {
	c, w, now := bigMesh(t)
	w.draining["0000000000000003"] = discovery.Drain{By: "operator", Since: epoch}
	c.Step(now, LoadSeen{"region-005", Load{Players: 9}})
	for range 20 {
		now = now.Add(500 * time.Millisecond)
		w.sidecars()
		for _, cmd := range c.Step(now, Seen{w.mesh()}) {
			require.NoError(t, w.write(cmd))
		}
	}
	m := w.mesh()
	m.At = now
	c.Step(now, Seen{m})
	judged, looked := c.Status(), Look(c.cfg, m, map[string]Load{"region-005": {Players: 9}})
	require.Equal(t, "region-005", looked.Regions[0].Region)
	require.Equal(t, judged.Regions, looked.Regions)
	require.Equal(t, judged.Servers, looked.Servers)
	require.Equal(t, judged.Drains, looked.Drains)
	require.Len(t, looked.Drains, 1)
	require.True(t, looked.Drains[0].Done)
	require.Equal(t, judged.Coverage, looked.Coverage)
	m.Stale = true
	require.True(t, Look(c.cfg, m, nil).Stale)
	require.Empty(t, Look(DefaultConfig(), discovery.Mesh{}, nil).Regions)
}

func TestWantAndReset(t *testing.T) {
	w := newWorld(1)
	cfg := DefaultConfig()
	cfg.Backups = 1
	c, err := New(cfg)
	require.NoError(t, err)
	for i := range 4 {
		w.server(fmt.Sprintf("s%d", i), map[string]string{"pool": ""})
	}
	now := epoch
	pass := func(n int) {
		for range n {
			now = now.Add(500 * time.Millisecond)
			w.sidecars()
			for _, cmd := range c.Step(now, Seen{w.mesh()}) {
				require.NoError(t, w.write(cmd))
			}
		}
	}
	pass(4)
	require.NoError(t, c.Want("vip", true))
	require.NoError(t, c.Want("arena", false))
	pass(12)
	st := c.Status()
	require.Equal(t, 2, st.Covered)
	require.Equal(t, "vip", st.Regions[0].Region)
	delete(w.servers, "s0")
	delete(w.servers, "s1")
	delete(w.servers, "s2")
	pass(1)
	require.Equal(t, Severe, c.Status().Level, "%+v", c.Status())
	c.Reset(now)
	pass(1)
	require.Equal(t, "normal", w.state.Level)
	require.Zero(t, w.state.RetryAfter)
	for i := range maxRegions {
		err = c.Want(fmt.Sprintf("r%d", i), false)
	}
	require.ErrorContains(t, err, "which is the most there may be")
}

// TestMovesAreBounded: nobody fills memory by asking.
func TestMovesAreBounded(t *testing.T) {
	cfg := DefaultConfig()
	for i := range maxMoves + 1 {
		cfg.Regions = append(cfg.Regions, fmt.Sprintf("r%d", i))
	}
	c, err := New(cfg)
	require.NoError(t, err)
	require.ErrorContains(t, c.Move(epoch, "r1", "s"), "consul does not answer")
	w := newWorld(2)
	w.server("s", map[string]string{"pool": ""})
	c.Step(epoch, Seen{w.mesh()})
	for i := range maxMoves {
		require.NoError(t, c.Move(epoch, fmt.Sprintf("r%d", i), "s"))
	}
	var refused *MoveError
	require.ErrorAs(t, c.Move(epoch, fmt.Sprintf("r%d", maxMoves), "s"), &refused)
	require.Equal(t, TooManyMoves, refused.Reason)
}
