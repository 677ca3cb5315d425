package recovery

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/traces"
)

// Traced is one fault, as the processes tell it in a trace, and what it cost the players.
type Traced struct {
	Result Result       `json:"result"`
	Fault  time.Time    `json:"fault"`
	Trace  traces.Trace `json:"trace"`
}

// largest is the cell that is traced: one kill, or what there is to be measured instead,
// under the load with the most players.
func (c Config) largest() Cell {
	load := slices.MaxFunc(c.Loads, func(a, b measure.Load) int { return a.Players - b.Players })
	if slices.Contains(c.Faults, sized) {
		return Cell{Fault: sized, Load: load}
	}
	return Cell{Fault: c.Faults[0], Load: load}
}

// arrival is how long a trace may take to be there, when the players play on.
const arrival = 5 * time.Second

// trace has one fault traced, in a run of its own: what is measured is not traced.
func (c Config) trace(ctx context.Context, consul string, watch *measure.Delay) (*Traced, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, collector, err := traces.Collect(ctx)
	if err != nil {
		return nil, err
	}
	c.Rounds, c.Profiles, c.Env = 1, "", slices.Concat(c.Env, collector.Environ())
	cell := c.largest()
	d, err := c.demo(cell, consul, watch)
	if err != nil {
		return nil, err
	}
	report, err := demo.Run(ctx, d)
	if err != nil {
		return nil, err
	}
	out := &Traced{Result: newResult(cell, report, nil)}
	if len(report.Rounds) == 0 || len(report.Rounds[0].Regions) == 0 {
		return nil, fmt.Errorf("nothing failed: %s", out.Result.Line())
	}
	round := report.Rounds[0]
	out.Fault = round.At
	ctx, late := context.WithTimeout(ctx, arrival)
	defer late()
	out.Trace, err = collector.Wait(ctx, tells(round.Regions[0].EpochAfter))
	return out, err
}

// tells is true of the trace of the failover into an epoch, when it has a root and an
// edge has told its part, which it does at once. Where nobody acted meanwhile that has no
// first durable action.
func tells(epoch uint64) func(traces.Trace) bool {
	return func(t traces.Trace) bool {
		root, ok := t.Root()
		_, edge := t.Named("switch")
		return ok && edge && root.Attributes["reseat.epoch"] == int64(epoch) //nolint:gosec // small
	}
}

// Print writes the trace as a tree, below what the players saw of the same fault.
func (t *Traced) Print(w io.Writer) error {
	began := t.Fault
	if len(t.Trace.Spans) > 0 {
		began = t.Trace.Spans[0].Start
	}
	fmt.Fprintf(w, "%s\nfirst: p50 %s, p99 %s; the fault came %s after the trace begins, which is with the last good contact\nsince the fault:",
		t.Result.Line(), of(t.Result.First, .5), of(t.Result.First, .99), measure.Ms(t.Fault.Sub(began)))
	for _, s := range t.Result.Stages {
		fmt.Fprintf(w, " %s %s", s.Name, measure.Ms(s.P50))
	}
	fmt.Fprint(w, "\n\n")
	return t.Trace.Draw(w)
}
