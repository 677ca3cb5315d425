package recovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/measure"
)

const ms = time.Millisecond

func TestParseSizes(t *testing.T) {
	sizes, err := ParseSizes("0,512MiB, 4GiB,3KiB,7")
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 512 << 20, 4 << 30, 3 << 10, 7}, sizes)
	for i, want := range []string{"0", "512MiB", "4GiB", "3KiB", "7"} {
		require.Equal(t, want, size(sizes[i]))
	}
	for bad, want := range map[string]string{
		"":          `"": write a size, as in 512MiB or 4GiB`,
		"4GB":       `"4GB": write a size`,
		"-1":        `"-1": write a size`,
		"1TiB":      `"1TiB": write a size`,
		"65GiB":     `"65GiB": no more than 64GiB`,
		"0,0GiB":    `"0GiB" is there twice`,
		"1.5GiB":    `"1.5GiB": write a size`,
		"1GiB,,0":   `"": write a size`,
		"99999999G": `"99999999G": write a size`,
	} {
		_, err := ParseSizes(bad)
		require.ErrorContains(t, err, want, bad)
	}
}

func TestCells(t *testing.T) {
	cfg := Config{Faults: []string{"kill", "drain"}, Loads: []measure.Load{{Players: 10, Rate: 60}, {Players: 100, Rate: 20}}, Memory: []uint64{0, 1 << 30}, Rounds: 1}
	var names []string
	for _, cell := range cfg.Cells() {
		names = append(names, cell.String())
	}
	require.Equal(t, []string{
		"kill 10x60", "drain 10x60", "kill 100x20", "drain 100x20", "kill 1GiB 10x60", "kill 1GiB 100x20",
	}, names)
}

// Each fault is one that package demo knows, in a mesh that is large enough for it.
func TestEveryFaultCanBeShown(t *testing.T) {
	require.Len(t, kinds, len(FaultNames()))
	for _, name := range FaultNames() {
		d, err := Config{Rounds: 3}.demo(Cell{name, measure.Load{Players: 10, Rate: 2}, 5}, "here:8500", nil)
		require.NoError(t, err, name)
		require.Len(t, d.Faults, 1, name)
		require.NoError(t, d.Faults[0].Check(d), name)
		require.Equal(t, uint64(5), d.Memory)
		require.Equal(t, 3, d.Rounds)
	}
}

func TestCheck(t *testing.T) {
	good := Config{Faults: FaultNames(), Loads: []measure.Load{{Players: 10, Rate: 60}}, Memory: []uint64{0, 1 << 30}, Rounds: 1}
	require.NoError(t, good.Check(true))
	for want, spoil := range map[string]func(*Config){
		"--rounds 0 is not 1 to 100":                             func(c *Config) { c.Rounds = 0 },
		"--memory is of kill":                                    func(c *Config) { c.Faults = []string{"host"} },
		"--load 4x60 is too small for many, which has 5 regions": func(c *Config) { c.Loads = []measure.Load{{Players: 4, Rate: 60}} },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.Check(true), want)
	}
	only := good
	only.Faults = []string{"host"}
	require.NoError(t, only.Check(false), "it was not asked for")
	_, err := ParseFaults("kill,quake")
	require.EqualError(t, err, `unknown fault "quake": choose from kill, host, freeze, cut, drain, edge, edge-bare, many`)
	_, err = ParseFaults("kill,kill")
	require.Error(t, err)
}

func TestFits(t *testing.T) {
	cfg := Config{Faults: []string{"kill"}, Loads: []measure.Load{{Players: 10, Rate: 1}}, Memory: []uint64{0}, Rounds: 1}
	require.NoError(t, cfg.Fits())
	if _, err := os.Stat("/proc/meminfo"); err == nil {
		cfg.Memory = []uint64{1 << 50}
		require.ErrorContains(t, cfg.Fits(), "--memory 1048576GiB is for each of 3 games")
	}
}

// report is one of two rounds, of which the second was planned or of an edge.
func report(second demo.Round) demo.Report {
	killed := demo.Round{Fault: "kill", Servers: []string{"a"}, Regions: []demo.Failover{{
		Region: "big", Noticed: 2 * ms, Back: 40 * ms, Stages: []demo.Stage{{Name: "held", At: 3 * ms}, {Name: "elected", At: 20 * ms}},
	}}, Stalls: []judge.Stall{
		{Region: "big", Durable: 30 * ms, First: 25 * ms, InFlight: 2},
		{Region: "big", Durable: 50 * ms, InFlight: 1},
		{Region: "else", Durable: 900 * ms, First: 900 * ms, Lag: 6 * ms},
	}, Delay: 5 * ms}
	return demo.Report{
		OK: true, Hot: 1, LagMax: 700 * ms, Rounds: []demo.Round{killed, second},
		Verdict: judge.Verdict{Sent: 100, Lost: 1, Skipped: 2, Doubled: 3, Disconnects: 4, Resumes: 1},
	}
}

