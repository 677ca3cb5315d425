// Package reseat_test checks what holds for the repository as a whole.
package reseat_test

import (
	"bytes"
	"encoding/json"
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
// is the longest prefix of its own.
var layers = map[string]struct {
	may []string
	why string
}{
	"buffer":        {nil, "what everything is built on stands alone"},
	"discovery":     {[]string{"buffer"}, "discovery knows Consul and nothing else"},
	"failover":      {[]string{"discovery", "buffer"}, "decisions do not know who carries them out"},
	"failover/mesh": {[]string{"failover", "proxy/wire", "discovery", "buffer"}, "the mesh decides, and serves nobody"},
	"proxy/wire":    {[]string{"discovery", "buffer"}, "frames do not know who sends them"},
	"proxy":         {[]string{"failover/mesh", "failover", "proxy/wire", "discovery", "buffer"}, "the data path is below the commands"},
	"bench":         {[]string{"proxy", "failover/mesh", "failover", "proxy/wire", "discovery", "buffer"}, "benchmarks drive processes"},
	"cmd":           {[]string{"bench", "proxy", "failover/mesh", "failover", "proxy/wire", "discovery", "buffer"}, "commands wire the rest"},
}

// owners keep a library to themselves.
var owners = map[string]string{
	"github.com/hashicorp/consul/api": "discovery",
	"github.com/quic-go/quic-go":      "proxy",
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func TestLayering(t *testing.T) {
	for _, p := range list(t) {
		path, _ := strings.CutPrefix(p.ImportPath, module)
		layer, known := layerOf(path)
		if !known {
			t.Errorf("%s is in no layer: add it to layers in layering_test.go", path)
			continue
		}
		for _, imp := range p.Imports {
			if dep, ours := strings.CutPrefix(imp, module); ours && !mayImport(layer, dep) {
				t.Errorf("%s imports %s: %s", path, dep, layers[layer].why)
			}
			for lib, owner := range owners {
				if within(imp, lib) && !within(path, owner) {
					t.Errorf("%s imports %s, which only %s may", path, imp, owner)
				}
			}
		}
	}
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

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// list returns the packages of the module, this one excepted: it has only tests.
func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err, "go list")
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if err == io.EOF {
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
