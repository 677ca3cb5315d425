// Package plots draws what was measured, each plot as SVG for pages and as PNG for
// everything else.
package plots

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Size of a plot on paper; a PNG has 96 points an inch.
const (
	width  = 8 * vg.Inch
	height = 4.5 * vg.Inch
)

// Line is one of a plot. X and Y have the units that the plot's axes name.
type Line struct {
	Name string
	X, Y []float64
}

// Plot is lines over common axes.
type Plot struct {
	Title, X, Y string
	LogX, LogY  bool     // values must be positive
	Points      bool     // mark each value, too
	YNames      []string // of the values 0, 1, 2 … of Y; nil: they are numbers
	Lines       []Line
}

// Point adds a point to the line of a name, which it adds if there is none.
func (p *Plot) Point(name string, x, y float64) {
	i := slices.IndexFunc(p.Lines, func(l Line) bool { return l.Name == name })
	if i < 0 {
		i = len(p.Lines)
		p.Lines = append(p.Lines, Line{Name: name})
	}
	l := &p.Lines[i]
	l.X, l.Y = append(l.X, x), append(l.Y, y)
}

// Ms is a duration in milliseconds, as an axis can show it that has no zero.
func Ms(d time.Duration) float64 {
	return max(d.Seconds()*1000, 0.001)
}

// Distribution is the line of a histogram: milliseconds, and the percentage of all
// that is not above.
func Distribution(name string, h measure.Hist) Line {
	l := Line{Name: fmt.Sprintf("%s (p50 %s, p99 %s)", name, measure.Ms(h.Quantile(.5)), measure.Ms(h.Quantile(.99)))}
	below := 0.0
	for _, p := range h.Curve() {
		ms := Ms(p.At)
		l.X = append(l.X, ms, ms)
		l.Y = append(l.Y, below, 100*p.Share)
		below = 100 * p.Share
	}
	return l
}

// Save writes name.svg and name.png into a folder, which it makes.
func (p Plot) Save(dir, name string) error {
	drawn, err := p.draw()
	if err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("plot %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	return errors.Join(drawn.Save(width, height, path+".svg"), drawn.Save(width, height, path+".png"))
}

func (p Plot) draw() (*plot.Plot, error) {
	out := plot.New()
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.Title, p.X, p.Y
	out.Title.Padding = vg.Points(6)
	out.Legend.Top, out.Legend.Left = true, true
	out.Legend.Padding = vg.Points(2)
	out.Legend.XOffs = vg.Points(6)
	out.Add(plotter.NewGrid())
	if p.LogX {
		out.X.Scale, out.X.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	if p.LogY {
		out.Y.Scale, out.Y.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	if p.YNames != nil {
		out.NominalY(p.YNames...)
	}
	for i, l := range p.Lines {
		if len(l.X) == 0 || len(l.X) != len(l.Y) {
			return nil, fmt.Errorf("line %q has %d values of x and %d of y", l.Name, len(l.X), len(l.Y))
		}
		xy := make(plotter.XYs, len(l.X))
		for j := range xy {
			xy[j] = plotter.XY{X: l.X[j], Y: l.Y[j]}
		}
		line, points, err := plotter.NewLinePoints(xy)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", l.Name, err)
		}
		line.Color, line.Width, line.Dashes = plotutil.Color(i), vg.Points(1.6), plotutil.Dashes(i/len(plotutil.DefaultColors))
		out.Add(line)
		out.Legend.Add(l.Name, line)
		if p.Points {
			points.Color, points.Shape = plotutil.Color(i), plotutil.Shape(i)
			out.Add(points)
		}
	}
	return out, nil
}
