package mesh

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/fleet"
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

func runOne(ctx context.Context, cfg Config, d demo.Config) (demo.Report, error) {
	dir, err := os.MkdirTemp("", "reseat-bench-")
	if err != nil {
		return demo.Report{}, fmt.Errorf("mesh: %w", err)
	}
	f := fleet.New(dir, cfg.Echo)
	report, err := run(ctx, cfg, d, f, dir)
	f.Close()
	return report, errors.Join(err, os.RemoveAll(dir))
}

func run(ctx context.Context, cfg Config, d demo.Config, f *fleet.Fleet, dir string) (demo.Report, error) {
	agent, err := consul.Start(ctx, consul.Config{Binary: cfg.Consul, Program: cfg.Program, Dir: dir, Fleet: f})
	if err != nil {
		return demo.Report{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go watch(ctx, f, cancel)
	d.Consul, d.Beside = agent.Addr, map[string]int{"consul": agent.Process().PID()}
	return demo.Run(ctx, d)
}

// watch ends the run when Consul ends by itself, and takes what it logs.
func watch(ctx context.Context, f *fleet.Fleet, end context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-f.Failed():
			end(err)
		case <-f.Events():
		}
	}
}
