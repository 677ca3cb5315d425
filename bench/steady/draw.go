package steady

import (
	"errors"
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

// Save writes name.json into a folder, and plots whose names begin with name: the round
// trips of all paths under each load, and what an action costs at the front.
func (r *Result) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	var loads []Load
	for _, r := range r.Rows {
		if !slices.Contains(loads, r.Load) {
			loads = append(loads, r.Load)
		}
	}
	for _, load := range loads {
		p := plots.Plot{
			Title: fmt.Sprintf("Round trip of an action, %d players at %g/s", load.Players, load.Rate),
			X:     "milliseconds from the time in the schedule", Y: "% of all", LogX: true,
		}
		if load.Window > 0 {
			p.Title = fmt.Sprintf("Round trip of an action, %d players with %d on the way", load.Players, load.Window)
		}
		for _, r := range r.Rows {
			if r.Load == load && r.hist.Count() > 0 {
				p.Lines = append(p.Lines, plots.Distribution(r.Path, r.hist))
			}
		}
		err = errors.Join(err, p.Save(dir, name+"-"+load.String()))
	}
	return errors.Join(err, drawCPU(dir, name, r.Rows, loads))
}

// drawCPU draws what an action costs at the front, for each load: the first is at the top.
func drawCPU(dir, name string, rows []Row, loads []Load) error {
	p := plots.Plot{
		Title: "CPU time of what the players are connected to", X: "microseconds per action", LogX: true, Points: true,
	}
	for _, load := range slices.Backward(loads) {
		y := float64(len(p.YNames))
		p.YNames = append(p.YNames, load.String())
		for _, r := range rows {
			if r.Load == load && r.Front > 0 {
				p.Point(r.Path, r.Front, y)
			}
		}
	}
	if len(p.Lines) == 0 {
		return nil
	}
	return p.Save(dir, name+"-cpu")
}
