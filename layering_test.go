// Package reseat_test checks what holds for the repository as a whole.
package reseat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/reseat-proxy/reseat/"

// layers says what the packages below a path may import of ours, besides each
// other: the packages of the layers named. A package is of the layer whose path
// is the longest prefix of its own. Tests may import what they like.
var layers = map[string]struct {
	may []string
	why string
}{
	"buffer":        {nil, "what everything is built on stands alone"},
	"buffer/fault":  {nil, "what fails on purpose must not depend on what it breaks"},
	"discovery":     {[]string{"buffer/fault"}, "discovery knows Consul and nothing else"},
	"failover":      {[]string{"discovery", "buffer", "buffer/fault"}, "decisions do not know who carries them out"},
	"failover/mesh": {[]string{"failover", "proxy/wire", "discovery", "buffer"}, "the mesh decides, and serves nobody"},
	"proxy/wire":    {[]string{"buffer"}, "frames do not know who sends them, and a game must not get Consul's client with them"},
	"proxy/pump":    {nil, "writing bytes needs to know nothing of them"},
	"proxy/journal": {nil, "a journal needs to know nothing of what is written into it"},
	"proxy/udp":     {nil, "a socket needs to know nothing of what it carries"},
	"proxy/trace":   {nil, "spans need to know nothing of what they are of"},
	"proxy/certs":   {nil, "certificates are files, whoever uses them"},
	"proxy/game":    {[]string{"proxy/wire", "proxy/pump"}, "a game server must not get an edge or Consul's client with it"},
	"proxy/player":  {[]string{"proxy/wire", "proxy/pump", "proxy/udp", "buffer", "buffer/fault"}, "a game client must not get an edge or Consul's client with it"},
	"proxy": {
		[]string{"proxy/pump", "proxy/udp", "proxy/journal", "proxy/trace", "failover/mesh", "failover", "proxy/wire", "discovery", "buffer", "buffer/fault"},
		"the data path is below the commands, and gets its certificates from them",
	},
	"proxy/admin/page": {nil, "a page knows the API that it asks, and nothing behind it"},
	"bench/judge":      {[]string{"bench"}, "who judges with the code that is judged acquits it"},
	"bench/history":    {[]string{"bench"}, "who judges with the code that is judged acquits it"},
	"bench": {
		[]string{
			"bench/judge", "bench/history", "proxy/game", "proxy/player", "proxy/certs", "proxy/udp", "proxy", "proxy/pump",
			"failover/mesh", "failover", "proxy/wire", "discovery", "buffer",
		},
		"benchmarks drive processes",
	},
	"cmd": {
		[]string{
			"bench", "bench/judge", "bench/history", "proxy/admin/page", "proxy/game", "proxy/player", "proxy/certs", "proxy", "proxy/pump", "proxy/trace",
			"failover/mesh", "failover", "proxy/wire", "discovery", "buffer",
		},
		"nothing imports a command",
	},
}

// reserved packages are for some paths only, besides themselves.
var reserved = map[string]struct {
	to  []string
	why string
}{
	"github.com/hashicorp/consul/api":   {[]string{"discovery"}, "all others see discovery's View of it"},
	"github.com/quic-go/quic-go":        {[]string{"proxy", "bench"}, "all others see frames, or nothing"},
	module + "discovery/devconsul":      {[]string{"discovery/consultest", "bench", "cmd"}, "it is for development, never for production"},
	module + "discovery/consultest":     {nil, "it is for tests"},
	module + "discovery/localconsul":    {[]string{"discovery/consultest", "bench"}, "it starts a Consul of its own, for tests and benchmarks"},
	"github.com/prometheus":             {[]string{"proxy/admin"}, "whoever counts has counters of his own, and one package shows them"},
	"go.opentelemetry.io/otel":          {[]string{"proxy/trace"}, "others say what happened and when, and one package makes spans of it"},
	"go.opentelemetry.io/proto":         {[]string{"bench/traces"}, "one package reads what others export"},
	"github.com/stretchr/testify":       {[]string{"discovery/consultest"}, "it is for tests"},
	"pgregory.net/rapid":                {nil, "it is for tests"},
	"github.com/chromedp/chromedp":      {nil, "it drives a browser, for the tests of proxy/admin/page"},
	"github.com/chromedp/cdproto":       {nil, "it drives a browser, for the tests of proxy/admin/page"},
	"github.com/anishathalye/porcupine": {[]string{"bench/history"}, "one package judges histories"},
	"github.com/spf13/cobra":            {[]string{"cmd"}, "only commands have a command line"},
}

