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

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// demoFlags are what a person can ask the demo for.
type demoFlags struct {
	players int
	rate    float64
	rounds  int
	faults  string
	seed    uint64
	servers int
	regions int
	edges   int
	commit  string
	consul  string
	json    bool
	keep    bool
	verbose bool
	page    bool
	long    time.Duration
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch game servers die under players who notice nothing but a short stall",
		Long: `Starts a registry, game servers with their sidecars, edges and players, all as
processes on this machine, lets them fail, and checks that nobody was
disconnected and no action was lost, doubled or reordered, and no dice were
rolled again. Before each fault it waits until all backups are in sync.

With --regions the players are spread over several regions, each with a primary
and two backups somewhere among --servers. The first has the most players, the
last the fewest, but is critical; so they differ in how urgent they are.

Faults: kill (SIGKILL of the game process), host (SIGKILL of game and sidecar),
freeze (SIGSTOP of both), cut (the server loses all packets of its links for two
seconds, but has its way to Consul), edge (SIGKILL of the edge with the most players, who
resume at another one), many (host for a third of the servers at once; many:3 for
three), cascade (host, and again for the new primary when it is elected).
Planned, so that nothing fails: drain (all regions of a server move to others),
rolling (each server is emptied, stopped in good order and started again, one
after the other). controller is many, and the edge that decides for the mesh is
killed in the middle of it. The exit code is 1 if a promise was not kept.

With several regions, or more than three servers, servers have no regions of their
own: the controller of the mesh, in one of the edges, gives them some, and others
take the places of those that fail. Then each fault waits until all regions have
their backups again and the mesh is back on its normal level, before those that
failed come back.

With --page nothing fails by itself: on the live page of the first edge you kill,
freeze, cut off and drain servers under 6 regions on 6 servers, unless you say how
many. When you stop it the judge speaks.`,
		Example: `  reseat demo
  reseat demo --players 100 --fault kill,host,freeze --rounds 3
  reseat demo --edges 2 --fault edge,kill
  reseat demo --regions 6 --servers 6 --fault many
  reseat demo --page
  reseat demo --consul 127.0.0.1:8500 --json`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.players, "players", 50, "number of players, 1 to 999")
	flags.Float64Var(&f.rate, "rate", 10, "actions per second of each player")
	flags.IntVar(&f.rounds, "rounds", 1, "how often each fault happens")
	flags.StringVar(&f.faults, "fault", "kill,freeze", "what happens, in this order: "+strings.Join(demo.FaultNames(), ", "))
	flags.IntVar(&f.servers, "servers", 3, "number of game servers, 3 to 30")
	flags.IntVar(&f.regions, "regions", 1, "number of regions, 1 to 60")
	flags.IntVar(&f.edges, "edges", 1, "number of edges, 1 to 9; players begin at different ones")
	flags.StringVar(&f.commit, "output-commit", "strict", "when replies leave: strict (their action is durable) or none (at once)")
	flags.Uint64Var(&f.seed, "seed", 1, "decides what the players do")
	flags.StringVar(&f.consul, "consul", "", "HOST:PORT of a Consul agent to use (default: a registry in memory)")
	flags.BoolVar(&f.page, "page", false, "print the address of a live page on which you decide what fails")
	flags.DurationVar(&f.long, "for", 0, "how long the players of --page play (default: until Ctrl-C)")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON; the rest goes to standard error")
	flags.BoolVar(&f.keep, "keep", false, "keep the folder with logs and state")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.complete(flags.Changed); err != nil {
			return &usageError{err}
		}
		return runDemo(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// errDemo: the demo ran, and its report says what went wrong.
var errDemo = errors.New("the demo failed, see its report")

func runDemo(ctx context.Context, f demoFlags, stdout, stderr io.Writer) error {
	cfg, err := f.config()
	if err != nil {
		return &usageError{err}
	}
	if cfg.Program, err = program(); err != nil {
		return err
	}
	cfg.Screen = demo.NewScreen(stdout)
	if f.json {
		cfg.Screen = demo.NewScreen(stderr)
	}
	if f.verbose {
		cfg.Echo = stderr
	}
	if to := trace.Destination(); to != "" {
		cfg.Screen.Line("traces of failovers go to %s", to)
	}
	report, err := demo.Run(ctx, cfg)
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return err
	case f.json:
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	default:
		cfg.Screen.Table(report)
	}
	if err == nil && !report.OK {
		err = errDemo
	}
	return err
}

// onPage is how many regions and servers a page shows, unless it is said.
const onPage = 6

// complete fits the flags to each other, given which ones were set.
func (f *demoFlags) complete(set func(name string) bool) error {
	if !f.page {
		if set("for") {
			return errors.New("--for is how long --page goes on: give that, too")
		}
		return nil
	}
	for _, name := range []string{"fault", "rounds"} {
		if set(name) {
			return fmt.Errorf("--%s and --page: on the page you decide yourself what fails, leave one of them out", name)
		}
	}
	if set("for") && f.long <= 0 {
		return fmt.Errorf("--for %v is not positive", f.long)
	}
	if !set("regions") {
		f.regions = min(onPage, max(f.players, 1))
	}
	if !set("servers") {
		f.servers = onPage
	}
	return nil
}

func (f demoFlags) config() (demo.Config, error) {
	faults, err := demo.ParseFaults(f.faults)
	switch {
	case err != nil:
		return demo.Config{}, fmt.Errorf("--fault: %w", err)
	case f.rounds < 1:
		return demo.Config{}, fmt.Errorf("--rounds %d is not 1 or more", f.rounds)
	case f.edges < 1 || f.edges > 9:
		return demo.Config{}, fmt.Errorf("--edges %d is not 1 to 9", f.edges)
	case f.commit != "strict" && f.commit != "none":
		return demo.Config{}, fmt.Errorf("--output-commit %q is not known: use strict or none", f.commit)
	}
	if err := checkCast(f.players, f.servers, f.regions, f.rate); err != nil {
		return demo.Config{}, err
	}
	cfg := demo.Config{
		Players: f.players, Rate: f.rate, Rounds: f.rounds, Faults: faults, Seed: f.seed,
		Servers: f.servers, Regions: f.regions, Edges: f.edges, OutputCommit: f.commit, Consul: f.consul, Keep: f.keep,
		Pool: f.regions > 1 || f.servers > 3, Page: f.page, For: f.long,
	}
	if f.page {
		cfg.Faults = nil
	}
	if cfg.Pool && cfg.Regions > 1 {
		cfg.Recoveries = 1 // so that the order can be seen
	}
	for _, fault := range cfg.Faults {
		if err := fault.Check(cfg); err != nil {
			return demo.Config{}, err
		}
	}
	return cfg, nil
}

// checkCast checks how many there are of all who take part.
func checkCast(players, servers, regions int, rate float64) error {
	switch {
	case players < 1 || players > 999:
		return fmt.Errorf("--players %d is not 1 to 999", players)
	case rate < 0.1 || rate > 1000:
		return fmt.Errorf("--rate %v is not 0.1 to 1000", rate)
	case servers < 3 || servers > 30:
		return fmt.Errorf("--servers %d is not 3 to 30: a region has a primary and two backups", servers)
	case regions < 1 || regions > 60:
		return fmt.Errorf("--regions %d is not 1 to 60", regions)
	case regions > players:
		return fmt.Errorf("--regions %d is more than --players %d: somebody must be in each", regions, players)
	}
	return nil
}
