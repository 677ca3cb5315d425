package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/mesh"
)

// TestBenchMesh is one kill, small. This machine may be busy: then the run is void, which
// is told, and everything else is as always.
func TestBenchMesh(t *testing.T) {
	t.Setenv(asReseat, "1") // the processes are this test binary
	dir := t.TempDir()
	var out, table bytes.Buffer
	err := run(t.Context(), []string{
		"bench", "mesh", "--consul=" + consul.Memory, "--scenes=kill-1", "--servers=4", "--regions=3", "--players=9", "--json", "--out=" + dir,
	}, strings.NewReader(""), &out, &table)
	calm(t, err, &table)
	require.NotErrorIs(t, err, errBench, "%s", &table)
	var report mesh.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report), "%v %s%s", err, &out, &table)
	require.Equal(t, "reseat bench mesh --scenes=kill-1 --servers=4 --regions=3 --players=9", report.Run.Command)
	require.Equal(t, "a registry in memory", report.Registry)
	require.Len(t, report.Results, 1)
	r := report.Results[0]
	require.True(t, r.OK, r.Problems)
	require.Equal(t, 1, r.Struck)
	require.NotEmpty(t, r.Moves)
	require.NotZero(t, r.Serves.P50)
	require.NotZero(t, r.Stall.Count())
	require.True(t, report.Run.Void || !r.Void, "a scene that is void makes the run so")
	require.Contains(t, table.String(), " of 3 regions moved, the last one is served after ")
	require.Contains(t, table.String(), "serves by rank  1: ")
	files, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Len(t, files, 5, "results, and two plots of two kinds")
}