// pkg is what `go list` tells of a package. Imports are without those of tests.
type pkg struct {
	ImportPath string
	Doc        string
	Imports    []string
}

func TestLayering(t *testing.T) {
	for _, complaint := range complaints(list(t)) {
		t.Error(complaint)
	}
}

// complaints are the rules that packages break, with their reasons.
func complaints(pkgs []pkg) (out []string) {
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		path := strings.TrimPrefix(p.ImportPath, module)
		if p.Doc == "" {
			complain("%s has no package comment: it is the package's specification", path)
		}
		layer, known := layerOf(path)
		if !known {
			complain("%s is in no layer: add it to layers in layering_test.go", path)
			continue
		}
		for _, imp := range p.Imports {
			if dep, ours := strings.CutPrefix(imp, module); ours && !mayImport(layer, dep) {
				complain("%s imports %s: %s", path, dep, layers[layer].why)
			}
			if why, ok := reservedTo(path, imp); !ok {
				complain("%s imports %s: %s", path, imp, why)
			}
		}
	}
	slices.Sort(out)
	return out
}

func layerOf(path string) (layer string, known bool) {
	for prefix := range layers {
		if within(path, prefix) && len(prefix) > len(layer) {
			layer, known = prefix, true
		}
	}
	return layer, known
}

func mayImport(layer, dep string) bool {
	below, known := layerOf(dep)
	return known && (below == layer || slices.Contains(layers[layer].may, below))
}

func reservedTo(path, imp string) (why string, ok bool) {
	for lib, rule := range reserved {
		if !within(imp, lib) || within(module+path, lib) {
			continue
		}
		if !slices.ContainsFunc(rule.to, func(owner string) bool { return within(path, owner) }) {
			return rule.why, false
		}
	}
	return "", true
}

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// list returns the packages of the module, this one excepted: it has only tests.
func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Doc,Imports", "./...").Output()
	require.NoError(t, err, "go list")
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if p.ImportPath+"/" != module {
			pkgs = append(pkgs, p)
		}
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}