func TestResultIsOfThoseWhoWereConcerned(t *testing.T) {
	r := newResult(Cell{Fault: "kill", Load: measure.Load{Players: 3, Rate: 2}}, report(demo.Round{}), nil)
	require.True(t, r.OK)
	require.EqualValues(t, 2, r.Stall.Count(), "the third player's region went on")
	require.InEpsilon(t, 50*ms, r.Stall.Quantile(1), 0.01)
	require.EqualValues(t, 1, r.First.Count())
	require.Equal(t, 3, r.InFlight)
	require.EqualValues(t, []uint64{3, 3, 4}, []uint64{r.Lost, r.Twice, r.Dropped})
	require.Equal(t, []Stage{
		{noticed, 1, 2 * ms, 2 * ms}, {"held", 1, 3 * ms, 3 * ms}, {"elected", 1, 20 * ms, 20 * ms}, {back, 1, 40 * ms, 40 * ms},
	}, r.Stages)
	require.Equal(t, 6*ms, r.Delay, "what the players noticed while nothing was measured does not count")
	require.False(t, r.Void)
	r.delayed(measure.MaxDelay + 1)
	require.True(t, r.Void)
	require.Equal(t, "VOID", r.verdict())

	r = newResult(Cell{Fault: "kill"}, report(demo.Round{}), errors.New("a server did not come back"))
	require.False(t, r.OK)
	require.Equal(t, "NOT OK", r.verdict())
	require.Contains(t, r.Line(), "a server did not come back")
}

// Nobody waits for a planned move before actions are held.
func TestStagesOfAPlannedMove(t *testing.T) {
	r := newResult(Cell{Fault: "drain"}, demo.Report{Rounds: []demo.Round{{
		Planned: true,
		Regions: []demo.Failover{{Region: "big", Noticed: time.Second, Back: 9 * ms, Stages: []demo.Stage{
			{Name: "held", At: 2 * time.Second}, {Name: "elected", At: 2*time.Second + 4*ms},
		}}},
		Stalls: []judge.Stall{{Region: "big", Durable: 5 * ms, First: 2 * time.Second}},
	}}}, nil)
	require.Equal(t, []Stage{{"elected", 1, 4 * ms, 4 * ms}}, r.Stages)
	require.EqualValues(t, 1, r.Stall.Count())
	require.Zero(t, r.First.Count())
}

func TestStagesOfADeadEdge(t *testing.T) {
	require.Equal(t, []Stage{{noticed, 1, 20 * ms, 20 * ms}, {resumed, 1, 40 * ms, 40 * ms}, {back, 1, 45 * ms, 45 * ms}},
		stagesOf([]demo.Round{{Edges: []string{"edge-1"}, Left: 20 * ms, Resumed: 40 * ms, Back: 45 * ms}}))
}

func TestPrintAndSave(t *testing.T) {
	run := measure.Begin("reseat bench recovery", 1)
	require.NoError(t, measure.Loaded(0))
	_ = run.End() // the machine may be busy
	empty := newResult(Cell{Fault: "freeze", Load: measure.Load{Players: 3, Rate: 2}}, demo.Report{}, errors.New("it did not start"))
	r := Report{Run: run, Registry: "Consul v1.22.5", Rounds: 2, Results: []Result{
		newResult(Cell{Fault: "kill", Load: measure.Load{Players: 3, Rate: 2}, Memory: 1 << 30}, report(demo.Round{}), nil), empty,
	}}
	require.False(t, r.OK())
	var text, md bytes.Buffer
	require.NoError(t, r.Print(&text, false))
	require.Regexp(t, `kill 1GiB +3 +2/s +30 ms +50 ms +50 ms +25 ms +25 ms +3 +3 +4 +1 `, text.String())
	require.Regexp(t, `kill 1GiB +3 +2.0 ms +3.0 ms +20 ms +- +- +- +- +- +40 ms`, text.String())
	require.NoError(t, r.Print(&md, true))
	require.Contains(t, md.String(), "| freeze | 3 | 2/s | - | - | - | - | - | 0 |")

	dir := t.TempDir()
	require.NoError(t, r.Save(dir, "recovery"))
	names, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	require.Equal(t, "recovery-3x2-stages.png recovery-3x2-stages.svg recovery-3x2.png recovery-3x2.svg recovery.json",
		strings.ReplaceAll(strings.Join(names, " "), dir+"/", ""))
	saved, err := os.ReadFile(dir + "/recovery.json")
	require.NoError(t, err)
	var back struct {
		Results []struct {
			Fault string `json:"fault"`
			Stall struct {
				N     int             `json:"n"`
				Curve []measure.Point `json:"curve"`
			} `json:"stall"`
		} `json:"results"`
	}
	require.NoError(t, json.Unmarshal(saved, &back))
	require.Equal(t, "kill", back.Results[0].Fault)
	require.Len(t, back.Results[0].Stall.Curve, 2)
}
