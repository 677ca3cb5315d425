package mesh

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Print writes results for people.
type Print struct {
	To     io.Writer
	headed bool
}

// Result writes the row of a scene.
func (p *Print) Result(r Result) {
	if !p.headed {
		p.headed = true
		fmt.Fprintf(p.To, "%-11s %7s %7s %8s  %-23s %8s  %-23s %9s %8s %5s %5s %7s  %s\n", "scene", "servers", "regions", "players",
			"serves p50/p99/max", "in order", "stall p50/p99/max", "worst p99", "covered", "lost", "twice", "dropped", "verdict")
	}
	verdict := "ok"
	if !r.OK {
		verdict = "NOT OK"
	}
	fmt.Fprintf(p.To, "%-11s %7s %7s %8d  %-23s %7.0f%%  %-23s %9s %8s %5d %5d %7d  %s\n", r.Scene,
		fmt.Sprintf("%d/%d", r.Struck, r.Servers), fmt.Sprintf("%d/%d", len(r.Moves), r.Regions), r.Players,
		spread(r.Serves.P50, r.Serves.P99, r.Serves.Max), 100*r.Ordered, spread(r.Stall.P50, r.Stall.P99, r.Stall.Max), measure.Ms(r.Worst), measure.Ms(r.Covered),
		r.Lost, r.Twice, r.Disconnects, verdict)
	for _, problem := range r.Problems {
		fmt.Fprintf(p.To, "    %s\n", problem)
	}
}

// Ranks writes when each region of a scene was served again, by rank.
func (p *Print) Ranks(r Result) {
	p.Idle(r)
	if len(r.Moves) == 0 {
		return
	}
	parts := make([]string, 0, len(r.Moves))
	for _, m := range r.Moves {
		parts = append(parts, fmt.Sprintf("%d: %s", m.Rank, measure.Ms(m.Serves)))
	}
	fmt.Fprintf(p.To, "    %s serves by rank  %s\n", r.Scene, strings.Join(parts, "  "))
	if len(r.Costs) > 0 {
		fmt.Fprintf(p.To, "    cores that were at work until all players were back: %s\n", cores(r.Costs))
	}
	for _, l := range r.Levels {
		fmt.Fprintf(p.To, "    level %s after %s\n", l.Level, measure.Ms(l.At))
	}
}

// cores says how many cores each kind of process kept busy.
func cores(costs []demo.Cost) string {
	parts := make([]string, 0, len(costs))
	for _, c := range costs {
		parts = append(parts, fmt.Sprintf("%d x %s %.2f", c.Processes, c.What, c.CPU*float64(c.Processes)))
	}
	return strings.Join(parts, "  ")
}

// Idle writes what a mesh costs while nothing happens.
func (p *Print) Idle(r Result) {
	for _, i := range r.Idle {
		parts := make([]string, 0, len(i.Costs))
		for _, c := range i.Costs {
			parts = append(parts, fmt.Sprintf("%d x %s %s", c.Processes, c.What, share(c.CPU)))
		}
		fmt.Fprintf(p.To, "    with %2d servers, of one core each: %s\n", i.Servers, strings.Join(parts, "  "))
	}
	if len(r.Idle) < 2 {
		return
	}
	few, many := r.Idle[0], r.Idle[len(r.Idle)-1]
	edge, controller := perServer(few, many)
	noise := 2 * demo.CPUStep.Seconds() / many.Took.Seconds() // two readings, of both
	more := float64(max(1, many.Servers-few.Servers))
	fmt.Fprintf(p.To, "    each server more costs an edge %s of CPU time a second, and the controller in it %s more;\n"+
		"    with %d servers the edge that is the controller works %s a second more than the other one\n",
		micros(edge, noise/more), micros(controller, 2*noise/more), many.Servers,
		micros(many.Of("controller").CPU-many.Of("edge").CPU, noise))
}

func share(cpu float64) string { return fmt.Sprintf("%.2f%%", 100*cpu) }

// micros is a share of a second, if it is more than what the readings are wrong by.
func micros(cpu, noise float64) string {
	if cpu < noise {
		return fmt.Sprintf("less than %.0fµs", 1e6*noise)
	}
	return fmt.Sprintf("%.0fµs", 1e6*cpu)
}

// Legend says what the columns mean.
func (p *Print) Legend() {
	fmt.Fprint(p.To, `servers: struck/all; regions: moved/all; serves: from the fault until the region has a
primary that serves; in order: share of the pairs of regions that were served in the
order of their ranks; stall: of the players of those regions, the longest wait from the
fault until an action is durable; worst p99: of the regions; covered: until every
region has all its backups again, without those that were killed. Idle: CPU time
from /proc, of processes that all other load of the machine may have made slower,
with all players there and none of them doing anything.
`)
}

func spread(p50, p99, most time.Duration) string {
	return measure.Ms(p50) + "/" + measure.Ms(p99) + "/" + measure.Ms(most)
}
