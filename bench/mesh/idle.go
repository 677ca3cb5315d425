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
	return append(lines,
		fmt.Sprintf("each server more costs an edge %s of CPU time a second, and the controller in it %s more;",
			micros(edge), micros(controller)),
		fmt.Sprintf("with %d servers the edge that is the controller works %s a second more than the other one",
			many.Servers, micros(many.Of("controller").CPU-many.Of("edge").CPU)))
}

// micros is a share of a second. One that is below zero says how uncertain it is.
func micros(cpu float64) string { return fmt.Sprintf("%.0fµs", 1e6*cpu) }
