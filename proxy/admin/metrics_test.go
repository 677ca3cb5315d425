package admin

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// fakeSidecar is primary of the arena and copies the plaza.
type fakeSidecar struct{ status sidecar.Status }

func newFakeSidecar() *fakeSidecar {
	return &fakeSidecar{sidecar.Status{
		Name: "one", Incarnation: "a1", Address: "10.0.0.1:1", Game: true, Lease: 1500 * time.Millisecond,
		Regions: []sidecar.RegionStatus{
			{
				Name: "arena", Role: sidecar.RolePrimary, Epoch: 4, End: 30, Commit: 28, Records: 10, LogBytes: 640, Leased: true,
				Protected: true, Players: 8, Backups: 2, Lag: 2, Owed: 20 * time.Millisecond, Held: 77,
			},
			{Name: "plaza", Role: sidecar.RoleCopying, Epoch: 2},
		},
	}}
}

func (f *fakeSidecar) Status() sidecar.Status { return f.status }

func (f *fakeSidecar) Stats() sidecar.Snapshot {
	return sidecar.Snapshot{
		Actions: 100, Repeats: 2, Gaps: 1, Shipped: 40, ShippedBytes: 4000, Claims: 3, ClaimsLost: 1, Departures: 6, Arrivals: 5,
		Reported: 1, Heard: 2, Destroyed: 1, Games: 2, Incarnations: 1,
		Deaths: map[wire.Code]uint64{wire.CodeGameExit: 1}, Refused: map[wire.Code]uint64{wire.CodeStaleEpoch: 7},
	}
}

