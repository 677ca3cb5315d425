package measure_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
)

func TestHistKnowsItsQuantiles(t *testing.T) {
	h := measure.NewHist()
	for ms := range 1000 {
		h.Record(time.Duration(ms+1) * time.Millisecond)
	}
	s := h.Spread()
	require.EqualValues(t, 1000, s.N)
	for _, c := range []struct{ got, want time.Duration }{
		{s.P50, 500 * time.Millisecond}, {s.P90, 900 * time.Millisecond}, {s.P99, 990 * time.Millisecond}, {s.Max, time.Second},
	} {
		require.InEpsilon(t, float64(c.want), float64(c.got), 0.001)
	}
	curve := h.Curve()
	require.Equal(t, 1.0, curve[len(curve)-1].Share)
}

func TestHistHoldsWhatIsTooLong(t *testing.T) {
	h := measure.HistOf([]time.Duration{-time.Second, time.Hour})
	require.EqualValues(t, 2, h.Count())
	require.InEpsilon(t, float64(time.Minute), float64(h.Spread().Max), 0.001)
}

// One answer of a second among those of a closed loop that asks every 10 ms hides a
// hundred that were never asked.
func TestHistCountsWhatWasNotOffered(t *testing.T) {
	naive, corrected := measure.NewHist(), measure.NewHist()
	for _, d := range []time.Duration{time.Millisecond, time.Second, time.Millisecond} {
		naive.Record(d)
		corrected.RecordAt(d, 10*time.Millisecond)
	}
	require.EqualValues(t, 3, naive.Count())
	require.InDelta(t, 102, float64(corrected.Count()), 1)
	require.Greater(t, corrected.Quantile(.5), 400*time.Millisecond)
}

func TestHistAsJSON(t *testing.T) {
	text, err := json.Marshal(measure.HistOf([]time.Duration{time.Millisecond}))
	require.NoError(t, err)
	var out struct {
		N     int64           `json:"n"`
		Curve []measure.Point `json:"curve"`
	}
	require.NoError(t, json.Unmarshal(text, &out))
	require.EqualValues(t, 1, out.N)
	require.Len(t, out.Curve, 1)
}

func TestHistComesBack(t *testing.T) {
	h := measure.NewHist()
	for i := range 10_000 {
		h.Record(time.Duration(i*i) * time.Microsecond)
	}
	h.Record(time.Hour)
	text, err := json.Marshal(h)
	require.NoError(t, err)
	var back measure.Hist
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, h.Curve(), back.Curve())
	require.Equal(t, h.Spread(), back.Spread())
	for _, bad := range []string{`{"n":2,"curve":[{"at_ns":5000,"share":0.5}]}`, `{"n":1,"curve":[{"at_ns":-1,"share":1}]}`, `{"n":-1}`, `[]`} {
		require.Error(t, json.Unmarshal([]byte(bad), &back), bad)
	}
	require.NoError(t, json.Unmarshal([]byte(`{"n":0}`), &back))
	require.Zero(t, back.Count())
}

// In a bubble a timer is never late, so any delay that is seen would be our own.
func TestDelayIsOfTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := measure.WatchDelay()
		time.Sleep(time.Second)
		require.Zero(t, d.Take())
		d.Stop()
	})
}

func TestLoadedIsVoid(t *testing.T) {
	r := measure.Begin("reseat bench test", 1)
	require.NotEmpty(t, r.Machine.Go)
	r.Note(150 * time.Millisecond)
	require.ErrorIs(t, r.End(), measure.ErrLoaded)
	require.True(t, r.Void)
	require.Contains(t, r.String(), "VOID")
	require.NoError(t, measure.Loaded(measure.MaxDelay))
}

func TestSave(t *testing.T) {
	dir := t.TempDir() + "/deeper"
	require.NoError(t, measure.Save(dir, "result", map[string]int{"players": 3}))
	text, err := os.ReadFile(dir + "/result.json")
	require.NoError(t, err)
	require.JSONEq(t, `{"players":3}`, string(text))
	require.Error(t, measure.Save(t.TempDir(), "result", math.NaN()))
}

func TestTable(t *testing.T) {
	table := measure.Table{Head: []string{"fault", "p50"}}
	table.Row("kill", "3.1 ms")
	table.Row("nothing")
	var text, md bytes.Buffer
	require.NoError(t, table.Print(&text))
	require.Equal(t, "fault       p50\nkill     3.1 ms\nnothing\n", text.String())
	require.NoError(t, table.Markdown(&md))
	require.Equal(t, "| fault | p50 |\n| --- | ---: |\n| kill | 3.1 ms |\n| nothing |\n", md.String())

	two := measure.Table{Head: []string{"load", "path", "p50"}, Rows: [][]string{{"1x3", "relay-each", "1 ms"}, {"100x3", "direct", "2 ms"}}, Text: 2}
	text.Reset()
	md.Reset()
	require.NoError(t, two.Print(&text))
	require.Equal(t, "load   path         p50\n1x3    relay-each  1 ms\n100x3  direct      2 ms\n", text.String())
	require.NoError(t, two.Markdown(&md))
	require.Contains(t, md.String(), "| --- | --- | ---: |\n")
}

func TestNeedMemory(t *testing.T) {
	require.NoError(t, measure.NeedMemory(1<<20))
	if runtime.GOOS == "linux" {
		require.ErrorContains(t, measure.NeedMemory(1<<50), "this needs 1048576.0 GiB of memory, and ")
	}
}

func TestNeedFiles(t *testing.T) {
	require.NoError(t, measure.NeedFiles(16))
	require.ErrorContains(t, measure.NeedFiles(1<<40), "ulimit -n")
}