// Each rule must notice when it is broken.
func TestLayeringNotices(t *testing.T) {
	for _, test := range []struct {
		path, imports string
		why           string // "": allowed
	}{
		{"buffer", "time", ""},
		{"buffer", module + "discovery", "buffer imports discovery: what everything is built on stands alone"},
		{"buffer/fault", module + "buffer", "buffer/fault imports buffer: what fails on purpose must not depend on what it breaks"},
		{"buffer", module + "buffer/fault", "buffer imports buffer/fault: what everything is built on stands alone"},
		{"discovery", module + "buffer/fault", ""},
		{"buffer", module + "proxy/wire", "buffer imports proxy/wire: what everything is built on stands alone"},
		{"discovery", "github.com/hashicorp/consul/api", ""},
		{"discovery", "github.com/hashicorp/consul/api/watch", ""},
		{"discovery", module + "buffer", "discovery imports buffer: discovery knows Consul and nothing else"},
		{"discovery", module + "discovery/devconsul", "discovery imports " + module + "discovery/devconsul: it is for development, never for production"},
		{"discovery/devconsul", module + "discovery/devconsul/store", ""},
		{"discovery/consultest", module + "discovery/devconsul", ""},
		{"failover", module + "discovery", ""},
		{"failover", module + "proxy/wire", "failover imports proxy/wire: decisions do not know who carries them out"},
		{"failover", module + "failover/mesh", "failover imports failover/mesh: decisions do not know who carries them out"},
		{"failover", "github.com/hashicorp/consul/api", "failover imports github.com/hashicorp/consul/api: all others see discovery's View of it"},
		{"failover/mesh", module + "failover", ""},
		{"failover/mesh", module + "proxy", "failover/mesh imports proxy: the mesh decides, and serves nobody"},
		{"proxy/wire", module + "buffer", ""},
		{"proxy/wire", module + "proxy", "proxy/wire imports proxy: frames do not know who sends them, and a game must not get Consul's client with them"},
		{"proxy/game", module + "proxy/sidecar", "proxy/game imports proxy/sidecar: a game server must not get an edge or Consul's client with it"},
		{"proxy/player", module + "discovery", "proxy/player imports discovery: a game client must not get an edge or Consul's client with it"},
		{"proxy/sidecar", module + "proxy/link", ""},
		{"proxy", module + "cmd/reseat", "proxy imports cmd/reseat: the data path is below the commands, and gets its certificates from them"},
		{"proxy/link", module + "bench/world", "proxy/link imports bench/world: the data path is below the commands, and gets its certificates from them"},
		{"proxy", "github.com/quic-go/quic-go", ""},
		{"bench/chaos", "github.com/quic-go/quic-go", ""},
		{"cmd/reseat", "github.com/quic-go/quic-go", "cmd/reseat imports github.com/quic-go/quic-go: all others see frames, or nothing"},
		{"proxy/admin", "github.com/prometheus/client_golang/prometheus", ""},
		{"proxy/sidecar", "github.com/prometheus/client_golang/prometheus", "proxy/sidecar imports github.com/prometheus/client_golang/prometheus: whoever counts has counters of his own, and one package shows them"},
		{"proxy", module + "proxy/journal", ""},
		{"proxy/sidecar", module + "proxy/trace", ""},
		{"proxy/trace", module + "proxy/wire", "proxy/trace imports proxy/wire: spans need to know nothing of what they are of"},
		{"proxy/trace", "go.opentelemetry.io/otel/sdk/trace", ""},
		{"proxy/sidecar", "go.opentelemetry.io/otel/trace", "proxy/sidecar imports go.opentelemetry.io/otel/trace: others say what happened and when, and one package makes spans of it"},
		{"proxy/journal", module + "proxy/wire", "proxy/journal imports proxy/wire: a journal needs to know nothing of what is written into it"},
		{"failover", "github.com/quic-go/quic-go/http3", "failover imports github.com/quic-go/quic-go/http3: all others see frames, or nothing"},
		{"cmd/reseat", module + "discovery/devconsul", ""},
		{"cmd/reseat", module + "discovery/consultest", "cmd/reseat imports " + module + "discovery/consultest: it is for tests"},
		{"bench/judge", module + "proxy/player", "bench/judge imports proxy/player: who judges with the code that is judged acquits it"},
		{"bench/history", module + "bench/world", ""},
		{"bench/history", module + "proxy/wire", "bench/history imports proxy/wire: who judges with the code that is judged acquits it"},
		{"bench/chaos", "github.com/anishathalye/porcupine", "bench/chaos imports github.com/anishathalye/porcupine: one package judges histories"},
		{"proxy/admin/page", module + "proxy/wire", "proxy/admin/page imports proxy/wire: a page knows the API that it asks, and nothing behind it"},
		{"proxy/admin/page", "github.com/chromedp/chromedp/kb", "proxy/admin/page imports github.com/chromedp/chromedp/kb: it drives a browser, for the tests of proxy/admin/page"},
		{"bench", module + "cmd/reseat", "bench imports cmd/reseat: benchmarks drive processes"},
		{"util", "time", "util is in no layer: add it to layers in layering_test.go"},
		{"proxyutil", "time", "proxyutil is in no layer: add it to layers in layering_test.go"},
	} {
		var want []string
		if test.why != "" {
			want = []string{test.why}
		}
		got := complaints([]pkg{{ImportPath: module + test.path, Doc: "Package x.", Imports: []string{test.imports}}})
		require.Equal(t, want, got, "%s imports %s", test.path, test.imports)
	}
	require.Equal(t, []string{"buffer has no package comment: it is the package's specification"},
		complaints([]pkg{{ImportPath: module + "buffer"}}))
}
