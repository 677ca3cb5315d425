package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/recovery"
)

// TestBenchRecovery is one kill and one cut, small. This machine may be busy: then the
// run is void, which is told, and everything else is as always.
func TestBenchRecovery(t *testing.T) {
	t.Setenv(asReseat, "1") // the processes are this test binary
	dir := t.TempDir()
	var out, tables bytes.Buffer
	err := run(t.Context(), []string{
		"bench", "recovery", "--consul=" + consul.Memory, "--faults=kill,cut", "--load=60x20", "--memory=16MiB", "--rounds=1", "--trace", "--json", "--out=" + dir,
		"--pprof=" + dir + "/profiles",
	}, strings.NewReader(""), &out, &tables)
	var r struct {
		Run     measure.Run `json:"run"`
		Results []struct {
			recovery.Result

			Stall measure.Spread `json:"stall"` // in place of histograms, which are not read
			First measure.Spread `json:"first"`
			Reply measure.Spread `json:"reply"`
		} `json:"results"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), "%v %s%s", err, &out, &tables)
	if r.Run.Void {
		require.ErrorIs(t, err, measure.ErrLoaded)
		require.NotErrorIs(t, err, errBench, "%s", &tables)
	} else {
		require.NoError(t, err, "%s", &tables)
	}
	require.Equal(t, "reseat bench recovery --faults=kill,cut --load=60x20 --memory=16MiB --rounds=1 --trace", r.Run.Command)
	require.Len(t, r.Results, 2)
	for _, one := range r.Results {
		require.True(t, one.OK, one.Problems)
		require.Zero(t, one.Lost)
		require.Zero(t, one.Twice)
		require.Zero(t, one.Dropped)
		require.Equal(t, 1, one.Moves)
		require.NotZero(t, one.Sent)
		require.EqualValues(t, 60, one.Stall.N)
		require.Positive(t, one.Stall.P50)
		require.NotZero(t, one.First.N)
		var stages []string
		for _, s := range one.Stages {
			require.Positive(t, s.P50, s.Name)
			stages = append(stages, s.Name)
		}
		require.Equal(t, []string{"noticed", "held", "elected", "serving", "switched", "resent", "durable", "back"}, stages)
	}
	require.Contains(t, tables.String(), "kill 16MiB")
	files, err := filepath.Glob(dir + "/recovery*")
	require.NoError(t, err)
	require.Len(t, files, 7, "results, two plots of two kinds, and a trace as JSON and as text")
	tree, err := os.ReadFile(dir + "/recovery-trace.txt")
	require.NoError(t, err)
	for _, span := range []string{"failover ", "├─ detect ", "├─ elect ", "├─ promote ", "├─ hold ", "├─ resend ", "└─ first_durable "} {
		require.Contains(t, string(tree), span)
	}
	for _, cell := range []string{"kill-16MiB-60x20", "cut-60x20"} {
		for _, process := range []string{"edge-edge", "server-*-sidecar", "server-*-demo-game", "players-demo-bots"} {
			files, err := filepath.Glob(dir + "/profiles/" + cell + "/" + process + ".cpu.pprof")
			require.NoError(t, err)
			require.NotEmpty(t, files, cell+" "+process)
		}
	}
}
