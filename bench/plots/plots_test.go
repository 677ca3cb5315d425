package plots

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
)

func TestSaveDrawsBothKinds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	h := measure.HistOf([]time.Duration{time.Millisecond, 5 * time.Millisecond, 80 * time.Millisecond})
	p := Plot{Title: "stall", X: "ms", Y: "% of players", LogX: true, Points: true, Lines: []Line{Distribution("kill", h)}}
	require.NoError(t, p.Save(dir, "stall"))
	f, err := os.Open(filepath.Join(dir, "stall.png"))
	require.NoError(t, err)
	defer f.Close()
	img, err := png.Decode(f)
	require.NoError(t, err)
	require.Equal(t, 768, img.Bounds().Dx())
	svg, err := os.ReadFile(filepath.Join(dir, "stall.svg"))
	require.NoError(t, err)
	require.Contains(t, string(svg), "kill (p50 5.0 ms, p99 80 ms)")
}

func TestDistributionEndsAtAll(t *testing.T) {
	l := Distribution("x", measure.HistOf([]time.Duration{0, time.Millisecond}))
	require.Equal(t, 100.0, l.Y[len(l.Y)-1])
	require.Positive(t, l.X[0], "an axis of powers of ten has no zero")
}

func TestLogTicks(t *testing.T) {
	var labels []string
	ticks := logTicks{}.Ticks(0.3, 60)
	for _, tick := range ticks {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	require.Equal(t, []string{"0.5", "1", "2", "5", "10", "20", "50"}, labels)
	require.Len(t, ticks, 7+9+6)
}

// Steps have names.
func TestSaveDrawsNames(t *testing.T) {
	p := Plot{LogX: true, Points: true, YNames: []string{"noticed", "elected"}, Lines: []Line{{Name: "kill", X: []float64{3, 30}, Y: []float64{0, 1}}}}
	dir := t.TempDir()
	require.NoError(t, p.Save(dir, "steps"))
	svg, err := os.ReadFile(filepath.Join(dir, "steps.svg"))
	require.NoError(t, err)
	require.Contains(t, string(svg), "elected")
}

func TestBadLine(t *testing.T) {
	p := Plot{Lines: []Line{{Name: "half", X: []float64{1}}}}
	require.ErrorContains(t, p.Save(t.TempDir(), "bad"), "half")
}
