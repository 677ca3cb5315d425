// Package demo shows what Reseat does: it starts a registry, game servers with
// their sidecars, edges and a crowd of players, all as processes of their own on
// this machine, makes servers and edges fail under the players, shows what happens
// as it happens, and has the outcome judged.
//
// Before each fault it waits until all backups of all regions are in sync, so that
// what it shows is what a region does that is protected. Where one region is
// played, everything that happens to it is told; of several, for each that fails
// when it is served again, which should be in the order of their ranks.
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
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Config says what to show.
type Config struct {
	Players int
	Rate    float64 // actions per second of each player
	Rounds  int     // how often each of the faults happens
	Faults  []Fault
	Servers int // 3 or more
	Regions int // 1 or more
	Seed    uint64
	Edges   int           // 1 or more
	NoSpare bool          // players keep no connection to a second edge
	Pool    bool          // servers have no regions of their own: the controller seats them
	Consul  string        // address of an agent; empty: a registry of the demo's own
	Page    bool          // people break things, on the live page of an edge, and no Faults happen
	For     time.Duration // of Page; 0: until the context ends
	Keep    bool          // the folder with logs and state

	// Recoveries is how many regions may be recovered at a time; 0: the sidecars'
	// default.
	Recoveries int

	// Memory is how many bytes each game has besides its world, and has written to.
	Memory uint64
	Env    []string // for all processes, besides our own

	// Idle is how long it is measured, before the players play, what the processes
	// cost meanwhile, and Beside other ones whose cost is wanted: process IDs by what
	// they are. 0: nothing is measured.
	Idle   time.Duration
	Beside map[string]int

	// Profiles is a folder for CPU profiles of all processes during the first fault;
	// empty: none are taken, for that costs time.
	Profiles string

	// Delay watches how late this machine wakes anybody up; nil: nobody does.
	Delay *measure.Delay

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

// run has everything that must run beside the show, and ends it after it. With a
// page the end of ctx ends the play, and not the show: it is judged then.
func (d *demo) run(ctx context.Context) (evidence, error) {
	guests := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(guests, func() { cancel(context.Cause(guests)) })
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.stage.observe(ctx) })
	found, err := d.show(ctx, guests, g, stop)
	cancel(nil)
	d.stage.close(ctx)
	if beside := g.Wait(); err == nil {
		err = beside
	}
	return found, err
}

// show is the script. Guests is as long as people may use the page, and stay keeps
// the show going after that.
func (d *demo) show(ctx, guests context.Context, g *errgroup.Group, stay func() bool) (evidence, error) {
	found := evidence{settings: d.settings()}
	where := ""
	if d.cfg.Regions > 1 {
		where = " in " + plural(d.cfg.Regions, "region")
	}
	d.cfg.Screen.Line("%s%s at %v actions/s, %d game servers with sidecars, %s, registry %s",
		plural(d.cfg.Players, "player"), where, d.cfg.Rate, d.cfg.Servers, plural(d.cfg.Edges, "edge"), found.settings.Registry)
	d.confess()
	if err := d.raise(ctx, g); err != nil {
		return found, err
	}
	var err error
	if found.before, err = d.crowd.Audit(ctx); err != nil {
		return found, err
	}
	if d.cfg.Page {
		d.stage.greet()
		stay()
	}
	if d.cfg.Idle > 0 {
		if found.idle, err = d.idle(ctx); err != nil {
			return found, err
		}
	}
	if err := d.crowd.Play(); err != nil {
		return found, err
	}
	began, epochs := time.Now(), d.stage.epochs()
	if d.cfg.Page {
		found.failed = d.receive(guests)
	} else {
		found.failed = d.act(ctx)
	}
	if len(d.cfg.Faults) == 0 && !d.cfg.Page && found.failed == nil {
		found.failed = d.steady(ctx, steadyTime)
	}
	found.epochs = d.stage.epochs() - epochs
	found.alone = d.stage.alone()
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
	if err := d.ready(ctx); err != nil {
		return err
	}
	d.introduce()
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
	if err := d.scored(ctx); err != nil {
		return err
	}
	d.cfg.Screen.Line("%s, %d processes", inTheGame(d.cfg.Players), d.processes())
	return nil
}

// ready waits until everything runs and every region has a primary and its backups
// in sync, but for some servers.
func (d *demo) ready(ctx context.Context, without ...string) error {
	err := d.stage.await(ctx, "every region to have a primary and its backups in sync", func(k known) bool {
		return d.stage.whole(k, without)
	})
	if err != nil && ctx.Err() == nil {
		d.stage.mu.Lock()
		defer d.stage.mu.Unlock()
		what := d.stage.lacks(d.stage.known, without)
		more := max(0, len(what)-listed)
		err = fmt.Errorf("%w: %s, and %d more", err, list(what[:len(what)-more]), more)
	}
	return err
}

// scored waits until the controller has published how urgent each region is: it
// learns of its players when they have joined.
func (d *demo) scored(ctx context.Context) error {
	if !d.cfg.Pool || d.cfg.Regions == 1 {
		return nil
	}
	return d.stage.await(ctx, "every region to have a score", func(k known) bool {
		return !slices.ContainsFunc(d.stage.regions, func(r Region) bool { return k.mesh.Region(r.Name).Seats.Score == 0 })
	})
}

// spared waits until every player has a spare connection, if there is an edge to have
// one to: a client that has just lost its edge takes some seconds.
func (d *demo) spared(ctx context.Context) error {
	if d.cfg.Edges == 1 || d.cfg.NoSpare {
		return nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return fmt.Errorf("after %v only %d of %s have a spare connection", patience, d.progress.Spares, plural(d.cfg.Players, "player"))
		case d.progress = <-d.crowd.Progress():
			if d.progress.Spares == d.cfg.Players {
				return nil
			}
			d.cfg.Screen.Bar(fmt.Sprintf("%s  %d of %s have a spare connection", d.bar, d.progress.Spares, plural(d.cfg.Players, "player")))
		}
	}
}

// normal waits until the mesh has gone back to its normal level by itself.
func (d *demo) normal(ctx context.Context) error {
	if !d.cfg.Pool {
		return nil
	}
	return d.stage.await(ctx, "the mesh to be back on its normal level", func(k known) bool { return levelOf(k.mesh) == normal })
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
