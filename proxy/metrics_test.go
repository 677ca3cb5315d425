package proxy_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// api is what answers: an edge's API, or a sidecar's.
type api interface {
	Run(ctx context.Context) error
	Handler() http.Handler
}

// shows runs an API in the bubble, without a network.
func (m *mesh) shows(a api, err error) http.Handler {
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	m.closers = append(m.closers, func() { cancel(); require.NoError(m.t, <-done) })
	return a.Handler()
}

// scraped is what Prometheus would get.
type scraped map[string]*dto.MetricFamily

// scrape asks for the metrics, and has them linted.
func scrape(t *testing.T, h http.Handler) (text string, families scraped) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	req.Host = "127.0.0.1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	text = w.Body.String()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err = parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	return text, families
}

// sum adds up a metric over all its labels but those that are given, in pairs: of a
// histogram, how often it was observed.
func (s scraped) sum(name string, labels ...string) (sum float64) {
	for _, m := range s[name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		match := true
		for i := 0; i < len(labels); i += 2 {
			match = match && has[labels[i]] == labels[i+1]
		}
		if match {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// An edge and sidecars that have served players, of whom some went to another region,
// and have lost a game, say so in metrics that are as they should be: linted, listed in
// deploy/metrics.md, and without a word of who the players are.
func TestMetricsOfRealTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTowns(t, "outcomes")
		defer m.close()
		for _, e := range m.edges {
			e.control()
		}
		m.serveOnly(3, "arena")
		m.serveOnly(2, "sea")
		m.primaryOf("arena", 0)
		m.primaryOf("sea", 0)
		m.eventually("in-sync sets", func() bool {
			return len(m.inSyncOf("arena").Members) == 3 && len(m.inSyncOf("sea").Members) == 2
		})
		e := m.edges[0]
		edge := m.shows(admin.New(admin.Config{
			Listener: newPipes(), Source: m.edge.Mesh(), Edge: m.edge, Controller: e.runner, Work: e.runner.Stats, Consul: m.admin.Stats, Log: m.log,
		}))
		var sidecars []http.Handler
		for _, s := range m.servers {
			sidecars = append(sidecars, m.shows(admin.NewSidecar(admin.SidecarConfig{
				Listener: newPipes(), Sidecar: s.now(), Source: s.now().Mesh(), Consul: m.admin.Stats, Log: m.log,
			})))
		}
		ann, bob := m.enter("player-ann", 0), m.enterAt("sea", "player-bob", 0)
		bob.acts(5, "act")
		ann.acts(20, "act")
		ann.settle(patience)
		ann.goes("sea")
		ann.goes("arena")
		s, epoch := m.primaryOf("arena", 0)
		s.killGame()
		ann.acts(10, "act")
		ann.settle(patience)
		m.primaryOf("arena", epoch)
		m.settled(ann, bob)
		time.Sleep(3 * time.Second) // virtual: the reason is final, the game back

		listed, err := os.ReadFile("../deploy/metrics.md")
		require.NoError(t, err)
		check := func(text string, families scraped) {
			for _, name := range []string{"player-ann", "player-bob"} {
				require.NotContains(t, text, name)
			}
			for name := range families {
				if strings.HasPrefix(name, "reseat_") {
					require.Contains(t, string(listed), "| `"+name+"` |")
				}
			}
		}
		text, of := scrape(t, edge)
		check(text, of)
		require.EqualValues(t, 2, of.sum("reseat_edge_players"))
		require.EqualValues(t, 1, of.sum("reseat_failovers_total", "region", "arena", "reason", "game_exit", "detector", "game"), text)
		require.EqualValues(t, 1, of.sum("reseat_failovers_total"))
		require.EqualValues(t, 1, of.sum("reseat_failover_stage_seconds", "stage", "durable"))
		require.Positive(t, of.sum("reseat_region_durable_seconds", "region", "arena"))
		require.Positive(t, of.sum("reseat_region_durable_seconds", "region", "sea"))
		require.EqualValues(t, 1, of.sum("reseat_region_stall_seconds", "region", "arena"))
		require.Zero(t, of.sum("reseat_region_stall_seconds", "region", "sea"))
		require.EqualValues(t, 1, of.sum("reseat_region_departures_total", "region", "arena"))
		require.EqualValues(t, 1, of.sum("reseat_region_arrivals_total", "region", "arena"))
		require.EqualValues(t, 5, of.sum("reseat_region_in_sync"))
		require.EqualValues(t, ann.sent+bob.sent, of.sum("reseat_region_acked_total"))

		all := map[string]float64{}
		for _, h := range sidecars {
			text, of := scrape(t, h)
			check(text, of)
			for name := range of {
				all[name] += of.sum(name)
			}
			all["primaries"] += of.sum("reseat_sidecar_region_role", "role", "primary")
			all["backups"] += of.sum("reseat_sidecar_region_role", "role", "backup")
			all["exits"] += of.sum("reseat_sidecar_game_deaths_total", "code", "game_exit")
		}
		require.EqualValues(t, 2, all["primaries"])
		require.EqualValues(t, 3, all["backups"])
		require.EqualValues(t, 1, all["exits"])
		require.EqualValues(t, 5, all["reseat_sidecar_registered"])
		require.EqualValues(t, 6, all["reseat_sidecar_games_total"])
		require.EqualValues(t, 2, all["reseat_sidecar_region_players"])
		require.EqualValues(t, 2, all["reseat_sidecar_departures_total"])
		require.EqualValues(t, 2, all["reseat_sidecar_arrivals_total"])
		require.GreaterOrEqual(t, all["reseat_sidecar_actions_total"], float64(ann.sent+bob.sent))
		require.GreaterOrEqual(t, all["reseat_sidecar_received_records_total"], all["reseat_sidecar_actions_total"], "each went to one backup at least")
		require.GreaterOrEqual(t, all["reseat_sidecar_claims_total"]-all["reseat_sidecar_claims_lost_total"], 3.0)
		require.EqualValues(t, 3, all["reseat_sidecar_takeovers_total"])
	})
}
