package admin

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
)

func TestStatus(t *testing.T) {
	r := newRig(t)
	r.server.view.edges = []discovery.EdgeServer{
		{Name: "edge-2", Incarnation: "e2", Address: "h:2"},
		{Name: "edge-1", Incarnation: "e1", Address: "h:1", Admin: "http://127.0.0.1:7700", Passing: true},
	}
	s := get[Status](r, "/mesh/status")
	require.WithinDuration(t, time.Now(), s.At, time.Minute)
	require.False(t, s.Stale)
	require.Equal(t, &ControllerStatus{Edge: "edge-1", Incarnation: "e1", Admin: "http://127.0.0.1:7700", Since: start, Here: true}, s.Controller)
	require.Equal(t, LevelStatus{Name: "light", Fidelity: 0.75, Since: start, Failures: 3, ServersFailed: 1.0 / 3}, s.Level)
	require.Equal(t, CoverageStatus{Regions: 2, Covered: 1, Percent: 50, Unprotected: []string{"plaza"}}, s.Coverage)

	require.Equal(t, []ServerStatus{
		{Name: "one", Incarnation: "a1", Address: "10.0.0.1:1", Zone: "z1", Host: "h1", Passing: true, PrimaryOf: []string{"arena"}, BackupOf: []string{}},
		{Name: "three", Incarnation: "c1", Address: "10.0.0.3:1", Host: "h3", Passing: true, Draining: true, Drained: true, Pool: true, PrimaryOf: []string{"plaza"}, BackupOf: []string{"arena"}},
		{Name: "two", Incarnation: "b1", Address: "10.0.0.2:1", Host: "h2", Pool: true, PrimaryOf: []string{}, BackupOf: []string{"plaza"}},
	}, s.Servers)

	arena := s.Regions[0]
	require.Equal(t, RegionStatus{
		Name: "arena", Epoch: 4, State: Serving, Primary: &PrimaryRef{"one", "a1"}, InSync: []string{"one", "three"}, InSyncKnown: true,
		Seats: []string{"three"}, Protected: true, Players: 8, Kept: 2, Score: 500, Rank: 2, Since: start,
		Departures: 6, Arrivals: 5, Arriving: 1,
	}, arena)
	plaza := s.Regions[1]
	require.Equal(t, Restoring, plaza.State, "three is elected in epoch 2, and the edge has followed epoch 1 only")
	require.Equal(t, []string{"gone", "three", "two"}, plaza.InSync)
	require.Equal(t, "three", plaza.Lead)
	require.True(t, plaza.Critical)
	require.Equal(t, 1, plaza.Rank)

	require.Equal(t, []EdgeStatus{
		{Name: "edge-1", Incarnation: "e1", Address: "h:1", Admin: "http://127.0.0.1:7700", Passing: true, Here: true},
		{Name: "edge-2", Incarnation: "e2", Address: "h:2"},
	}, s.Edges)
	require.Empty(t, s.Failovers)
	require.True(t, s.TestEndpoints)
	require.Equal(t, []AlertStatus{{Severity: "warning", Message: "it is alone", Region: "plaza", Since: start}}, s.Alerts)
}

// Before Consul has said anything there is a status all the same, and no list in it
// is null.
func TestStatusOfNothing(t *testing.T) {
	r := newRig(t)
	r.server.view = newView()
	r.ctl.status, r.ctl.leads = mesh.Status{}, false
	r.edge.status.Regions = nil
	s := get[Status](r, "/mesh/status")
	require.True(t, s.Stale)
	require.Nil(t, s.Controller)
	require.Equal(t, "normal", s.Level.Name)
	require.InDelta(t, 1, s.Level.Fidelity, 0)
	require.InDelta(t, 100, s.Coverage.Percent, 0, "nothing lacks")
}

