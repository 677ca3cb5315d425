package mesh

import (
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

// Save writes name.json into a folder, and two plots: when each region was served again
// after its servers were killed (name-serves), and how the stalls of the players are
// spread in each scene (name-stalls).
func (r *Report) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	if p := r.servesPlot(); len(p.Lines) > 0 {
		err = errors.Join(err, p.Save(dir, name+"-serves"))
	}
	if p := r.stallPlot(); len(p.Lines) > 0 {
		err = errors.Join(err, p.Save(dir, name+"-stalls"))
	}
	return err
}

// servesPlot has a line for each scene in which servers failed. Where they were emptied
// one after the other, each round has ranks of its own, and nobody waits for a region
// that still has its old primary.
func (r *Report) servesPlot() plots.Plot {
	p := plots.Plot{
		Title: "When each region is served again", X: "rank of the region: 1 is to be served first", Y: "ms since the fault", Points: true,
	}
	for _, one := range r.Results {
		if one.Planned {
			continue
		}
		name := fmt.Sprintf("%s: %d of %d servers", one.Scene, one.Struck, one.Servers)
		for _, m := range one.Moves {
			p.Point(name, float64(m.Rank), plots.Ms(m.Serves))
		}
	}
	return p
}

// stallPlot has a line for each scene in which somebody was concerned.
func (r *Report) stallPlot() plots.Plot {
	p := plots.Plot{
		Title: "Stall of each player who was concerned, by scene",
		X:     "ms from the fault, or from the intended time, until durable", Y: "% of players who waited no longer", LogX: true,
	}
	for _, one := range r.Results {
		if one.Stall.Count() > 0 {
			p.Lines = append(p.Lines, plots.Distribution(one.Scene, one.Stall))
		}
	}
	return p
}