func newSidecarServer(t *testing.T, change ...func(*SidecarConfig)) (*SidecarServer, *fakeSidecar) {
	t.Helper()
	fake := newFakeSidecar()
	cfg := SidecarConfig{
		Sidecar: fake, Source: make(source, 1),
		Consul: func() discovery.Stats { return discovery.Stats{Calls: 5, Errors: map[string]uint64{"timeout": 1}} },
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := NewSidecar(cfg)
	require.NoError(t, err)
	return s, fake
}

// busy is an edge of which everything that there can be has happened.
func busy(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.edge.failovers = []proxy.Failover{{ID: 1, Started: start, Trace: "4bf92f3577b34da6a3ce929d0e0e4736"}}
	r.server.tellSeen(proxy.Event{Kind: proxy.EventHeld, Region: "arena", Reason: failover.ReasonSilence, Failover: 1, At: start})
	r.server.tellSeen(proxy.Event{Kind: proxy.EventSwitch, Region: "arena", Failover: 1, At: start.Add(40e6)})
	r.do(request("GET", "/nothing", ""))
	return r
}

// ourLabels are all that may be labels: their values are names of regions, and words
// of lists that do not grow.
var ourLabels = []string{
	"region", "code", "kind", "level", "state", "severity", "reason", "detector", "stage", "path", "class", "outcome",
	"bound", "why", "role", "whose",
}

// The names and units of all metrics are as Prometheus wants them, and ours have
// our prefix.
func TestMetricsAreLinted(t *testing.T) {
	side, _ := newSidecarServer(t)
	for name, reg := range map[string]registry{"edge": busy(t).server.metrics.registry, "sidecar": side.metrics} {
		problems, err := testutil.GatherAndLint(reg)
		require.NoError(t, err)
		require.Empty(t, problems, name)
		families, err := reg.Gather()
		require.NoError(t, err)
		bare := map[string]bool{} // in the OpenMetrics format, counters have no suffix
		for _, f := range families {
			require.Regexp(t, `^(reseat|go|process)_`, f.GetName())
			require.NotEmpty(t, f.GetHelp())
			if !strings.HasPrefix(f.GetName(), "reseat_") {
				continue
			}
			base := f.GetName()
			if f.GetType() == dto.MetricType_COUNTER {
				base = strings.TrimSuffix(base, "_total")
			}
			require.False(t, bare[base], "two metrics are %s", base)
			bare[base] = true
			for _, m := range f.GetMetric() {
				for _, label := range m.GetLabel() {
					require.Contains(t, ourLabels, label.GetName(), f.GetName())
				}
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	r := busy(t)
	w := r.do(request("GET", "/metrics", ""))
	require.Equal(t, 200, w.Code)
	for _, line := range []string{
		`reseat_edge_players 3`,
		`reseat_edge_sessions_total 7`,
		`reseat_edge_refused_total{code="overloaded"} 4`,
		`reseat_edge_joins_refused_total{code="overloaded"} 3`,
		`reseat_edge_ended_total{code="left"} 5`,
		`reseat_region_players{region="arena"} 3`,
		`reseat_region_waiting_players{region="arena"} 2`,
		`reseat_region_kept_actions{region="arena"} 9`,
		`reseat_region_pushed_back_total{bound="bytes",region="arena"} 8`,
		`reseat_region_not_taken_total{region="arena",why="repeat"} 3`,
		`reseat_region_departures_total{region="arena"} 6`,
		`reseat_region_arrivals_total{region="arena"} 5`,
		`reseat_region_arriving_players{region="arena"} 1`,
		`reseat_region_stranded_total{region="arena"} 4`,
		`reseat_region_durable_seconds_bucket{region="arena",le="0.0005"} 0`,
		`reseat_region_durable_seconds_bucket{region="arena",le="0.001"} 1`,
		`reseat_region_durable_seconds_bucket{region="arena",le="0.0025"} 2`,
		`reseat_region_durable_seconds_sum{region="arena"} 0.003`,
		`reseat_region_stall_seconds_bucket{region="arena",le="10"} 0`,
		`reseat_region_stall_seconds_bucket{region="arena",le="+Inf"} 1`,
		`reseat_region_stall_seconds_count{region="arena"} 1`,
		`reseat_region_serving{region="plaza"} 0`,
		`reseat_region_protected{region="arena"} 1`,
		`reseat_region_thinned_total{region="arena"} 6`,
		`reseat_region_rank{region="plaza"} 1`,
		`reseat_region_score{region="plaza"} 900`,
		`reseat_region_in_sync{region="plaza"} 3`,
		`reseat_mesh_coverage_ratio 0.5`,
		`reseat_mesh_unprotected_regions 1`,
		`reseat_mesh_fidelity_ratio 0.75`,
		`reseat_mesh_level{level="light"} 1`,
		`reseat_mesh_level{level="normal"} 0`,
		`reseat_mesh_servers{state="failing"} 1`,
		`reseat_mesh_alerts{severity="warning"} 1`,
		`reseat_mesh_controller 1`,
		`reseat_mesh_stale 0`,
		`reseat_consul_stale_seconds 0`,
		`reseat_consul_calls_total 5`,
		`reseat_consul_errors_total{kind="timeout"} 1`,
		`reseat_controller_terms_total 2`,
		`reseat_controller_writes_total{outcome="done"} 8`,
		`reseat_controller_moves_total{outcome="done"} 3`,
		`reseat_failovers_total{detector="link",reason="silence",region="arena"} 2`,
		`reseat_failovers_total{detector="game",reason="game_exit",region="plaza"} 0`,
		`reseat_edge_ended_total{code="expired"} 0`,
		`reseat_edge_joins_refused_total{code="degraded"} 0`,
		`reseat_failover_stage_seconds_bucket{stage="switched",le="0.05"} 1`,
		`reseat_failover_stage_seconds_bucket{stage="switched",le="0.025"} 0`,
		`reseat_admin_requests_total{class="4xx",path="other"} 1`,
		`reseat_admin_subscribers 0`,
	} {
		require.Regexp(t, "(?m)^"+regexp.QuoteMeta(line)+"$", w.Body.String())
	}
	require.NotContains(t, w.Body.String(), "4bf92f35", "exemplars are for those who ask for OpenMetrics")

	w = r.do(request("GET", "/metrics", "", "Accept", "application/openmetrics-text; version=1.0.0"))
	require.Contains(t, w.Header().Get("Content-Type"), "application/openmetrics-text")
	require.Contains(t, w.Body.String(),
		`reseat_failover_stage_seconds_bucket{stage="switched",le="0.05"} 1 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 0.04`)
	require.True(t, strings.HasSuffix(w.Body.String(), "# EOF\n"))
}

// A trace that cannot be an exemplar costs the exemplar, and not the observation.
func TestTooLongTraceIsNoExemplar(t *testing.T) {
	r := newRig(t)
	observe(r.server.metrics.stages.WithLabelValues("switched"), time.Second, strings.Repeat("x", 1000))
	w := r.do(request("GET", "/metrics", "", "Accept", "application/openmetrics-text; version=1.0.0"))
	require.Contains(t, w.Body.String(), `reseat_failover_stage_seconds_count{stage="switched"} 1`)
	require.NotContains(t, w.Body.String(), "trace_id")
}

func TestSidecarMetrics(t *testing.T) {
	side, _ := newSidecarServer(t)
	w := ask(side.Handler(), "/metrics")
	require.Equal(t, 200, w.Code)
	for _, line := range []string{
		`reseat_sidecar_registered 1`,
		`reseat_sidecar_game 1`,
		`reseat_sidecar_lease_seconds 1.5`,
		`reseat_sidecar_actions_total 100`,
		`reseat_sidecar_shipped_bytes_total 4000`,
		`reseat_sidecar_claims_total 3`,
		`reseat_sidecar_claims_lost_total 1`,
		`reseat_sidecar_game_deaths_total{code="game_exit"} 1`,
		`reseat_sidecar_refused_total{code="stale_epoch"} 7`,
		`reseat_sidecar_departures_total 6`,
		`reseat_sidecar_region_role{region="arena",role="primary"} 1`,
		`reseat_sidecar_region_role{region="arena",role="backup"} 0`,
		`reseat_sidecar_region_role{region="plaza",role="copying"} 1`,
		`reseat_sidecar_region_lag_records{region="arena"} 2`,
		`reseat_sidecar_region_lag_seconds{region="arena"} 0.02`,
		`reseat_sidecar_region_pending_records{region="arena"} 2`,
		`reseat_consul_calls_total 5`,
	} {
		require.Regexp(t, "(?m)^"+regexp.QuoteMeta(line)+"$", w.Body.String())
	}
}

var update = flag.Bool("update", false, "write deploy/metrics.md")

const (
	metricsFile  = "../../deploy/metrics.md"
	tableBegins  = "<!-- The table is written by go test ./proxy/admin -run TestMetricsFile -update -->\n"
	tableEnds    = "<!-- end -->\n"
	metricsRules = "| metric | type | labels | of | |\n|---|---|---|---|---|\n"
)

// shown is one metric of ours, and who has it.
type shown struct {
	family *dto.MetricFamily
	labels []string
	of     []string
}

// gathered are all metrics of ours by name, of an edge and a sidecar that have them all.
func gathered(t *testing.T) map[string]*shown {
	t.Helper()
	side, _ := newSidecarServer(t)
	ask(side.Handler(), "/nothing")
	out := map[string]*shown{}
	for _, from := range []struct {
		of  string
		reg registry
	}{{"edge", busy(t).server.metrics.registry}, {"sidecar", side.metrics}} {
		families, err := from.reg.Gather()
		require.NoError(t, err)
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "reseat_") {
				continue
			}
			one := out[f.GetName()]
			if one == nil {
				one = &shown{family: f}
				for _, label := range f.GetMetric()[0].GetLabel() {
					one.labels = append(one.labels, label.GetName())
				}
				out[f.GetName()] = one
			}
			require.Equal(t, one.family.GetHelp(), f.GetHelp())
			one.of = append(one.of, from.of)
		}
	}
	require.Greater(t, len(out), 110)
	return out
}

// deploy/metrics.md lists every metric that there is, and none that there is not.
func TestMetricsFile(t *testing.T) {
	all := gathered(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	var table strings.Builder
	table.WriteString(metricsRules)
	for _, name := range names {
		m := all[name]
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", name, strings.ToLower(m.family.GetType().String()),
			strings.Join(m.labels, ", "), strings.Join(m.of, ", "), m.family.GetHelp())
	}
	text, err := os.ReadFile(metricsFile)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), tableBegins)
	have, after, ends := strings.Cut(rest, tableEnds)
	require.True(t, ok && ends, "the marks of the table")
	if *update {
		require.NoError(t, os.WriteFile(metricsFile, []byte(before+tableBegins+table.String()+tableEnds+after), 0o644))
		return
	}
	require.Equal(t, table.String(), have, "write it anew with -update")
	for _, label := range ourLabels {
		require.Contains(t, after, "`"+label+"`", "the values of each label are explained")
	}
}
