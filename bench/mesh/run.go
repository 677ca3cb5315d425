package mesh

import (
	"context"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/demo"
)

// Run runs a scene on a Consul of its own. An error means that it could not be run;
// that it went wrong is in the result.
func Run(ctx context.Context, cfg Config, scene Scene) (Result, error) {
	runs, err := scene.demos(cfg)
	if err != nil {
		return Result{}, err
	}
	var out Result
	var idle []Idle
	for _, d := range runs {
		report, err := runOne(ctx, cfg, d)
		if err != nil {
			return out, err
		}
		if report.Idle != nil {
			idle = append(idle, Idle{d.Servers, *report.Idle})
		}
		out = newResult(scene.Name, report)
		out.Idle = idle
		if !out.OK {
			break
		}
	}
	return out, nil
}

func runOne(ctx context.Context, cfg Config, d demo.Config) (report demo.Report, err error) {
	err = consul.Run(ctx, cfg.Consul, cfg.Program, cfg.Echo, func(ctx context.Context, agent *consul.Agent) error {
		d.Consul, d.Beside = agent.Addr, map[string]int{"consul": agent.Process().PID()}
		report, err = demo.Run(ctx, d)
		return err
	})
	return report, err
}
