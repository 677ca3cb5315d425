package plots_test

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

func TestSaveDrawsBothKinds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	h := measure.HistOf([]time.Duration{time.Millisecond, 5 * time.Millisecond, 80 * time.Millisecond})
	p := plots.Plot{Title: "stall", X: "ms", Y: "% of players", LogX: true, Points: true, Lines: []plots.Line{plots.Distribution("kill", h)}}
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
	l := plots.Distribution("x", measure.HistOf([]time.Duration{0, time.Millisecond}))
	require.Equal(t, 100.0, l.Y[len(l.Y)-1])
	require.Positive(t, l.X[0], "an axis of powers of ten has no zero")
}

func TestBadLine(t *testing.T) {
	p := plots.Plot{Lines: []plots.Line{{Name: "half", X: []float64{1}}}}
	require.ErrorContains(t, p.Save(t.TempDir(), "bad"), "half")
}
