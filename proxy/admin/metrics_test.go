package admin

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy"
)

// The names and units of all metrics are as Prometheus wants them, and ours have
// our prefix.
func TestMetricsAreLinted(t *testing.T) {
	r := newRig(t)
	r.edge.failovers = []proxy.Failover{{ID: 1, Started: start}}
	r.server.tellSeen(proxy.Event{Kind: proxy.EventHeld, Region: "arena", Reason: failover.ReasonSilence, Failover: 1, At: start})
	r.server.tellSeen(proxy.Event{Kind: proxy.EventSwitch, Region: "arena", Failover: 1, At: start.Add(40e6)})
	r.do(request("GET", "/mesh/status", ""))
	problems, err := testutil.GatherAndLint(r.server.metrics.registry)
	require.NoError(t, err)
	require.Empty(t, problems)

	families, err := r.server.metrics.registry.Gather()
	require.NoError(t, err)
	ours := 0
	for _, f := range families {
		require.Regexp(t, `^(reseat|go|process)_`, f.GetName())
		require.NotEmpty(t, f.GetHelp())
		if !strings.HasPrefix(f.GetName(), "reseat_") {
			continue
		}
		ours++
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				require.Contains(t, []string{"region", "code", "kind", "level", "state", "severity", "reason", "stage", "path", "class", "outcome"}, label.GetName(), f.GetName())
			}
		}
	}
	require.Greater(t, ours, 40)
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.edge.failovers = []proxy.Failover{{ID: 1, Started: start}}
	r.server.tellSeen(proxy.Event{Kind: proxy.EventHeld, Region: "arena", Reason: failover.ReasonSilence, Failover: 1, At: start})
	r.server.tellSeen(proxy.Event{Kind: proxy.EventSwitch, Region: "arena", Failover: 1, At: start.Add(40e6)})
	r.do(request("GET", "/nothing", ""))
	w := r.do(request("GET", "/metrics", ""))
	require.Equal(t, 200, w.Code)
	for _, line := range []string{
		`reseat_edge_sessions_total 7`,
		`reseat_edge_refused_total{code="overloaded"} 4`,
		`reseat_edge_ended_total{code="left"} 5`,
		`reseat_region_players{region="arena"} 3`,
		`reseat_region_kept_actions{region="arena"} 9`,
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
		`reseat_consul_calls_total 5`,
		`reseat_consul_errors_total{kind="timeout"} 1`,
		`reseat_controller_terms_total 2`,
		`reseat_controller_writes_total{outcome="done"} 8`,
		`reseat_controller_moves_total{outcome="done"} 3`,
		`reseat_failovers_total{reason="silence"} 1`,
		`reseat_failover_stage_seconds_bucket{stage="switched",le="0.05"} 1`,
		`reseat_failover_stage_seconds_bucket{stage="switched",le="0.025"} 0`,
		`reseat_admin_requests_total{class="4xx",path="other"} 1`,
		`reseat_admin_subscribers 0`,
	} {
		require.Regexp(t, "(?m)^"+regexp.QuoteMeta(line)+"$", w.Body.String())
	}
}
