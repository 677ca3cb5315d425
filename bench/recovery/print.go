package recovery

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Line is a result in one line, for those who wait.
func (r *Result) Line() string {
	line := fmt.Sprintf("%v: stall p50 %s, p99 %s, longest %s, %s in %.0f s", r.Cell,
		measure.Ms(r.Stall.Quantile(.5)), measure.Ms(r.Stall.Quantile(.99)), measure.Ms(r.Stall.Quantile(1)), r.verdict(), r.Took)
	if len(r.Problems) > 0 {
		line += "\n    " + strings.Join(r.Problems, "\n    ")
	}
	return line
}

// verdict is the last cell of a row.
func (r *Result) verdict() string { return measure.Verdict(r.OK, r.Void) }

// Print writes the circumstances, both tables and what they mean, as Markdown without
// the latter, and the trace if there is one.
func (r *Report) Print(w io.Writer, markdown bool) error {
	players, stages := r.players(), r.stages()
	fence, below, last := "", legend, stageLegend
	if markdown {
		fence, below, last = "```\n", "", ""
	}
	fmt.Fprintf(w, "%s%vConsul: %s; %d rounds of each\n%s\n", fence, r.Run, r.Registry, r.Rounds, fence)
	if err := players.Write(w, markdown); err != nil {
		return err
	}
	fmt.Fprintln(w, below)
	if err := stages.Write(w, markdown); err != nil {
		return err
	}
	if _, err := io.WriteString(w, last); err != nil || r.Traced == nil {
		return err
	}
	fmt.Fprintln(w)
	return r.Traced.Print(w)
}

const legend = `stall: of each player who was concerned, its longest wait, from the fault or the time in
its schedule until an action was durable; nothing is subtracted. first: from the fault
until it heard that something new is durable, its own pauses included. moves: regions
that another server took over. no fault: each action, from intended to durable.
`

const stageLegend = `Medians since the fault, by the clocks of the processes. durable: the first action is;
resumed: the players of an edge that died are on another one; back: all players play on.
drain: since the edge held the actions, nobody waits before that.
`

// players is the table of what players see.
func (r *Report) players() measure.Table {
	t := measure.Table{Head: []string{
		"fault", "players", "rate", "stall p50", "p99", "max", "first p50", "p99",
		"lost", "twice", "dropped", "moves", "no fault p50", "p99", "verdict",
	}}
	for _, one := range r.Results {
		count := func(n uint64) string { return strconv.FormatUint(n, 10) }
		t.Row(one.what(), strconv.Itoa(one.Players), fmt.Sprintf("%v/s", one.Rate),
			of(one.Stall, .5), of(one.Stall, .99), of(one.Stall, 1), of(one.First, .5), of(one.First, .99),
			count(one.Lost), count(one.Twice), count(one.Dropped), strconv.Itoa(one.Moves),
			measure.Ms(one.Quiet.P50), measure.Ms(one.Quiet.P99), one.verdict())
	}
	return t
}

// stages is the table of where the time goes.
func (r *Report) stages() measure.Table {
	t := measure.Table{Head: append([]string{"fault", "players"}, stageNames()...)}
	for _, one := range r.Results {
		row := make([]string, 0, len(t.Head))
		row = append(row, one.what(), strconv.Itoa(one.Players))
		for _, name := range stageNames() {
			row = append(row, reached(one.stage(name)))
		}
		t.Row(row...)
	}
	return t
}

const none = "-"

func reached(at time.Duration) string {
	if at == 0 {
		return none
	}
	return measure.Ms(at)
}

func of(h measure.Hist, q float64) string {
	if h.Count() == 0 {
		return none
	}
	return measure.Ms(h.Quantile(q))
}
