// Package demo shows what Reseat does: it starts a registry, three game servers
// with their sidecars, edges and a crowd of players, all as processes of their
// own on this machine, makes servers and edges fail under the players, shows what
// happens as it happens, and has the outcome judged.
//
// Before each fault it waits until both backups are in sync, so that what it shows
// is what a region does that is protected.
//
// It knows how the processes are started and what they report, but not how they
// work: who is primary it learns from the registry, what the players saw from
// the players, and what was done from the game.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Config says what to show.
type Config struct {
	Players int
	Rate    float64 // actions per second of each player
	Rounds  int     // how often each of the faults happens
	Faults  []fleet.Fault
	Seed    uint64
	Edges   int    // 1 or more
	Consul  string // address of an agent; empty: a registry of the demo's own
	Keep    bool   // the folder with logs and state

	// OutputCommit says when replies leave for players: "strict" or "none".
	OutputCommit string

	Program string    // the path of reseat
	Echo    io.Writer // of the processes' logs; nil: none
	Screen  *Screen
}

// steadyTime is how long everything goes well before each fault, and aftermath
// how long the demo goes on watching when all players are back: what comes
// later than that is in the figures for times without a fault.
const (
	steadyTime = 1500 * time.Millisecond
	aftermath  = time.Second
)

// demo is a run.
type demo struct {
	cfg    Config
	stage  *stage
	crowd  *bots.Remote
	bar    string // what the changing line begins with
	rounds []Round

	progress bots.Progress // the last word of the players
}

// Run shows the demo and judges it. An error means that it could not be shown
// to the end; whether it went well is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "reseat-demo-")
	if err != nil {
		return Report{}, fmt.Errorf("demo: %w", err)
	}
	d := &demo{cfg: cfg, stage: newStage(cfg, dir)}
	found, err := d.run(ctx)
	cfg.Screen.Bar("")
	report := newReport(found)
	report.Started, report.Took = began, time.Since(began).Seconds()
	if cfg.Keep || err != nil && ctx.Err() == nil || err == nil && !report.OK {
		cfg.Screen.Line("state and logs are in %s", dir)
	} else if remove := os.RemoveAll(dir); remove != nil {
		err = errors.Join(err, remove)
	}
	return report, err
}

// run has everything that must run beside the show, and ends it after it.
func (d *demo) run(ctx context.Context) (evidence, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.stage.observe(ctx) })
	found, err := d.show(ctx, g)
	cancel()
	d.stage.close(ctx)
	if beside := g.Wait(); err == nil {
		err = beside
	}
	return found, err
}

// show is the script.
func (d *demo) show(ctx context.Context, g *errgroup.Group) (evidence, error) {
	found := evidence{settings: d.settings()}
	d.cfg.Screen.Line("%s at %v actions/s, %d game servers with sidecars, %s, registry %s",
		plural(d.cfg.Players, "player"), d.cfg.Rate, servers, plural(d.cfg.Edges, "edge"), found.settings.Registry)
	if err := d.raise(ctx, g); err != nil {
		return found, err
	}
	var err error
	if found.before, err = d.crowd.Audit(ctx); err != nil {
		return found, err
	}
	if err := d.crowd.Play(); err != nil {
		return found, err
	}
	began := time.Now()
	found.failed = d.act(ctx)
	found.rounds, found.played = d.rounds, time.Since(began)
	if ctx.Err() != nil {
		return found, context.Cause(ctx)
	}
	return found, d.settle(ctx, &found)
}

// raise starts everything and seats the players.
func (d *demo) raise(ctx context.Context, g *errgroup.Group) error {
	d.cfg.Screen.Bar("starting")
	made, err := d.stage.open(ctx)
	if err != nil {
		return err
	}
	g.Go(func() error { return d.stage.watch(ctx) })
	primary, epoch, err := d.ready(ctx, time.Time{}, "")
	if err != nil {
		return err
	}
	d.cfg.Screen.Line("%s is primary, epoch %d; %s are in sync", primary.Name, epoch, list(d.others(primary)))
	if d.crowd, err = d.stage.admit(made.Public.CA); err != nil {
		return err
	}
	g.Go(func() error {
		if err := d.crowd.Run(ctx); ctx.Err() == nil {
			return err
		}
		return nil
	})
	if err := d.crowd.Join(ctx); err != nil {
		return err
	}
	d.cfg.Screen.Line("%s, %d processes", inTheGame(d.cfg.Players), d.processes())
	return nil
}

func inTheGame(n int) string {
	if n == 1 {
		return "1 player is in the game"
	}
	return plural(n, "player") + " are in the game"
}

// processes is how many there are, this one not counted.
func (d *demo) processes() int {
	n := 2*servers + d.cfg.Edges + 1 // sidecars and games, edges, the players
	if d.cfg.Consul == "" {
		n++
	}
	return n
}

func (d *demo) others(primary *fleet.Server) (others []string) {
	for _, s := range d.stage.servers {
		if s != primary {
			others = append(others, s.Name)
		}
	}
	return others
}

// ready waits until there is a primary to harm, of an epoch that is not old,
// until everything runs, and until all backups are in sync; what was struck has to
// have started again.
func (d *demo) ready(ctx context.Context, struck time.Time, name string) (primary *fleet.Server, epoch uint64, err error) {
	err = d.stage.await(ctx, "a primary and two backups in sync", func(k known) bool {
		back := func(since map[string]time.Time) func(*fleet.Server) bool {
			return func(s *fleet.Server) bool {
				return !since[s.Name].IsZero() && (s.Name != name || since[s.Name].After(struck))
			}
		}
		primary, epoch = d.stage.primary(k)
		return primary != nil && k.inSync(d.stage.servers) &&
			every(d.stage.servers, back(k.joined)) && every(d.stage.edges, back(k.follows))
	})
	return primary, epoch, err
}

func every(servers []*fleet.Server, good func(*fleet.Server) bool) bool {
	return !slices.ContainsFunc(servers, func(s *fleet.Server) bool { return !good(s) })
}

// settle stops the players and collects what all sides have to say. What did
// not become durable is not an error here: it is for the judge.
func (d *demo) settle(ctx context.Context, found *evidence) error {
	d.cfg.Screen.Bar("settling")
	stopped := d.crowd.Stop(ctx)
	var err error
	if found.after, err = d.crowd.Audit(ctx); err != nil {
		return errors.Join(stopped, err)
	}
	if stopped == nil {
		_ = d.crowd.Stop(ctx) // the audit was an action, too; the ledgers tell if it was lost
	}
	found.result, err = d.crowd.Result(ctx)
	return err
}

func (d *demo) settings() Settings {
	s := Settings{
		Players: d.cfg.Players, Rate: d.cfg.Rate, Rounds: d.cfg.Rounds, Seed: d.cfg.Seed, Registry: "in memory",
		Edges: d.cfg.Edges, OutputCommit: d.cfg.OutputCommit,
	}
	for _, f := range d.cfg.Faults {
		s.Faults = append(s.Faults, f.Name)
	}
	if d.cfg.Consul != "" {
		s.Registry = "Consul at " + d.cfg.Consul
	}
	return s
}