func TestStateOf(t *testing.T) {
	held := func(epoch uint64) *discovery.Holder { return &discovery.Holder{Incarnation: "a", Epoch: epoch} }
	here := func(phase failover.Phase, epoch uint64) *proxy.RegionStatus {
		return &proxy.RegionStatus{Phase: phase, Epoch: epoch}
	}
	for _, tt := range []struct {
		name string
		lock *discovery.Holder
		here *proxy.RegionStatus
		want State
	}{
		{"served", held(3), here(failover.Serving, 3), Serving},
		{"served, and Consul is behind", nil, here(failover.Serving, 3), Serving},
		{"lost, and still holds the lock", held(3), here(failover.Holding, 3), Vacant},
		{"lost, the lock is free", nil, here(failover.Holding, 3), Vacant},
		{"elected", held(4), here(failover.Holding, 3), Restoring},
		{"of other edges", held(3), nil, Serving},
		{"of other edges, free", nil, nil, Vacant},
	} {
		require.Equal(t, tt.want, stateOf(discovery.View{Primary: tt.lock}, tt.here), tt.name)
	}
}

// The time of a state begins when it does, not when somebody looks.
func TestSinceOfOtherRegions(t *testing.T) {
	v := newView()
	require.Equal(t, start, v.since("arena", Vacant, start))
	require.Equal(t, start, v.since("arena", Vacant, start.Add(time.Minute)))
	require.Equal(t, start.Add(time.Hour), v.since("arena", Serving, start.Add(time.Hour)))
}

// Servers are called by their names after they are gone, of some thousand.
func TestNamesAreRemembered(t *testing.T) {
	v := newView()
	v.see(aMesh())
	v.see(discovery.Mesh{})
	require.Equal(t, "one", v.name("a1"))
	require.Equal(t, "never", v.name("never"))
	for range maxNames {
		v.see(discovery.Mesh{Servers: []discovery.Server{{Incarnation: discovery.NewIncarnation(), Name: "other"}}})
	}
	require.Equal(t, "a1", v.name("a1"))
	require.Len(t, v.names, maxNames)
	require.Len(t, v.order, maxNames)
}

func TestFailoversAreShown(t *testing.T) {
	r := newRig(t)
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	r.edge.failovers = []proxy.Failover{{
		ID: 9, Region: "plaza", From: "b1", To: "c1", EpochBefore: 1, Epoch: 2, Reason: failover.ReasonRefused, Started: start,
		Stages:  []proxy.Stage{{Kind: proxy.EventHeld, At: start}, {Kind: proxy.EventElected, At: ms(40)}, {Kind: proxy.EventSwitch, At: ms(42)}},
		Players: 20, Actions: 31, Trace: "4bf92f3577b34da6a3ce929d0e0e4736",
	}}
	r.server.view.ranked(9, 1)
	require.Equal(t, []FailoverStatus{{
		ID: 9, Region: "plaza", From: "two", To: "three", EpochBefore: 1, Epoch: 2, Reason: "refused", Started: start,
		Stages: []StageStatus{{"held", 0}, {"elected", 40}, {"switched", 42}}, Players: 20, Actions: 31, Rank: 1, Trace: "4bf92f3577b34da6a3ce929d0e0e4736",
	}}, get[Status](r, "/mesh/status").Failovers)
}

// The other edges know nothing of alerts but their own.
func TestAlertsElsewhere(t *testing.T) {
	r := newRig(t)
	r.ctl.leads, r.ctl.status.Alerts = false, nil
	require.Empty(t, get[Status](r, "/mesh/status").Alerts)
	m := aMesh()
	m.Stale, m.Since = true, start
	r.server.view.see(m)
	s := get[Status](r, "/mesh/status")
	require.True(t, s.Stale)
	require.Len(t, s.Alerts, 1)
	require.Equal(t, "critical", s.Alerts[0].Severity)
	require.Equal(t, start, s.Alerts[0].Since)
}

