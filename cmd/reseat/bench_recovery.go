package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/recovery"
)

// recoveryFlags are what a person can ask bench recovery for.
type recoveryFlags struct {
	faults string
	loads  string
	memory string
	show   bool
	config recovery.Config
	output output
}

// What --quick measures: as much as two minutes allow.
const (
	quickFaults = "kill,host,freeze,drain"
	quickLoads  = "100x20,1000x2"
	quickMemory = "0"
	quickRounds = "2"
)

func newBenchRecovery() *cobra.Command {
	var f recoveryFlags
	cmd := &cobra.Command{
		Use:   "recovery",
		Short: "Measure how long players wait when servers and edges fail, and where that time goes",
		Long: `Starts Consul, game servers with their sidecars, edges and players, all as
processes on this machine, makes them fail, and measures how long each player
waits until something new is durable, and when each stage on the way is reached.

Faults: kill (SIGKILL of the game process), host (SIGKILL of game and sidecar),
freeze (SIGSTOP of both), cut (the server loses all packets of its links, but has
its way to Consul), drain (planned), edge (SIGKILL of an edge, whose players go on
at another one, to which they have a spare connection), edge-bare (they have none),
many (host for two of five servers at once).

Tables are printed; results with all distributions and plots are written to --out.
The exit code is 1 if a promise was not kept, or if the machine was so busy that
the figures say nothing: they are printed and written then too, as void.`,
		Example: `  reseat bench recovery
  reseat bench recovery --quick
  reseat bench recovery --faults kill --load 100x20 --memory 0,4GiB --rounds 20`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.faults, "faults", strings.Join(recovery.FaultNames(), ","), "what fails, in this order")
	flags.StringVar(&f.loads, "load", "10x60,100x20,1000x2", "PLAYERSxRATE: players, and actions per second of each")
	flags.StringVar(&f.memory, "memory", "0,1GiB,4GiB", "memory of each game besides its world, for kill")
	flags.IntVar(&f.config.Rounds, "rounds", 5, "how often each fault happens under each load, 1 to 100")
	f.output.addQuick(cmd, "two minutes: --faults "+quickFaults+" --load "+quickLoads+" --memory "+quickMemory+" --rounds "+quickRounds,
		map[string]string{"faults": quickFaults, "load": quickLoads, "memory": quickMemory, "rounds": quickRounds})
	flags.BoolVar(&f.config.Trace, "trace", false, "also print the trace of one more kill, or first fault where there is no kill, under the load with the most players")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "decides what the players do")
	flags.StringVar(&f.config.Consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	flags.StringVar(&f.config.Profiles, "pprof", "", "folder for CPU profiles of all processes during the first fault of each cell")
	flags.BoolVar(&f.show, "show", false, "show what happens as it happens, on standard error")
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.complete(flags.Changed); err != nil {
			return &usageError{err}
		}
		if err := f.config.Fits(); err != nil {
			return err
		}
		return runBenchRecovery(cmd, f)
	}
	return cmd
}

// complete checks what was asked for, given which flags were set.
func (f *recoveryFlags) complete(set func(name string) bool) (err error) {
	cfg := &f.config
	if cfg.Faults, err = recovery.ParseFaults(f.faults); err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	if cfg.Loads, err = recovery.ParseLoads(f.loads); err != nil {
		return fmt.Errorf("--load: %w", err)
	}
	if cfg.Memory, err = recovery.ParseSizes(f.memory); err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	if err := cfg.Check(set("memory")); err != nil {
		return err
	}
	cfg.Consul, err = consul.Find(cfg.Consul)
	return err
}

func runBenchRecovery(cmd *cobra.Command, f recoveryFlags) (err error) {
	cfg := f.config
	if cfg.Program, err = program(); err != nil {
		return err
	}
	if f.show {
		cfg.Screen = cmd.ErrOrStderr()
	}
	cfg.Echo = f.output.echo(cmd)
	told := func(r recovery.Result) { fmt.Fprintln(cmd.ErrOrStderr(), r.Line()) }
	return f.output.run(cmd, "recovery", cfg.Seed, func(ctx context.Context, run *measure.Run) (result, error) {
		report, err := recovery.Run(ctx, cfg, run, told)
		if err != nil && !errors.Is(err, recovery.ErrUntraced) {
			return nil, err
		}
		if !report.OK() {
			err = errors.Join(errBench, err)
		}
		return &report, err
	})
}
