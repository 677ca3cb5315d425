package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/mesh"
)

// meshFlags are what a person can ask bench mesh for.
type meshFlags struct {
	scenes string
	show   bool
	config mesh.Config
	output output
}

func newBenchMesh() *cobra.Command {
	var f meshFlags
	cmd := &cobra.Command{
		Use:   "mesh",
		Short: "Measure how a mesh of many regions comes through the loss of servers",
		Long: `Starts Consul, many game servers with their sidecars, edges and players, all as
processes on this machine, kills servers or restarts them one after the other,
and measures for each region when it is served again, against its rank.

Tables are printed; results with all distributions and plots are written to --out.
The exit code is 1 if a promise was not kept, or if the machine was so busy that
the figures say nothing: they are printed and written then too, as void.

Scenes: ` + strings.Join(mesh.Names(), ", "),
		Example: `  reseat bench mesh
  reseat bench mesh --scenes kill-5 --json`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.scenes, "scenes", "", "scenes to run, in this order (default: all)")
	flags.IntVar(&f.config.Servers, "servers", 15, "number of game servers, 3 to 30")
	flags.IntVar(&f.config.Regions, "regions", 30, "number of regions, 1 to 60")
	flags.IntVar(&f.config.Players, "players", 300, "number of players, 1 to 999")
	flags.Float64Var(&f.config.Rate, "rate", 2, "actions per second of each player")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "decides what the players do")
	flags.StringVar(&f.config.Consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	flags.BoolVar(&f.show, "show", false, "show what happens as it happens, on standard error")
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runBenchMesh(cmd, f) }
	return cmd
}

func runBenchMesh(cmd *cobra.Command, f meshFlags) error {
	cfg, err := f.toRun()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Program, err = program(); err != nil {
		return err
	}
	if f.show {
		cfg.Screen = cmd.ErrOrStderr()
	}
	cfg.Echo = f.output.echo(cmd)
	told := func(r mesh.Result) { fmt.Fprintln(cmd.ErrOrStderr(), r.Line()) }
	return f.output.run(cmd, "mesh", cfg.Seed, func(ctx context.Context, run *measure.Run) (result, error) {
		report, err := mesh.Run(ctx, cfg, run, told)
		if err != nil {
			return nil, err
		}
		if !report.OK() {
			err = errBench
		}
		return &report, err
	})
}

// toRun checks what was asked for.
func (f meshFlags) toRun() (cfg mesh.Config, err error) {
	cfg = f.config
	if cfg.Scenes, err = mesh.Find(f.scenes); err != nil {
		return cfg, fmt.Errorf("--scenes: %w", err)
	}
	if err := checkCast(cfg.Players, cfg.Servers, cfg.Regions, cfg.Rate); err != nil {
		return cfg, err
	}
	for _, scene := range cfg.Scenes {
		if err := scene.Check(cfg); err != nil {
			return cfg, fmt.Errorf("scene %s: %w", scene.Name, err)
		}
	}
	cfg.Consul, err = consul.Find(cfg.Consul)
	return cfg, err
}
