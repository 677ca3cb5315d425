package steady

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Config says what to measure.
type Config struct {
	Program string // path of reseat, which is started again
	Consul  string // as consul.Config.Binary
	Loads   []Load
	Paths   []Path
	Lasts   time.Duration // of what counts in a pass
	Rounds  int
	Seed    uint64
	Busy    bool      // try no pass again when the machine is too busy: the run is void then
	Pprof   string    // folder for profiles, of passes that do not count; empty: none
	Screen  io.Writer // for what happens as it happens; nil: nothing
	Echo    io.Writer // of the processes' logs; nil: none
}

const (
	// warm is how long a load goes on before it counts: connections find their
	// windows and round trip times, and heaps their size.
	warm = time.Second
	// calm is how long players do nothing before their memory is read.
	calm = 500 * time.Millisecond
	// attempts is how often a pass is tried on a machine that is too busy.
	attempts = 3
)

// files is how many files the players' process, which has the most, opens for one player:
// a socket, and what Go needs to watch it; and besides those of all players.
func files(players int) uint64 { return uint64(2*players + 256) } //nolint:gosec // small

// Check tells what cannot be measured.
func (cfg *Config) Check() error {
	if len(cfg.Loads) == 0 || len(cfg.Paths) == 0 {
		return errors.New("nothing to measure: name a load and a path")
	}
	if cfg.Rounds < 1 || cfg.Lasts < time.Second {
		return fmt.Errorf("%d rounds of %v measure nothing: at least 1 of 1s", cfg.Rounds, cfg.Lasts)
	}
	most := 0
	for _, l := range cfg.Loads {
		if err := l.Check(); err != nil {
			return err
		}
		most = max(most, l.Players)
	}
	return measure.NeedFiles(files(most))
}

// Run measures. The error is measure.ErrLoaded if the machine was not calm enough to begin
// with; if it is so later, the run is void.
func Run(ctx context.Context, cfg Config, run *measure.Run) (*Result, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	r := &Result{Run: run}
	for _, load := range cfg.Loads {
		for round := range cfg.Rounds {
			for _, path := range cfg.Paths {
				p, err := calmly(ctx, cfg, path, load, round, run)
				if errors.Is(err, measure.ErrLoaded) && len(r.Passes) > 0 {
					err = nil // the run is void; what else there is may still be of use
				}
				if err != nil {
					return nil, fmt.Errorf("%s under %v: %w", path.Name, load, err)
				}
				r.Passes = append(r.Passes, p)
			}
		}
		if err := profiles(ctx, cfg, load, run); err != nil {
			return nil, err
		}
	}
	run.Watch().Take() // what happened while processes started and ended disturbed nobody
	r.Rows = Rows(r.Passes)
	return r, nil
}

// profiles has passes of their own, for to profile takes time, too.
func profiles(ctx context.Context, cfg Config, load Load, run *measure.Run) error {
	if cfg.Pprof == "" {
		return nil
	}
	for _, path := range cfg.Paths {
		cfg.tell("%-10s %-11s profiles", load, path.Name)
		if _, err := pass(ctx, cfg, path, load, profiled, run); err != nil {
			return fmt.Errorf("profiles of %s under %v: %w", path.Name, load, err)
		}
	}
	return nil
}

// profiled is the round of passes that are profiled.
const profiled = -1

// calmly measures one path under one load, again if the machine was too busy.
func calmly(ctx context.Context, cfg Config, path Path, load Load, round int, run *measure.Run) (p Pass, err error) {
	for attempt := range attempts {
		if p, err = One(ctx, cfg, path, load, round, run); err != nil {
			return p, err
		}
		if err = measure.Loaded(p.Delay); err == nil || cfg.Busy {
			run.Note(p.Delay)
			return p, nil
		}
		cfg.tell("%v, attempt %d of %d", err, attempt+1, attempts)
	}
	run.Note(p.Delay)
	return p, err
}

// One measures one path under one load. What of its Delay the run is to know is up to
// the caller.
func One(ctx context.Context, cfg Config, path Path, load Load, round int, run *measure.Run) (Pass, error) {
	p, err := pass(ctx, cfg, path, load, round, run)
	if err == nil {
		cfg.tell("%-10s %-11s round %d: %s", load, path.Name, round+1, p.brief())
	}
	return p, err
}

func (cfg *Config) tell(format string, args ...any) {
	if cfg.Screen != nil {
		fmt.Fprintf(cfg.Screen, format+"\n", args...)
	}
}

// pass starts the processes, lets players play, and ends all.
func pass(ctx context.Context, cfg Config, path Path, load Load, round int, run *measure.Run) (p Pass, err error) {
	dir, err := os.MkdirTemp("", "reseat-bench-")
	if err != nil {
		return p, err
	}
	s := newStage(cfg, dir)
	ctx, cancel := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { s.observe(gctx); return nil })
	defer func() {
		cancel()
		_ = g.Wait()
		s.fleet.Close()
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	p = Pass{Path: path.Name, Load: load, Round: round}
	if err := s.open(ctx, path); err != nil {
		return p, err
	}
	if p.Empty, err = s.collected(ctx); err != nil {
		return p, err
	}
	if err := s.join(ctx, load.Players, cfg.Seed+uint64(round)); err != nil { //nolint:gosec // small
		return p, err
	}
	if err := measure.Pause(ctx, calm); err != nil {
		return p, err
	}
	if p.Idle, err = s.collected(ctx); err != nil {
		return p, err
	}
	return p, s.measure(ctx, &p, run)
}

// measure lets the players play, and reads what that costs.
func (s *stage) measure(ctx context.Context, p *Pass, run *measure.Run) error {
	var before reading
	var taking errgroup.Group
	stop := context.AfterFunc(ctx, s.crowd.Kill) // or it would say nothing more for long
	defer stop()
	tally, err := s.players.play(order{Load: p.Load, Warm: warm, Lasts: s.cfg.Lasts}, func() (err error) {
		if p.Round == profiled {
			s.profile(ctx, &taking, p)
		}
		run.Watch().Take()
		before, err = s.read()
		return err
	})
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	after, err := s.read()
	if err != nil {
		return err
	}
	p.Delay = run.Watch().Take()
	if p.Active, err = s.resident(); err != nil {
		return err
	}
	p.take(tally, before, after)
	return taking.Wait()
}

// profile takes profiles of all processes, in files that go tool pprof reads.
func (s *stage) profile(ctx context.Context, g *errgroup.Group, p *Pass) {
	for _, m := range s.members {
		name := filepath.Join(s.cfg.Pprof, fmt.Sprintf("%s-%s-%s", p.Load, p.Path, m.Name))
		g.Go(func() error {
			c, err := s.probe(ctx, m.Name)
			if err != nil {
				return err
			}
			if err := c.Profile(ctx, s.cfg.Lasts, name+".cpu.pprof"); err != nil {
				return err
			}
			return c.Allocs(ctx, name+".allocs.pprof")
		})
	}
}
