package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// moments are the events at which a second fault may be struck: all come in a
// takeover, or when the mesh becomes whole again.
var moments = []string{"held", "elected", "serving", "switch", "resent", "joined", "caught_up", "copied", "insync"}

// Explore draws a cell out of a seed: one fault or two of all there are, and when
// they come and for how long.
func Explore(seed uint64) Cell {
	rng := rand.New(rand.NewPCG(seed, 1))
	all := slices.Sorted(maps.Keys(faults))
	draw := func() Fault { return faults[all[rng.IntN(len(all))]] }
	first := draw()
	c := Cell{Name: first.Name, Ballast: []int{0, 0, 64, 2048}[rng.IntN(4)]}
	step := Step{Fault: first, After: upTo(rng, time.Second), For: vary(rng, first.lasts), Open: rng.IntN(2) == 0}
	c.Steps = []Step{step}
	if rng.IntN(3) > 0 {
		second := draw()
		for first.poison && second.poison || first.registry && second.registry { // they would hinder each other
			second = draw()
		}
		next := Step{Fault: second, After: upTo(rng, 2*time.Second), For: vary(rng, second.lasts), Open: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			next.At, next.Maybe = moments[rng.IntN(len(moments))], true
		}
		c.Name = fmt.Sprintf("%s+%s", first.Name, second.Name)
		c.Steps = append(c.Steps, next)
	}
	return c
}

func upTo(rng *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(most))).Round(time.Millisecond)
}

// vary is between half of d and one and a half.
func vary(rng *rand.Rand, d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return d/2 + upTo(rng, d)
}
