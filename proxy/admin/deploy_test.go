package admin

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What Prometheus adds to each series, and to the buckets of histograms.
var addedLabels = []string{"instance", "job", "le"}

var (
	seriesOf   = regexp.MustCompile(`\b([a-z][a-z0-9_]*_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?`)
	matcherOf  = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	referredTo = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}`)
)

// notSeries are the words of PromQL that look like a metric's name.
var notSeries = []string{"histogram_quantile", "min_over_time", "max_over_time", "label_values", "count_values"}

// checkExpr holds an expression against the metrics that there are. A name, a label
// or a value that is wrong makes an alert that never comes, which nobody would see.
func checkExpr(all map[string]*shown, expr string) (problems []string) {
	found := false
	bare := grouping.ReplaceAllString(expr, "")
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(ourLabels, label) && !slices.Contains(addedLabels, label) {
				problems = append(problems, "no metric has the label "+label)
			}
		}
	}
	for _, series := range seriesOf.FindAllStringSubmatch(bare, -1) {
		name, matchers := series[1], series[2]
		if slices.Contains(notSeries, name) || strings.HasPrefix(name, "__") {
			continue
		}
		found = true
		labels, known := labelsOf(all, name)
		if !known {
			problems = append(problems, "there is no metric "+name)
			continue
		}
		for _, m := range matcherOf.FindAllStringSubmatch(matchers, -1) {
			if !slices.Contains(labels, m[1]) && !slices.Contains(addedLabels, m[1]) {
				problems = append(problems, name+" has no label "+m[1])
			}
			for value := range strings.SplitSeq(m[3], "|") {
				if m[3] != "$region" && !isValue(m[1], value) {
					problems = append(problems, name+": "+m[1]+" is never "+value)
				}
			}
		}
	}
	if !found {
		problems = append(problems, "it is about no metric")
	}
	return problems
}

// labelsOf are the labels of a metric, whatever of a histogram is asked for.
func labelsOf(all map[string]*shown, name string) (labels []string, known bool) {
	if name == "up" || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
		return []string{"quantile"}, true
	}
	if m := all[name]; m != nil {
		return m.labels, m.family.GetType().String() != "HISTOGRAM"
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if m := all[strings.TrimSuffix(name, suffix)]; m != nil && strings.HasSuffix(name, suffix) {
			return m.labels, m.family.GetType().String() == "HISTOGRAM"
		}
	}
	return nil, false
}

// isValue tells whether a label may have a value, where the values are a short list.
func isValue(label, value string) bool {
	var list []string
	switch label {
	case "code", "reason":
		_, known := wire.ParseCode(value)
		return known
	case "detector":
		for _, r := range []failover.Reason{failover.ReasonGameExit, failover.ReasonSilence, failover.ReasonDeposed, failover.ReasonDrain, "?"} {
			list = append(list, string(r.Detector()))
		}
	case "role":
		for _, r := range sidecar.Roles() {
			list = append(list, string(r))
		}
	case "level":
		list = []string{"normal", "light", "moderate", "severe"}
	case "state":
		list = []string{"passing", "failing", "draining"}
	case "severity":
		list = []string{"info", "warning", "critical"}
	case "kind":
		list = []string{"network", "timeout", "server", "limit", "garbled", "access", "other"}
	case "outcome":
		list = []string{"done", "raced", "deposed", "failed"}
	case "why":
		list = []string{"repeat", "gap", "reused", "too_large"}
	default:
		return true
	}
	return slices.Contains(list, value)
}

// Every alert can come: what it asks for exists. And each says what to do.
func TestAlertRules(t *testing.T) {
	all := gathered(t)
	text, err := os.ReadFile("../../deploy/alerts/reseat.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&file))
	names := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			require.Regexp(t, `^Reseat[A-Z]\w+$`, r.Alert)
			require.False(t, names[r.Alert], "%s stands twice", r.Alert)
			names[r.Alert] = true
			require.Empty(t, checkExpr(all, r.Expr), r.Alert)
			require.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			require.Greater(t, len(r.Annotations["runbook"]), 80, "%s says what to do", r.Alert)
			for _, note := range r.Annotations {
				for _, ref := range referredTo.FindAllStringSubmatch(note, -1) {
					if ref[1] == "value" {
						continue
					}
					require.True(t, r.Alert == "ReseatTargetDown" || groups(r.Expr, ref[1]), "%s: its series have no label %s", r.Alert, ref[1])
				}
				for _, other := range regexp.MustCompile(`Reseat[A-Z]\w+`).FindAllString(note, -1) {
					require.Contains(t, string(text), "alert: "+other+"\n", "%s refers to it", r.Alert)
				}
			}
		}
	}
	require.Greater(t, len(names), 20)
}

// groups tells whether what an expression yields has a label.
func groups(expr, label string) bool {
	first := grouping.FindStringSubmatch(expr)
	return first != nil && slices.ContainsFunc(strings.Split(first[1], ","), func(l string) bool { return strings.TrimSpace(l) == label })
}

// node is anything in a dashboard.
type node = map[string]any

// find calls see with every string of that key.
func find(v any, key string, see func(text string, in node)) {
	switch v := v.(type) {
	case node:
		for k, x := range v {
			if text, is := x.(string); is && k == key {
				see(text, v)
			}
			find(x, key, see)
		}
	case []any:
		for _, x := range v {
			find(x, key, see)
		}
	}
}

// The dashboard asks for metrics that exist, its panels lie beside each other and say
// what they show, and every metric that an operator needs in trouble is on one.
func TestDashboard(t *testing.T) {
	all := gathered(t)
	text, err := os.ReadFile("../../deploy/dashboards/reseat.json")
	require.NoError(t, err)
	var board struct {
		UID        string `json:"uid"`
		Panels     []node `json:"panels"`
		Templating node   `json:"templating"`
		Annotation node   `json:"annotations"`
	}
	require.NoError(t, json.Unmarshal(text, &board))
	require.Equal(t, "reseat", board.UID)
	asked := 0
	for _, part := range []any{board.Templating, board.Annotation, anys(board.Panels)} {
		find(part, "expr", func(expr string, in node) {
			asked++
			require.Empty(t, checkExpr(all, expr), expr)
			legend, _ := in["legendFormat"].(string)
			for _, ref := range referredTo.FindAllStringSubmatch(legend, -1) {
				require.True(t, ref[1] == "instance" || groups(expr, ref[1]), "%s: no label %s for the legend", expr, ref[1])
			}
		})
	}
	require.Greater(t, asked, 70)

	taken, ids := map[[2]int]string{}, map[float64]bool{}
	for _, p := range board.Panels {
		title, _ := p["title"].(string)
		require.NotEmpty(t, title)
		id := p["id"].(float64)
		require.False(t, ids[id], title)
		ids[id] = true
		if p["type"] != "row" {
			require.NotEmpty(t, p["description"], title)
		}
		at := p["gridPos"].(node)
		x, y, w, h := int(at["x"].(float64)), int(at["y"].(float64)), int(at["w"].(float64)), int(at["h"].(float64))
		require.LessOrEqual(t, x+w, 24, title)
		for i := x; i < x+w; i++ {
			for j := y; j < y+h; j++ {
				require.Empty(t, taken[[2]int{i, j}], "%s lies on another panel", title)
				taken[[2]int{i, j}] = title
			}
		}
	}
	for _, name := range []string{
		"reseat_region_stall_seconds", "reseat_failover_stage_seconds", "reseat_failovers_total", "reseat_region_durable_seconds",
		"reseat_region_kept_actions", "reseat_region_waiting_players", "reseat_mesh_level", "reseat_mesh_coverage_ratio", "reseat_region_protected",
		"reseat_consul_stale_seconds", "reseat_edge_joins_refused_total", "reseat_sidecar_region_lag_seconds", "reseat_region_departures_total",
	} {
		require.Contains(t, string(text), name)
	}
}

func anys(list []node) (out []any) {
	for _, n := range list {
		out = append(out, n)
	}
	return out
}

// The check must notice what it is for.
func TestCheckExprNotices(t *testing.T) {
	all := gathered(t)
	for expr, want := range map[string]string{
		`reseat_region_playerz`:                                  "there is no metric reseat_region_playerz",
		`reseat_region_stall_seconds > 1`:                        "there is no metric reseat_region_stall_seconds",
		`reseat_region_players_bucket`:                           "there is no metric reseat_region_players_bucket",
		`rate(reseat_region_stall_seconds_bucket{zone="a"}[5m])`: "reseat_region_stall_seconds_bucket has no label zone",
		`sum by (zone) (reseat_region_players)`:                  "no metric has the label zone",
		`reseat_edge_ended_total{code=~"expired|expiread"}`:      "reseat_edge_ended_total: code is never expiread",
		`reseat_sidecar_region_role{role="leader"}`:              "reseat_sidecar_region_role: role is never leader",
		`vector(1)`: "it is about no metric",
		`up == 0`:   "",
		`sum by (le) (rate(reseat_region_stall_seconds_bucket[5m]))`: "",
	} {
		var wants []string
		if want != "" {
			wants = []string{want}
		}
		require.Equal(t, wants, checkExpr(all, expr), expr)
	}
}
