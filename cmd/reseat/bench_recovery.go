package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/recovery"
)

// recoveryFlags are what a person can ask bench recovery for.
type recoveryFlags struct {
	faults   string
	loads    string
	memory   string
	quick    bool
	config   recovery.Config
	out      string
	json     bool
	markdown bool
	show     bool
	verbose  bool
}

// What --quick measures: as much as two minutes allow.
const (
	quickFaults = "kill,host,freeze,drain"
	quickLoads  = "100x20,1000x2"
	quickMemory = "0"
	quickRounds = 2
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
at another one), many (host for two of five servers at once).

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
	flags.BoolVar(&f.quick, "quick", false, "two minutes: --faults "+quickFaults+" --load "+quickLoads+" --memory "+quickMemory+" --rounds "+fmt.Sprint(quickRounds))
	flags.BoolVar(&f.config.Trace, "trace", false, "also print the trace of one more kill, under the load with the most players")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "decides what the players do")
	flags.StringVar(&f.config.Consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	flags.StringVar(&f.out, "out", results, "folder for results and plots; empty: none are written")
	flags.StringVar(&f.config.Profiles, "pprof", "", "folder for CPU profiles of all processes during the first fault of each cell")
	flags.BoolVar(&f.json, "json", false, "print the results as JSON; the tables go to standard error")
	flags.BoolVar(&f.markdown, "markdown", false, "print the tables as Markdown")
	flags.BoolVar(&f.show, "show", false, "show what happens as it happens, on standard error")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.complete(flags.Changed); err != nil {
			return &usageError{err}
		}
		if err := f.config.Fits(); err != nil {
			return err
		}
		line := commandLine(cmd, "consul", "out", "pprof", "json", "markdown", "show", "verbose")
		return runBenchRecovery(cmd.Context(), f, line, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// complete checks what was asked for, given which flags were set.
func (f *recoveryFlags) complete(set func(name string) bool) (err error) {
	if f.quick {
		f.hurry(set)
	}
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
	if f.json && f.markdown {
		return errors.New("--json and --markdown: leave one of them out")
	}
	cfg.Consul, err = consul.Find(cfg.Consul)
	return err
}

// hurry chooses what can be measured quickly, where nothing else was asked for.
func (f *recoveryFlags) hurry(set func(name string) bool) {
	for name, quick := range map[string]struct {
		flag *string
		to   string
	}{"faults": {&f.faults, quickFaults}, "load": {&f.loads, quickLoads}, "memory": {&f.memory, quickMemory}} {
		if !set(name) {
			*quick.flag = quick.to
		}
	}
	if !set("rounds") {
		f.config.Rounds = quickRounds
	}
}

// name is that of the files: what was measured in a hurry does not replace the rest.
func (f *recoveryFlags) name() string {
	if f.quick {
		return "recovery-quick"
	}
	return "recovery"
}

func runBenchRecovery(ctx context.Context, f recoveryFlags, line string, stdout, stderr io.Writer) (err error) {
	cfg := f.config
	if cfg.Program, err = program(); err != nil {
		return fmt.Errorf("the benchmark starts this program again, and cannot find it: %w", err)
	}
	if f.show {
		cfg.Screen = stderr
	}
	if f.verbose {
		cfg.Echo = stderr
	}
	run := measure.Begin(line, cfg.Seed)
	report, err := recovery.Run(ctx, cfg, run, func(r recovery.Result) { fmt.Fprintln(stderr, r.Line()) })
	void := run.End()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil && !errors.Is(err, recovery.ErrUntraced) {
		return err
	}
	if err := f.present(report, stdout, stderr); err != nil {
		return err
	}
	if !report.OK() {
		err = errors.Join(errBench, err)
	}
	return errors.Join(err, void)
}

// present writes the results to wherever they are wanted.
func (f *recoveryFlags) present(report recovery.Report, stdout, stderr io.Writer) error {
	tables := stdout
	if f.json {
		tables = stderr
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "\t")
		if err := enc.Encode(report); err != nil {
			return err
		}
	}
	if err := report.Print(tables, f.markdown); err != nil {
		return err
	}
	if report.Traced != nil {
		fmt.Fprintln(tables)
		if err := report.Traced.Print(tables); err != nil {
			return err
		}
	}
	if f.out == "" {
		return nil
	}
	if err := report.Save(f.out, f.name()); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "results and plots are in %s/%s*\n", f.out, f.name())
	return nil
}
