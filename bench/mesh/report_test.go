package mesh

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files of this test")

// aReport has a scene of each kind, one of them void and one that went wrong.
func aReport() Report {
	kill := shown()
	kill.Rounds[0].Costs = []demo.Cost{{What: "sidecar", Processes: 5, CPU: 0.02}, {What: "consul", Processes: 1, CPU: 0.5}}
	busy := shown()
	busy.Rounds[0].Delay = 150 * milli
	rolling := shown()
	rolling.Rounds[0].Planned = true
	quiet := newResult("idle", demo.Report{OK: true, Settings: kill.Settings, Took: 50}, nil)
	quiet.Idle = []Idle{idle(5, 0.012, 0.01), idle(15, 0.023, 0.02)}
	return Report{
		Run: &measure.Run{
			Commit: "0123456789abcdef", Machine: measure.Machine{CPU: "abacus", Cores: 2, Memory: 8 << 30, Kernel: "linux 6", Go: "go1"},
			Command: "reseat bench mesh", Seed: 1, Started: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Took: time.Minute,
			Load: 0.5, Delay: 150 * milli, Void: true,
		},
		Registry: "Consul v1.22.5",
		Results: []Result{
			newResult("kill-2", kill, nil), newResult("controller", busy, nil), newResult("rolling", rolling, nil),
			newResult("kill-5", demo.Report{Settings: kill.Settings}, errors.New("it did not start")), quiet,
		},
	}
}

func TestPrint(t *testing.T) {
	r := aReport()
	for name, markdown := range map[string]bool{"report.txt": false, "report.md": true} {
		var out bytes.Buffer
		require.NoError(t, r.Print(&out, markdown))
		golden := filepath.Join("testdata", name)
		if *rewrite {
			require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), out.String(), name)
	}
}

func TestLine(t *testing.T) {
	r := aReport()
	require.False(t, r.OK())
	var lines []string
	for _, one := range r.Results {
		lines = append(lines, one.Line())
	}
	require.Equal(t, []string{
		"kill-2: 3 of 4 regions moved, the last one is served after 30 ms, stall p50 21 ms, p99 35 ms, longest 35 ms, ok in 12 s",
		"controller: 3 of 4 regions moved, the last one is served after 30 ms, stall p50 21 ms, p99 35 ms, longest 35 ms, VOID in 12 s",
		"rolling: 3 of 4 regions moved, the last one is served after 30 ms, stall p50 21 ms, p99 35 ms, longest 35 ms, ok in 12 s",
		"kill-5: NOT OK in 0 s\n    it did not start",
		"idle: ok in 50 s",
	}, lines)
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	r := aReport()
	require.NoError(t, r.Save(dir, "mesh"))
	names, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Equal(t, "mesh-serves.png mesh-serves.svg mesh-stalls.png mesh-stalls.svg mesh.json",
		strings.ReplaceAll(strings.Join(names, " "), dir+"/", ""))
	text, err := os.ReadFile(dir + "/mesh.json")
	require.NoError(t, err)
	require.Contains(t, string(text), `"serves_ns": 30000000`)
	var back Report
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, r.Run, back.Run)
	require.Equal(t, r.Results[0].Moves, back.Results[0].Moves)
	require.Equal(t, r.Results[0].Stall.Spread(), back.Results[0].Stall.Spread())

	empty := t.TempDir()
	require.NoError(t, (&Report{Run: r.Run, Results: r.Results[3:]}).Save(empty, "mesh"))
	names, err = filepath.Glob(empty + "/*")
	require.NoError(t, err)
	require.Equal(t, []string{empty + "/mesh.json"}, names, "no region moved")
}

// A planned move is in the plot of the stalls alone.
func TestPlots(t *testing.T) {
	r := aReport()
	serves := r.servesPlot()
	require.Len(t, serves.Lines, 2)
	require.Equal(t, "kill-2: 2 of 5 servers", serves.Lines[0].Name)
	require.Equal(t, []float64{1, 2, 3}, serves.Lines[0].X)
	require.Equal(t, []float64{10, 30, 20}, serves.Lines[0].Y)
	require.Len(t, r.stallPlot().Lines, 3)
}
