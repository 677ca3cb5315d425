package mesh

import (
	"context"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Report is all that was measured. As JSON, durations are nanoseconds.
type Report struct {
	Run      *measure.Run `json:"run"`
	Registry string       `json:"registry"`
	Results  []Result     `json:"results"`
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

// Run runs all scenes, one after the other, and tells of each when it is done. The
// circumstances are those of run, which the caller has begun and ends. Its delay is that
// of the times that count: from each fault until a second after all played on. An error
// means that it was interrupted, or that there is no Consul; what became of a scene is in
// its result.
func Run(ctx context.Context, cfg Config, run *measure.Run, told func(Result)) (Report, error) {
	out := Report{Run: run, Results: []Result{}}
	var err error
	if out.Registry, err = consul.Version(ctx, cfg.Consul); err != nil {
		return out, err
	}
	for _, scene := range cfg.Scenes {
		r, err := scene.run(ctx, cfg, run.Watch())
		if err != nil {
			return out, err
		}
		run.Watch().Take() // what comes between the faults makes nothing void
		run.Note(r.Delay)
		out.Results = append(out.Results, r)
		told(r)
	}
	return out, nil
}

// run runs a scene until its end, or until something goes wrong in it.
func (s Scene) run(ctx context.Context, cfg Config, watch *measure.Delay) (out Result, err error) {
	runs, err := s.demos(cfg)
	if err != nil {
		return out, err
	}
	var idle []Idle
	for _, d := range runs {
		d.Delay = watch
		report, failed := runOne(ctx, cfg, d)
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if report.Idle != nil {
			idle = append(idle, Idle{d.Servers, *report.Idle})
		}
		out = newResult(s.Name, report, failed)
		out.Idle = idle
		if !out.OK {
			break
		}
	}
	return out, nil
}

// runOne shows a demo on a Consul of its own: what is idle in one is not in the next.
func runOne(ctx context.Context, cfg Config, d demo.Config) (report demo.Report, err error) {
	err = consul.Run(ctx, cfg.Consul, cfg.Program, cfg.Echo, func(ctx context.Context, agent *consul.Agent) error {
		d.Consul, d.Beside = agent.Addr, map[string]int{"consul": agent.Process().PID()}
		report, err = demo.Run(ctx, d)
		return err
	})
	return report, err
}
