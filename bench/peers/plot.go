package peers

import (
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

// Save writes name.json into a folder, and the distribution of the interruptions, one plot
// for each load and fault (name-FAULT-LOAD): how many of all players waited no longer.
func (r *Result) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	all := r.Rows()
	for len(all) > 0 {
		first, n := all[0], 0
		p := plots.Plot{
			Title: fmt.Sprintf("%s of the game server, %d players at %v actions/s", first.Fault, first.Load.Players, first.Load.Rate),
			X:     "interruption, ms", Y: "% of all players", LogX: true,
		}
		for ; n < len(all) && all[n].Load == first.Load && all[n].Fault == first.Fault; n++ {
			p.Lines = append(p.Lines, all[n].line())
		}
		err = errors.Join(err, p.Save(dir, fmt.Sprintf("%s-%s-%v", name, first.Fault, first.Load)))
		all = all[n:]
	}
	return err
}

// line is the distribution over all players, so that it ends where the rest never
// moved. If nobody did it stays at the bottom for as long as we watched.
func (w *Row) line() plots.Line {
	if w.Sum.Moved == 0 {
		end := float64(watched[w.Fault].Milliseconds())
		return plots.Line{Name: w.Contender + " (never)", X: []float64{1, end}, Y: []float64{0, 0}}
	}
	l := plots.Distribution(w.Contender, w.Hist)
	share := float64(w.Sum.Moved) / float64(w.Players)
	for i := range l.Y {
		l.Y[i] *= share
	}
	l.Name = w.Contender // the figures are in the table; here they would hide the lines
	return l
}
