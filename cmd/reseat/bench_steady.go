package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/steady"
)

// steadyFlags are what a person can ask bench steady for.
type steadyFlags struct {
	loads   string
	paths   string
	seconds float64
	config  steady.Config
	output  output
}

func newBenchSteady() *cobra.Command {
	var f steadyFlags
	cmd := &cobra.Command{
		Use:   "steady",
		Short: "Measure what it costs to play behind Reseat while nothing fails",
		Long: `Plays an echo game directly, through a minimal QUIC relay, and through Reseat,
in turn and in one run, everything as processes on this machine; and measures
round trips, CPU time, packets and bytes per action, and memory per player.

Paths: ` + strings.Join(steady.PathNames(), ", "),
		Example: `  reseat bench steady --quick
  reseat bench steady --load 100x30,saturated --paths relay,reseat-2 --rounds 5
  reseat bench steady --load 1000x3 --pprof /tmp/profiles --out ""`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.loads, "load", "1x30,100x30,200x30,1000x3,saturated",
		"each PLAYERSxRATE, PLAYERSwWINDOW (that many on the way), or saturated")
	flags.StringVar(&f.paths, "paths", "direct,relay,reseat-0,reseat-2,reseat-none", "what lies between players and game, in this order")
	flags.Float64Var(&f.seconds, "seconds", 10, "how long each path is measured under each load, 1 to 600")
	flags.IntVar(&f.config.Rounds, "rounds", 3, "how often, 1 to 100: medians are shown")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "decides when players act")
	f.output.addQuick(cmd, "two loads, three paths, one round of 8 s: less than two minutes",
		map[string]string{"load": "100x30,1000x3", "paths": "direct,relay,reseat-2", "seconds": "8", "rounds": "1"})
	flags.StringVar(&f.config.Consul, "consul", consul.Memory, "Consul's binary, or "+consul.Memory+": it is not on the way of an action")
	flags.StringVar(&f.config.Pprof, "pprof", "", "folder for profiles of all processes, in passes that do not count (default: none are taken)")
	flags.BoolVar(&f.config.Busy, "busy", false, "measure nothing again when the machine is too busy; the run is void then")
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runBenchSteady(cmd, f) }
	return cmd
}

func runBenchSteady(cmd *cobra.Command, f steadyFlags) error {
	cfg, err := f.toRun()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Program, err = program(); err != nil {
		return err
	}
	cfg.Screen, cfg.Echo = cmd.ErrOrStderr(), f.output.echo(cmd)
	return f.output.run(cmd, "steady", cfg.Seed, func(ctx context.Context, run *measure.Run) (result, error) {
		r, err := steady.Run(ctx, cfg, run)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

// toRun checks what was asked for.
func (f *steadyFlags) toRun() (cfg steady.Config, err error) {
	cfg = f.config
	if cfg.Loads, err = steady.ParseLoads(f.loads); err != nil {
		return cfg, fmt.Errorf("--load: %w", err)
	}
	if cfg.Paths, err = steady.Find(f.paths); err != nil {
		return cfg, fmt.Errorf("--paths: %w", err)
	}
	if !(f.seconds >= 1 && f.seconds <= 600) {
		return cfg, fmt.Errorf("--seconds %v: 1 to 600", f.seconds)
	}
	if cfg.Rounds < 1 || cfg.Rounds > 100 {
		return cfg, fmt.Errorf("--rounds %d: 1 to 100", cfg.Rounds)
	}
	cfg.Lasts = time.Duration(f.seconds * float64(time.Second))
	if cfg.Consul, err = consul.Find(cfg.Consul); err != nil {
		return cfg, err
	}
	if cfg.Pprof != "" {
		if err := os.MkdirAll(cfg.Pprof, 0o755); err != nil {
			return cfg, fmt.Errorf("--pprof: %w", err)
		}
	}
	return cfg, cfg.Check()
}
