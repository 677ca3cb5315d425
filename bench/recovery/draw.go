package recovery

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

// save writes the trace into a folder, as JSON and as the tree that people read.
func (t *Traced) save(dir, name string) error {
	if err := measure.Save(dir, name, t); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := t.Print(&text); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".txt"), text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}

// Save writes name.json into a folder, name-trace.json and .txt if there is one, and two
// plots for each load: how the stalls of each fault are spread (name-LOAD), and when each
// stage was reached (name-LOAD-stages).
func (r *Report) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	if r.Traced != nil {
		err = errors.Join(err, r.Traced.save(dir, name+"-trace"))
	}
	for _, load := range r.loads() {
		base := fmt.Sprintf("%s-%v", name, load)
		if p := r.stallPlot(load); len(p.Lines) > 0 {
			err = errors.Join(err, p.Save(dir, base))
		}
		if p := r.stagePlot(load); len(p.Lines) > 0 {
			err = errors.Join(err, p.Save(dir, base+"-stages"))
		}
	}
	return err
}

// loads are those of the results.
func (r *Report) loads() (out []measure.Load) {
	seen := map[measure.Load]bool{}
	for _, one := range r.Results {
		if !seen[one.Load] {
			seen[one.Load] = true
			out = append(out, one.Load)
		}
	}
	return out
}

func (r *Report) stallPlot(load measure.Load) plots.Plot {
	p := plots.Plot{
		Title: fmt.Sprintf("Stall of each player by fault, %d players at %v actions/s", load.Players, load.Rate),
		X:     "ms from the fault, or from the intended time, until durable", Y: "% of players who waited no longer", LogX: true,
	}
	for _, one := range r.Results {
		if one.Load == load && one.Stall.Count() > 0 {
			p.Lines = append(p.Lines, plots.Distribution(one.what(), one.Stall))
		}
	}
	return p
}

// stagePlot has a line for each fault from one stage to the next.
func (r *Report) stagePlot(load measure.Load) plots.Plot {
	p := plots.Plot{
		Title: fmt.Sprintf("When each stage is reached, %d players at %v actions/s", load.Players, load.Rate),
		X:     "ms since the fault, median", LogX: true, Points: true, YNames: stageNames(),
	}
	for _, one := range r.Results {
		for i, name := range stageNames() {
			if at := one.stage(name); one.Load == load && at > 0 {
				p.Point(one.what(), plots.Ms(at), float64(i))
			}
		}
	}
	return p
}
