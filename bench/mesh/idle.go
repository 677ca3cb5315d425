package mesh

import (
	"fmt"
	"strings"

	"github.com/reseat-proxy/reseat/bench/demo"
)

// Idle is what a mesh of so many servers costs while nothing happens.
type Idle struct {
	Servers int `json:"servers"`
	demo.Idle
}

// perServer is by how much one server more raises what an edge costs, and what the
// controller in it does, as shares of a core.
func perServer(few, many Idle) (edge, controller float64) {
	more := float64(many.Servers - few.Servers)
	if more <= 0 {
		return 0, 0
	}
	work := func(i Idle) float64 { return i.Of("controller").CPU - i.Of("edge").CPU }
	return (many.Of("edge").CPU - few.Of("edge").CPU) / more, (work(many) - work(few)) / more
}

// costs say what a mesh cost while nothing happened, and how that grows with it.
func (r *Result) costs() (lines []string) {
	for _, i := range r.Idle {
		parts := make([]string, 0, len(i.Costs))
		for _, c := range i.Costs {
			parts = append(parts, fmt.Sprintf("%d x %s %.2f%%", c.Processes, c.What, 100*c.CPU))
		}
		lines = append(lines, fmt.Sprintf("with %2d servers, of one core each: %s", i.Servers, strings.Join(parts, "  ")))
	}
	if len(r.Idle) < 2 {
		return lines
	}
	few, many := r.Idle[0], r.Idle[len(r.Idle)-1]
	edge, controller := perServer(few, many)
	noise := 2 * demo.CPUStep.Seconds() / many.Took.Seconds() // two readings, of both
	more := float64(max(1, many.Servers-few.Servers))
	return append(lines,
		fmt.Sprintf("each server more costs an edge %s of CPU time a second, and the controller in it %s more;",
			micros(edge, noise/more), micros(controller, 2*noise/more)),
		fmt.Sprintf("with %d servers the edge that is the controller works %s a second more than the other one",
			many.Servers, micros(many.Of("controller").CPU-many.Of("edge").CPU, noise)))
}

// micros is a share of a second, if it is more than what the readings are wrong by.
func micros(cpu, noise float64) string {
	if cpu < noise {
		return fmt.Sprintf("less than %.0fµs", 1e6*noise)
	}
	return fmt.Sprintf("%.0fµs", 1e6*cpu)
}
