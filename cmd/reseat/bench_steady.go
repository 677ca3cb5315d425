package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	loads    string
	paths    string
	seconds  float64
	config   steady.Config
	quick    bool
	json     bool
	out      string
	markdown bool
	verbose  bool
}

const (
	steadyPaths      = "direct,relay,reseat-0,reseat-2,reseat-none"
	steadyQuickPaths = "direct,relay,reseat-2"
)

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
	flags.StringVar(&f.paths, "paths", steadyPaths, "what lies between players and game, in this order")
	flags.Float64Var(&f.seconds, "seconds", 10, "how long each path is measured under each load, 1 to 600")
	flags.IntVar(&f.config.Rounds, "rounds", 3, "how often, 1 to 100: medians are shown")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "decides when players act")
	flags.BoolVar(&f.quick, "quick", false, "two loads, three paths, one round of 8 s: less than two minutes")
	flags.StringVar(&f.config.Consul, "consul", consul.Memory, "Consul's binary, or "+consul.Memory+": it is not on the way of an action")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON; the tables go to standard error")
	flags.BoolVar(&f.markdown, "markdown", false, "print the tables as Markdown")
	flags.StringVar(&f.out, "out", results, "folder for the result and its plots; empty: none are written")
	flags.StringVar(&f.config.Pprof, "pprof", "", "folder for profiles of all processes, in passes that do not count (default: none are taken)")
	flags.BoolVar(&f.config.Busy, "busy", false, "measure nothing again when the machine is too busy; the run is void then")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.quick {
			f.shorten(cmd.Flags().Changed)
		}
		return runBenchSteady(cmd.Context(), f, commandLine(cmd, "consul", "out", "json", "markdown", "verbose"), cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// shorten takes the values of a quick run for all flags that were not given.
func (f *steadyFlags) shorten(given func(string) bool) {
	if !given("load") {
		f.loads = "100x30,1000x3"
	}
	if !given("paths") {
		f.paths = steadyQuickPaths
	}
	if !given("seconds") {
		f.seconds = 8
	}
	if !given("rounds") {
		f.config.Rounds = 1
	}
}

// steadyResult is what is written.
type steadyResult struct {
	Run    *measure.Run  `json:"run"`
	Rows   []steady.Row  `json:"rows"`
	Passes []steady.Pass `json:"passes"`
}

func runBenchSteady(ctx context.Context, f steadyFlags, line string, stdout, stderr io.Writer) error {
	cfg, err := f.toRun()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Program, err = program(); err != nil {
		return fmt.Errorf("the benchmark starts this program again, and cannot find it: %w", err)
	}
	cfg.Told = func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	if f.verbose {
		cfg.Echo = stderr
	}
	run := measure.Begin(line, cfg.Seed)
	passes, err := steady.Run(ctx, cfg, run)
	void := run.End()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return err
	}
	result := steadyResult{Run: run, Rows: steady.Rows(passes), Passes: passes}
	if err := f.show(result, stdout, stderr); err != nil {
		return err
	}
	return void
}

func (f *steadyFlags) show(r steadyResult, stdout, stderr io.Writer) error {
	tables := stdout
	if f.json {
		tables = stderr
		if err := json.NewEncoder(stdout).Encode(r); err != nil {
			return err
		}
	}
	fmt.Fprintln(tables, r.Run)
	if err := steady.Print(tables, r.Rows, f.markdown); err != nil {
		return err
	}
	if f.out == "" {
		return nil
	}
	name := "steady"
	if f.quick { // it does not replace the rest
		name += "-quick"
	}
	if _, err := measure.Save(f.out, name, r); err != nil {
		return err
	}
	return steady.Draw(f.out, name, r.Rows)
}

// toRun checks what was asked for.
func (f *steadyFlags) toRun() (cfg steady.Config, err error) {
	cfg = f.config
	if f.json && f.markdown {
		return cfg, errors.New("--json and --markdown: leave one of them out")
	}
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
