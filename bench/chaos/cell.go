package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/choose"
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/judge"
)

// Cell is what one run does, and what must have happened for it to prove
// anything.
type Cell struct {
	Name    string
	Steps   []Step
	Until   string        // an event that must come after the last step
	After   time.Duration // for which the crowd plays on after the last step; 0: 2 s
	Ballast int           // KiB of state of the game
	Gate    history.Counts
	Passed  Packets // at least, what the relays have done
	Faster  float64 // times the usual rate; 0: 1
}

// Packets are counts of what the relays did to packets.
type Packets struct{ Cut, Lost, Reordered, Rebound uint64 }

// Step is one fault of a cell.
type Step struct {
	Fault Fault
	After time.Duration // since the step before was mended, or since the crowd has its rate
	At    string        // instead: the next event of this name, and it is struck then
	For   time.Duration // until it is mended; 0: as usual
	Maybe bool          // the event of At may not come: then it is struck after two seconds
	Open  bool          // mended only when all steps are done
	Whole bool          // not before the mesh is whole
}

func (c *Cell) has(what func(Fault) bool) bool {
	return slices.ContainsFunc(c.Steps, func(s Step) bool { return what(s.Fault) })
}

// setup is what bench/history is told of the run.
func (c *Cell) setup(seed uint64, rate float64) history.Setup {
	gate := c.Gate
	gate.Rate = uint64(rate / 2)
	return history.Setup{
		Name: c.Name, Seed: seed, Gate: gate,
		Strict:  !c.has(func(f Fault) bool { return f.loose }),
		Poison:  c.has(func(f Fault) bool { return f.poison }),
		Roaming: c.has(func(f Fault) bool { return f.roams }),
	}
}

// allowances are what bench/judge is told of it.
func (c *Cell) allowances() (out []judge.Allowance) {
	if c.has(func(f Fault) bool { return f.roams }) {
		out = append(out, judge.AllowResumes)
	}
	if c.has(func(f Fault) bool { return f.poison }) {
		out = append(out, judge.AllowRefusals)
	}
	if c.has(func(f Fault) bool { return f.loose }) {
		out = append(out, judge.AllowRerolls)
	}
	return out
}

// String says what the cell does.
func (c *Cell) String() string {
	parts := make([]string, 0, len(c.Steps))
	for _, s := range c.Steps {
		when := fmt.Sprintf("after %v", s.After)
		if s.At != "" {
			when = "at " + s.At
		}
		parts = append(parts, fmt.Sprintf("%s %s for %v", when, s.Fault.Name, s.lasts()))
	}
	return strings.Join(parts, ", then ")
}

func (s *Step) lasts() time.Duration {
	if s.For != 0 {
		return s.For
	}
	return s.Fault.lasts
}

// Find returns cells of the table by their names.
func Find(list string) ([]Cell, error) {
	return choose.From("cell", list, Names(), Cells())
}

// Names are those of all cells.
func Names() (out []string) {
	for _, c := range Cells() {
		out = append(out, c.Name)
	}
	return out
}
