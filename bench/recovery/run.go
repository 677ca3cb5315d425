package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Report is all that was measured. As JSON, durations are nanoseconds.
type Report struct {
	Run      *measure.Run `json:"run"`
	Registry string       `json:"registry"`
	Rounds   int          `json:"rounds"` // of each cell
	Results  []Result     `json:"results"`

	Traced *Traced `json:"-"` // nil: nothing was traced
}

// OK tells whether every promise was kept, whatever the machine was doing.
func (r *Report) OK() bool {
	for _, one := range r.Results {
		if !one.OK {
			return false
		}
	}
	return true
}

// ErrUntraced is of a trace that was asked for and could not be had. All else is there.
var ErrUntraced = errors.New("no trace of a kill")

// Run measures all cells, one after the other, on one Consul, and tells of each when
// it is done. The circumstances are those of run, which the caller has begun and ends.
// Its delay is that of the times that count: from each fault until a second after all
// played on. An error means that it was interrupted, that there is no Consul, or
// ErrUntraced; what became of a
// cell is in its result.
func Run(ctx context.Context, cfg Config, run *measure.Run, told func(Result)) (Report, error) {
	out := Report{Run: run, Rounds: cfg.Rounds, Results: []Result{}}
	var err, untraced error
	if out.Registry, err = consul.Version(ctx, cfg.Consul); err != nil {
		return out, err
	}
	err = consul.Run(ctx, cfg.Consul, cfg.Program, cfg.Echo, func(ctx context.Context, agent *consul.Agent) error {
		for _, cell := range cfg.Cells() {
			d, err := cfg.demo(cell, agent.Addr, run.Watch())
			if err != nil {
				return err
			}
			report, err := demo.Run(ctx, d)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r := newResult(cell, report, err)
			run.Watch().Take() // what comes between the faults makes nothing void
			run.Note(r.Delay)
			out.Results = append(out.Results, r)
			told(r)
		}
		if cfg.Trace {
			if out.Traced, untraced = cfg.trace(ctx, agent.Addr, run.Watch()); ctx.Err() != nil {
				return context.Cause(ctx)
			}
			run.Watch().Take()
		}
		return nil
	})
	if err == nil && untraced != nil {
		err = fmt.Errorf("%w: %w", ErrUntraced, untraced)
	}
	return out, err
}
