// Package promql has one test: that the expressions in deploy/ are PromQL. Whether the
// metrics in them exist is tested in proxy/admin.
package promql

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// grafana puts values in the place of its variables.
var grafana = strings.NewReplacer("$__rate_interval", "1m", "$__interval", "1m", "$region", "arena")

func TestExpressions(t *testing.T) {
	for file, decode := range map[string]func([]byte, any) error{
		"../../deploy/alerts/reseat.yaml":     yaml.Unmarshal,
		"../../deploy/dashboards/reseat.json": json.Unmarshal,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := decode(text, &tree); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all := expressions(tree)
		if len(all) < 20 {
			t.Errorf("%s has %d expressions", file, len(all))
		}
		p := parser.NewParser(parser.Options{})
		for _, expr := range all {
			if _, err := p.ParseExpr(grafana.Replace(expr)); err != nil {
				t.Errorf("%s: %s: %v", file, expr, err)
			}
		}
	}
}

// expressions are all strings with the key expr.
func expressions(tree any) (out []string) {
	switch tree := tree.(type) {
	case map[string]any:
		for key, v := range tree {
			if expr, is := v.(string); is && key == "expr" {
				out = append(out, expr)
			} else {
				out = append(out, expressions(v)...)
			}
		}
	case []any:
		for _, v := range tree {
			out = append(out, expressions(v)...)
		}
	}
	return out
}
