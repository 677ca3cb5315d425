package mesh

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Line is a result in one line, for those who wait.
func (r *Result) Line() string {
	line := r.Scene + ": "
	if len(r.Moves) > 0 {
		line += fmt.Sprintf("%d of %d regions moved, the last one is served after %s, stall p50 %s, p99 %s, longest %s, ",
			len(r.Moves), r.Regions, measure.Ms(r.Serves.Max), of(r.Stall, .5), of(r.Stall, .99), of(r.Stall, 1))
	}
	line += fmt.Sprintf("%s in %.0f s", r.verdict(), r.Took)
	if len(r.Problems) > 0 {
		line += "\n    " + strings.Join(r.Problems, "\n    ")
	}
	return line
}

// verdict is the last cell of a row.
func (r *Result) verdict() string { return measure.Verdict(r.OK, r.Void) }

// Print writes the circumstances, the table, and below it what each scene has shown
// besides; for people also what the columns mean.
func (r *Report) Print(w io.Writer, markdown bool) error {
	table, fence, last := r.table(), "", "\n"+legend
	if markdown {
		fence, last = "```\n", ""
	}
	fmt.Fprintf(w, "%s%vConsul: %s\n%s\n", fence, r.Run, r.Registry, fence)
	if err := table.Write(w, markdown); err != nil {
		return err
	}
	if more := r.more(); more != "" {
		fmt.Fprintf(w, "\n%s%s%s", fence, more, fence)
	}
	_, err := io.WriteString(w, last)
	return err
}

const legend = `servers: struck/all; regions: moved/all; serves: from the fault until the region has a
primary that serves; in order: share of the pairs of regions that were served in the
order of their ranks; stall: of the players of those regions, and of an edge that was
killed, the longest wait from the fault until an action is durable; worst p99: of the
regions; covered: until every region has all its backups again, without those that were
killed. Idle: CPU time from /proc, of processes that all other load of the machine may
have made slower, with all players there and none of them doing anything.
`

// table has a row for each scene.
func (r *Report) table() measure.Table {
	t := measure.Table{Head: []string{
		"scene", "servers", "regions", "players", "serves p50", "p99", "max", "in order", "stall p50", "p99", "max", "worst p99",
		"covered", "lost", "twice", "dropped", "verdict",
	}}
	for _, one := range r.Results {
		count := func(n uint64) string { return strconv.FormatUint(n, 10) }
		struck, moved := fmt.Sprintf("%d/%d", one.Struck, one.Servers), fmt.Sprintf("%d/%d", len(one.Moves), one.Regions)
		t.Row(slices.Concat(
			[]string{one.Scene, struck, moved, strconv.Itoa(one.Players)}, one.waits(),
			[]string{count(one.Lost), count(one.Twice), count(one.Disconnects), one.verdict()},
		)...)
	}
	return t
}

const none = "-"

// waits are the cells of what took time, which nothing did where no region moved.
func (r *Result) waits() []string {
	if len(r.Moves) == 0 {
		return slices.Repeat([]string{none}, 9)
	}
	return []string{
		measure.Ms(r.Serves.P50), measure.Ms(r.Serves.P99), measure.Ms(r.Serves.Max), fmt.Sprintf("%.0f%%", 100*r.Ordered),
		of(r.Stall, .5), of(r.Stall, .99), of(r.Stall, 1), measure.Ms(r.Worst), measure.Ms(r.Covered),
	}
}

func of(h measure.Hist, q float64) string {
	if h.Count() == 0 {
		return none
	}
	return measure.Ms(h.Quantile(q))
}

// more is what has no place in a row, scene by scene.
func (r *Report) more() string {
	var b strings.Builder
	for _, one := range r.Results {
		if lines := slices.Concat(one.Problems, one.moved(), one.costs()); len(lines) > 0 {
			fmt.Fprintf(&b, "%s\n    %s\n", one.Scene, strings.Join(lines, "\n    "))
		}
	}
	return b.String()
}

// moved say when each region was served again, by rank, and what that took.
func (r *Result) moved() (lines []string) {
	if len(r.Moves) == 0 {
		return nil
	}
	parts := make([]string, 0, len(r.Moves))
	for _, m := range r.Moves {
		parts = append(parts, fmt.Sprintf("%d: %s", m.Rank, measure.Ms(m.Serves)))
	}
	lines = append(lines, "serves by rank  "+strings.Join(parts, "  "))
	if len(r.Costs) > 0 {
		lines = append(lines, "cores that were at work until all players were back: "+cores(r.Costs))
	}
	for _, l := range r.Levels {
		lines = append(lines, fmt.Sprintf("level %s after %s", l.Level, measure.Ms(l.At)))
	}
	return lines
}

// cores says how many cores each kind of process kept busy.
func cores(costs []demo.Cost) string {
	parts := make([]string, 0, len(costs))
	for _, c := range costs {
		parts = append(parts, fmt.Sprintf("%d x %s %.2f", c.Processes, c.What, c.CPU*float64(c.Processes)))
	}
	return strings.Join(parts, "  ")
}
