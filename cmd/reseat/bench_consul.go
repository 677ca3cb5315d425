package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/election"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// consulFlags are what a person can ask bench consul for.
type consulFlags struct {
	regions  string
	watchers string
	ways     string
	samples  int
	seed     uint64
	consul   string
	quick    bool
	json     bool
	markdown bool
	out      string
	verbose  bool
}

func newBenchConsul() *cobra.Command {
	var f consulFlags
	cmd := &cobra.Command{
		Use:   "consul",
		Short: "Measure Consul's part of a failover: from a lost session until everybody knows",
		Long: `Starts a Consul and measures, with nothing else of Reseat than what talks to it,
how long it takes from the end of a leader's session until its lock is seen to be
free, until another server has taken the region over, and until every watcher has
seen that: for one region among many, and for all of them at once.

Ways: session (it is destroyed), check (the check that it depends on is set
critical). The exit code is 1 if this machine was too busy to measure, or carries
less than was asked for.`,
		Example: `  reseat bench consul
  reseat bench consul --quick
  reseat bench consul --regions 30 --watchers 3 --samples 100 --json`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.regions, "regions", "1,10,100", "numbers of regions; of each, one fails and then all")
	flags.StringVar(&f.watchers, "watchers", "1,10,100", "numbers of watchers, as edges are")
	flags.StringVar(&f.ways, "way", "session,check", "how the lock becomes free")
	flags.IntVar(&f.samples, "samples", 30, "regions that fail for each figure, at least, 1 to 10000")
	flags.Uint64Var(&f.seed, "seed", 1, "for the record: nothing here is left to chance")
	flags.StringVar(&f.consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	flags.BoolVar(&f.quick, "quick", false, "1 and 100 regions, 1 and 10 watchers, one way, unless they are said: some two minutes")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON; the table goes to standard error")
	flags.BoolVar(&f.markdown, "markdown", false, "print the table as Markdown")
	flags.StringVar(&f.out, "out", results, "folder for the result and its plots; empty: none are written")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show Consul's log on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.quick {
			for name, value := range map[string]string{"regions": "1,100", "watchers": "1,10", "way": "session", "samples": "10"} {
				if flags.Changed(name) {
					continue
				}
				if err := flags.Set(name, value); err != nil {
					return err
				}
			}
		}
		line := commandLine(cmd, "consul", "out", "json", "markdown", "verbose")
		return runBenchConsul(cmd.Context(), f, line, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

func runBenchConsul(ctx context.Context, f consulFlags, line string, stdout, stderr io.Writer) error {
	settings, err := f.settings()
	if err != nil {
		return &usageError{err}
	}
	if settings.Program, err = program(); err != nil {
		return fmt.Errorf("the benchmark may start this program again, and cannot find it: %w", err)
	}
	settings.Command, settings.Screen = line, stderr
	if f.verbose {
		settings.Echo = stderr
	}
	result, err := election.Run(ctx, settings)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case result == nil || err != nil && !errors.Is(err, measure.ErrLoaded):
		return err
	}
	if !result.Whole() {
		err = errors.Join(err, errNotAll)
	}
	return errors.Join(err, f.publish(result, stdout, stderr))
}

// publish writes a result wherever it is wanted.
func (f consulFlags) publish(r *election.Result, stdout, stderr io.Writer) error {
	table := stdout
	if f.json {
		table = stderr
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	if err := r.Print(table, f.markdown); err != nil || f.out == "" {
		return err
	}
	path, err := measure.Save(f.out, resultName("consul", f.quick), r)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "written to %s\n", path)
	return r.Save(f.out, resultName("consul", f.quick))
}

func (f consulFlags) settings() (s election.Settings, err error) {
	regions, err := election.ParseRegions(f.regions)
	if err != nil {
		return s, fmt.Errorf("--regions: %w", err)
	}
	watchers, err := election.ParseWatchers(f.watchers)
	if err != nil {
		return s, fmt.Errorf("--watchers: %w", err)
	}
	ways, err := election.ParseWays(f.ways)
	if err != nil {
		return s, fmt.Errorf("--way: %w", err)
	}
	if f.samples < 1 || f.samples > 10_000 {
		return s, fmt.Errorf("--samples %d is not 1 to 10000", f.samples)
	}
	if f.json && f.markdown {
		return s, errors.New("--json and --markdown: leave one of them out")
	}
	s = election.Settings{Cells: election.Cells(regions, watchers, ways), Samples: f.samples, Seed: f.seed}
	s.Consul, err = consul.Find(f.consul)
	return s, err
}
