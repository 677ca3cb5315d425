package steady

import (
	"errors"
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/bench/plots"
)

// Draw writes the plots, whose names begin with name: the round trips of all paths under
// each load, and what an action costs over all loads.
func Draw(dir, name string, rows []Row) error {
	var errs []error
	var loads []Load
	for _, r := range rows {
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
		for _, r := range rows {
			if r.Load == load && r.hist.Count() > 0 {
				p.Lines = append(p.Lines, plots.Distribution(r.Path, r.hist))
			}
		}
		errs = append(errs, p.Save(dir, name+"-"+load.String()))
	}
	return errors.Join(append(errs, drawCPU(dir, name, rows))...)
}

// drawCPU draws what each action costs at the front and in all, by the rate of actions.
func drawCPU(dir, name string, rows []Row) error {
	p := plots.Plot{
		Title: "CPU time per action", X: "actions per second", Y: "microseconds", LogX: true, Points: true,
	}
	for _, r := range rows {
		if r.Path == direct || r.Second == 0 {
			continue
		}
		for what, us := range map[string]float64{"": r.Front, ", all servers": r.Servers} {
			i := slices.IndexFunc(p.Lines, func(l plots.Line) bool { return l.Name == r.Path+what })
			if i < 0 {
				i = len(p.Lines)
				p.Lines = append(p.Lines, plots.Line{Name: r.Path + what})
			}
			at, _ := slices.BinarySearch(p.Lines[i].X, r.Second)
			p.Lines[i].X = slices.Insert(p.Lines[i].X, at, r.Second)
			p.Lines[i].Y = slices.Insert(p.Lines[i].Y, at, us)
		}
	}
	if len(p.Lines) == 0 {
		return nil
	}
	slices.SortFunc(p.Lines, func(a, b plots.Line) int { return len(a.Name) - len(b.Name) })
	return p.Save(dir, name+"-cpu")
}
