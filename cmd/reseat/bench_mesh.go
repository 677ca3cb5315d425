package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/mesh"
)

// meshFlags are what a person can ask bench mesh for.
type meshFlags struct {
	scenes  string
	config  mesh.Config
	json    bool
	show    bool
	verbose bool
}

func newBenchMesh() *cobra.Command {
	var f meshFlags
	cmd := &cobra.Command{
		Use:   "mesh",
		Short: "Measure how a mesh of many regions comes through the loss of servers",
		Long: `Starts Consul, many game servers with their sidecars, edges and players, all as
processes on this machine, kills servers or restarts them one after the other,
and measures for each region when it is served again, against its rank.

The exit code is 1 if a promise was not kept.

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
	flags.BoolVar(&f.json, "json", false, "print results as JSON, one a line; the table goes to standard error")
	flags.BoolVar(&f.show, "show", false, "show what happens as it happens, on standard error")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runBenchMesh(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func runBenchMesh(ctx context.Context, f meshFlags, stdout, stderr io.Writer) error {
	cfg, scenes, err := f.scenesToRun()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Program, err = program(); err != nil {
		return err
	}
	if f.show {
		cfg.Screen = stderr
	}
	if f.verbose {
		cfg.Echo = stderr
	}
	table := &mesh.Print{To: stdout}
	if f.json {
		table.To = stderr
	}
	ok := true
	for _, scene := range scenes {
		r, err := mesh.Run(ctx, cfg, scene)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return fmt.Errorf("%s: %w", scene.Name, err)
		}
		ok = ok && r.OK
		table.Result(r)
		table.Ranks(r)
		if f.json {
			if err := json.NewEncoder(stdout).Encode(r); err != nil {
				return err
			}
		}
	}
	table.Legend()
	if !ok {
		return errBench
	}
	return nil
}

// scenesToRun checks what was asked for.
func (f meshFlags) scenesToRun() (mesh.Config, []mesh.Scene, error) {
	cfg := f.config
	scenes, err := mesh.Find(f.scenes)
	if err != nil {
		return cfg, nil, fmt.Errorf("--scenes: %w", err)
	}
	if err := checkCast(cfg.Players, cfg.Servers, cfg.Regions, cfg.Rate); err != nil {
		return cfg, nil, err
	}
	for _, scene := range scenes {
		if err := scene.Check(cfg); err != nil {
			return cfg, nil, fmt.Errorf("scene %s: %w", scene.Name, err)
		}
	}
	cfg.Consul, err = consul.Find(cfg.Consul)
	return cfg, scenes, err
}