func TestReplication(t *testing.T) {
	r := newRig(t)
	require.Equal(t, Replication{
		Region: "plaza", Epoch: 2, State: Restoring, Primary: "three", InSyncKnown: true, Wanted: 3, InSync: 2, Missing: 1, Lead: "three",
		Replicas: []Replica{
			{Server: "gone", Incarnation: "gone", Role: RoleGone, InSync: true},
			{Server: "three", Incarnation: "c1", Role: RolePrimary, InSync: true, Seated: true, Passing: true, Draining: true, Host: "h3"},
			{Server: "two", Incarnation: "b1", Role: RoleBackup, InSync: true, Seated: true, Host: "h2"},
		},
	}, get[Replication](r, "/mesh/replication/plaza"))
	arena := get[Replication](r, "/mesh/replication/arena")
	require.True(t, arena.Covered)
	require.Equal(t, Replica{Server: "two", Incarnation: "b1", Role: RoleJoining, Host: "h2"}, arena.Replicas[2])
}

func TestSumUp(t *testing.T) {
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	var all []proxy.Failover
	for i := 1; i <= 100; i++ {
		f := proxy.Failover{Region: "arena", Reason: failover.ReasonGameExit, Started: start, Actions: 2, Done: true, Stages: []proxy.Stage{
			{Kind: proxy.EventHeld, At: start},
			{Kind: proxy.EventElected, At: ms(1)}, // the first one dies of it
			{Kind: proxy.EventElected, At: ms(i)},
			{Kind: proxy.EventSwitch, At: ms(2 * i)},
		}}
		if i > 98 {
			f.Region, f.Reason, f.Done = "plaza", failover.ReasonSilence, false
		} else {
			f.Stages = append(f.Stages, proxy.Stage{Kind: proxy.EventDurable, At: ms(3 * i)})
		}
		all = append(all, f)
	}
	r := newRig(t)
	r.edge.failovers = all
	m := get[FailoverMetrics](r, "/mesh/failover_metrics")
	require.Equal(t, start, m.Since)
	require.Equal(t, []int{100, 98, 200}, []int{m.Failovers, m.Done, m.Actions})
	require.Equal(t, map[string]int{"game_exit": 98, "silence": 2}, m.ByReason)
	require.Equal(t, map[string]int{"arena": 98, "plaza": 2}, m.ByRegion)
	require.Equal(t, []StageDuration{
		{"held", Figures{100, 0, 0, 0}},
		{"elected", Figures{100, 50, 99, 100}},
		{"serving", Figures{}},
		{"switched", Figures{100, 100, 198, 200}},
		{"resent", Figures{}},
		{"durable", Figures{98, 147, 294, 294}},
	}, m.Stages)
	require.Equal(t, Figures{98, 147, 294, 294}, m.Stall)

	r.edge.failovers = nil
	none := get[FailoverMetrics](r, "/mesh/failover_metrics")
	require.Zero(t, none.Failovers)
	require.Equal(t, none.At, none.Since)
}

func TestHealth(t *testing.T) {
	r := newRig(t)
	text := func(path string, code int) string {
		w := r.do(request(http.MethodGet, path, ""))
		require.Equal(t, code, w.Code, w.Body)
		return w.Body.String()
	}
	require.Equal(t, "ok\n", text("/livez", 200))
	require.Equal(t, "ok\n", text("/readyz", 200))
	verbose := text("/readyz?verbose", 200)
	require.Contains(t, verbose, "[+] players: listens on 127.0.0.1:7777\n[+] consul: answers\n[+] region arena: serving\n[!] region plaza: restoring for ")

	stale := aMesh()
	stale.Stale, stale.Since = true, time.Now().Add(-10*time.Second)
	r.server.view.see(stale)
	require.Contains(t, text("/readyz?verbose", 200), "[!] consul: has not answered for 10s", "play goes on without Consul")

	r.edge.status.Draining = true
	require.Equal(t, "not ready: players\n", text("/readyz", 503))
	require.Contains(t, text("/readyz?verbose", 503), "[-] players: the edge stops\n")
	r.edge.status.Draining, r.edge.status.Address = false, ""
	require.Contains(t, text("/readyz?verbose", 503), "does not listen yet")

	r.edge.status.Address = "a:1"
	r.server.view = newView()
	require.Equal(t, "not ready: consul\n", text("/readyz", 503))
}
