package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/scale"
)

// scaleFlags are what a person can ask bench scale for.
type scaleFlags struct {
	sweeps  string
	seconds float64
	config  scale.Config
	output  output
}

func newBenchScale() *cobra.Command {
	var f scaleFlags
	cmd := &cobra.Command{
		Use:   "scale",
		Short: "Measure how many players one edge carries, and what grows with what",
		Long: `Lets more and more players play an echo game through a minimal relay and through
Reseat with two backups, until the p99 of their round trips is too high; then
measures a mesh over its regions, edges and backups. Everything is a process on
this machine. Takes about five minutes.`,
		Example: `  reseat bench scale
  reseat bench scale --sweep players --rate 10 --step 100 --most 1000`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.sweeps, "sweep", strings.Join(scale.Names(), ","), "what to change")
	flags.Float64Var(&f.config.Rate, "rate", 20, "actions per second of each player")
	flags.IntVar(&f.config.Step, "step", 50, "players more at each point of their sweep")
	flags.IntVar(&f.config.Most, "most", 400, "players at its last point, if none before is too many")
	flags.DurationVar(&f.config.Limit, "limit", 50*time.Millisecond, "p99 of round trips that is too high")
	flags.IntVar(&f.config.Players, "players", 100, "players in the other sweeps")
	flags.Float64Var(&f.seconds, "seconds", 4, "how long each point is measured, 1 to 600")
	flags.Uint64Var(&f.config.Steady.Seed, "seed", 1, "decides when players act")
	flags.StringVar(&f.config.Steady.Consul, "consul", consul.Memory, "Consul's binary, or "+consul.Memory+": it is not on the way of an action")
	flags.BoolVar(&f.config.Steady.Busy, "busy", false, "go on when the machine is too busy; the run is void then")
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runBenchScale(cmd, f) }
	return cmd
}

func runBenchScale(cmd *cobra.Command, f scaleFlags) error {
	cfg, err := f.toRun()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Steady.Program, err = program(); err != nil {
		return err
	}
	cfg.Steady.Screen, cfg.Steady.Echo = cmd.ErrOrStderr(), f.output.echo(cmd)
	return f.output.run(cmd, "scale", cfg.Steady.Seed, func(ctx context.Context, run *measure.Run) (result, error) {
		r, err := scale.Run(ctx, cfg, run)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

// toRun checks what was asked for.
func (f *scaleFlags) toRun() (cfg scale.Config, err error) {
	cfg = f.config
	if cfg.Sweeps, err = scale.Find(f.sweeps); err != nil {
		return cfg, fmt.Errorf("--sweep: %w", err)
	}
	if !(f.seconds >= 1 && f.seconds <= 600) {
		return cfg, fmt.Errorf("--seconds %v: 1 to 600", f.seconds)
	}
	cfg.Steady.Lasts = time.Duration(f.seconds * float64(time.Second))
	if cfg.Steady.Consul, err = consul.Find(cfg.Steady.Consul); err != nil {
		return cfg, err
	}
	return cfg, cfg.Check()
}
