package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/chaos"
	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/history"
)

// chaosFlags are what a person can ask chaos for.
type chaosFlags struct {
	cells   string
	ci      bool
	last    time.Duration
	seed    uint64
	players int
	rate    float64
	consul  string
	dir     string
	keep    bool
	json    bool
	verbose bool
}

func newChaos() *cobra.Command {
	var f chaosFlags
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break a whole mesh again and again, and check every promise each time",
		Long: `Starts Consul, three game servers with their sidecars, two edges and players for
each cell of a table, breaks something, mends it, and has everything that was
recorded judged: nothing lost, nothing done twice, nothing reordered, every
player's history linearizable. With --for, cells are drawn at random from seeds.

The exit code is 1 if a run failed, or proved nothing.

Cells: ` + strings.Join(chaos.Names(), ", "),
		Example: `  reseat chaos
  reseat chaos --cells kill,edge-freeze
  reseat chaos --for 1h --seed 4711
  reseat chaos judge /tmp/reseat-chaos-kill-123`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.cells, "cells", "", "cells to run, in this order (default: all)")
	flags.BoolVar(&f.ci, "ci", false, "run all cells, as continuous integration does; this is the default")
	flags.DurationVar(&f.last, "for", 0, "draw cells at random for so long")
	flags.Uint64Var(&f.seed, "seed", 1, "of the first run; with --for, each run has the next one")
	flags.IntVar(&f.players, "players", 40, "number of players, 2 to 999")
	flags.Float64Var(&f.rate, "rate", 10, "actions per second of each player")
	flags.StringVar(&f.consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	flags.StringVar(&f.dir, "dir", "", "where reports are left (default: the temporary folder)")
	flags.BoolVar(&f.keep, "keep", false, "leave reports of good runs, too")
	flags.BoolVar(&f.json, "json", false, "print results as JSON, one a line; the table goes to standard error")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runChaos(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	cmd.AddCommand(newChaosJudge())
	return cmd
}

// errChaos: all was run, and the table says what went wrong.
var errChaos = errors.New("not all runs are ok, see above")

func runChaos(ctx context.Context, f chaosFlags, stdout, stderr io.Writer) error {
	cfg, cells, err := f.config()
	if err != nil {
		return &usageError{err}
	}
	if f.verbose {
		cfg.Echo = stderr
	}
	table := &chaos.Print{To: stdout}
	if f.json {
		table.To = stderr
	}
	var results []chaos.Result
	began := time.Now()
	for i := 0; f.last > 0 && time.Since(began) < f.last || f.last == 0 && i < len(cells); i++ {
		seed := f.seed
		var cell chaos.Cell
		if f.last > 0 {
			seed += uint64(i)
			cell = chaos.Explore(seed)
			fmt.Fprintf(table.To, "seed %d: %s\n", seed, cell.String())
		} else {
			cell = cells[i]
		}
		r, err := chaos.Run(ctx, cfg, cell, seed)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		results = append(results, r)
		table.Result(r)
		if f.json {
			if err := json.NewEncoder(stdout).Encode(r); err != nil {
				return err
			}
		}
	}
	if !table.Total(results) {
		return errChaos
	}
	return nil
}

func (f chaosFlags) config() (cfg chaos.Config, cells []chaos.Cell, err error) {
	cells = chaos.Cells()
	if f.cells != "" {
		if cells, err = chaos.Find(f.cells); err != nil {
			return cfg, nil, fmt.Errorf("--cells: %w", err)
		}
	}
	switch {
	case f.players < 2 || f.players > 999:
		return cfg, nil, fmt.Errorf("--players %d is not 2 to 999", f.players)
	case f.rate < 0.1 || f.rate > 1000:
		return cfg, nil, fmt.Errorf("--rate %v is not 0.1 to 1000", f.rate)
	case f.last < 0 || f.last > 0 && (f.cells != "" || f.ci):
		return cfg, nil, errors.New("--for draws cells at random: leave --cells and --ci out")
	}
	cfg = chaos.Config{Players: f.players, Rate: f.rate, Dir: f.dir, Keep: f.keep}
	if cfg.Consul, err = consul.Find(f.consul); err != nil {
		return cfg, nil, err
	}
	if cfg.Program, err = program(); err != nil {
		return cfg, nil, err
	}
	return cfg, cells, nil
}

func newChaosJudge() *cobra.Command {
	return &cobra.Command{
		Use:   "judge DIR...",
		Short: "Judge runs again by the reports that they left",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{errors.New("judge needs the directory of a report")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			table := &chaos.Print{To: cmd.OutOrStdout()}
			ok := true
			for _, dir := range args {
				r, err := chaos.JudgeDir(dir)
				if err != nil {
					return err
				}
				table.Result(r)
				ok = ok && r.Outcome == history.OK
			}
			if !ok {
				return errChaos
			}
			return nil
		},
	}
}
