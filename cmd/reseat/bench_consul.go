package main

import (
	"context"
	"fmt"

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
	output   output
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
	f.output.addQuick(cmd, "1 and 100 regions, 1 and 10 watchers, one way, unless they are said: some two minutes",
		map[string]string{"regions": "1,100", "watchers": "1,10", "way": "session", "samples": "10"})
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runBenchConsul(cmd, f) }
	return cmd
}

func runBenchConsul(cmd *cobra.Command, f consulFlags) error {
	settings, err := f.settings()
	if err != nil {
		return &usageError{err}
	}
	if settings.Program, err = program(); err != nil {
		return err
	}
	settings.Screen, settings.Echo = cmd.ErrOrStderr(), f.output.echo(cmd)
	return f.output.run(cmd, "consul", f.seed, func(ctx context.Context, run *measure.Run) (result, error) {
		r, err := election.Run(ctx, settings, run)
		if err != nil {
			return nil, err
		}
		if !r.Whole() {
			err = errNotAll
		}
		return r, err
	})
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
	s = election.Settings{Cells: election.Cells(regions, watchers, ways), Samples: f.samples}
	s.Consul, err = consul.Find(f.consul)
	return s, err
}
