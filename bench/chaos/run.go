package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// Config says how to run cells.
type Config struct {
	Players int
	Rate    float64 // actions per second of each player
	Consul  string  // path of a binary, or consul.Memory
	Dir     string  // where reports are left; empty: the temporary folder
	Keep    bool    // those of good runs, too
	Program string  // the path of reseat
	Echo    io.Writer
}

const (
	maybe     = 2 * time.Second // for an event that may not come
	warmUp    = time.Second
	aftermath = 2 * time.Second
	// limit is how long a whole run may take.
	limit = 90 * time.Second
	// settling is how long everything sent may take to become durable: longer than
	// an edge keeps an action that no primary takes.
	settling = 20 * time.Second
)

// scene is a run: the stage, the crowd on it, and what was done.
type scene struct {
	*stage
	rng     *rand.Rand
	crowd   *bots.Crowd
	tape    *history.Writer
	started time.Time
	ended   time.Time
	before  *history.Audit
	after   *history.Audit
	faults  []history.Fault
	mark    int // events before the last fault
	result  bots.Result
	settled bool // result is there
	dumps   []history.Dump
}

// Run runs a cell and has it judged. An error means that it could not be run at
// all; that it went wrong is in the result.
func Run(parent context.Context, cfg Config, cell Cell, seed uint64) (Result, error) {
	began := time.Now()
	if cfg.Consul == consul.Memory && cell.has(func(f Fault) bool { return f.real }) {
		return Result{}, fmt.Errorf("chaos: %s needs a real Consul", cell.Name)
	}
	dir, err := os.MkdirTemp(cfg.Dir, "reseat-chaos-"+cell.Name+"-")
	if err != nil {
		return Result{}, fmt.Errorf("chaos: %w", err)
	}
	if cell.Faster > 0 {
		cfg.Rate *= cell.Faster
	}
	ctx, cancel := context.WithTimeoutCause(parent, limit, fmt.Errorf("the run took more than %v", limit))
	defer cancel()
	s := &scene{stage: newStage(ctx, cfg, cell, seed, dir), rng: rand.New(rand.NewPCG(seed, 0))}
	failure := s.play(ctx)
	if parent.Err() != nil { // interrupted: nothing is left behind
		return Result{}, errors.Join(context.Cause(parent), os.RemoveAll(dir))
	}
	result, err := s.judge(failure)
	result.Took = time.Since(began)
	if err == nil && result.Outcome == history.OK && !cfg.Keep {
		result.Dir, err = "", os.RemoveAll(dir)
	}
	return result, err
}

// play is the script of every run.
func (s *scene) play(ctx context.Context) (err error) {
	defer func() {
		if s.crowd != nil {
			err = errors.Join(err, s.crowd.Leave())
		}
		if s.tape != nil {
			err = errors.Join(err, s.tape.Close())
		}
		err = errors.Join(err, s.close())
	}()
	if err := s.open(ctx); err != nil {
		return fmt.Errorf("the mesh did not start: %w", err)
	}
	if err := s.join(ctx); err != nil {
		return err
	}
	if s.before, err = s.audit(ctx); err != nil {
		return err
	}
	s.started = time.Now()
	s.crowd.Play(ctx)
	failed := s.perform(ctx)
	s.crowd.Stop()
	s.ended = time.Now()
	return errors.Join(failed, s.settle(ctx))
}

// join seats the players, each at an edge first that is the next one's second.
func (s *scene) join(ctx context.Context) (err error) {
	tls, err := certs.PlayerClient(s.ca)
	if err != nil {
		return err
	}
	if s.tape, err = history.Create(s.dir, "bots"); err != nil {
		return err
	}
	turn := make(chan int, 1)
	turn <- 0
	crowd, err := bots.New(bots.Config{
		Regions: []bots.Region{{Name: region, Players: s.cfg.Players}}, Rate: s.cfg.Rate, Seed: s.seed, Record: s.tape,
		Dial: func(ctx context.Context, region, name string, h player.Handler) (bots.Client, error) {
			i := <-turn
			turn <- i + 1
			return player.Dial(ctx, player.Config{
				Edges: []string{s.edges[i%edges].door(), s.edges[(i+1)%edges].door()}, Region: region, Player: name, TLS: tls,
				Handler: h, Log: quiet,
			})
		},
	})
	if err != nil {
		return err
	}
	s.crowd = crowd
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("the players could not join"))
	defer cancel()
	return crowd.Join(ctx)
}

// perform lets the crowd warm up, goes through the steps, and lets it play on.
func (s *scene) perform(ctx context.Context) error {
	err := measure.Pause(ctx, warmUp)
	if err == nil {
		err = s.steps(ctx)
	}
	if err == nil && s.cell.Until != "" {
		_, err = s.event(ctx, s.cell.Until, 0)
	}
	if err != nil {
		return err
	}
	return measure.Pause(ctx, cmp.Or(s.cell.After, aftermath))
}

// steps strikes one fault after the other, and leaves nothing broken.
func (s *scene) steps(ctx context.Context) (err error) {
	var open []func() error
	defer func() {
		for _, mend := range open {
			err = errors.Join(err, mend())
		}
	}()
	longest := time.Duration(0) // of those that stay open
	for i, step := range s.cell.Steps {
		mend, err := s.step(ctx, step)
		if mend != nil {
			open = append(open, mend)
		}
		if err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, step.Fault.Name, err)
		}
		if step.Open {
			longest = max(longest, step.lasts())
			continue
		}
		if err := measure.Pause(ctx, step.lasts()); err != nil {
			return err
		}
		open = open[:len(open)-1]
		if err := mend(); err != nil {
			return err
		}
	}
	return measure.Pause(ctx, longest)
}

// step waits for a step's moment and strikes; the returned function mends.
func (s *scene) step(ctx context.Context, step Step) (mend func() error, err error) {
	var struck *node
	if step.Whole {
		if err := s.whole(ctx); err != nil {
			return nil, err
		}
	}
	if step.At == "" {
		err = measure.Pause(ctx, step.After)
	} else {
		struck, err = s.moment(ctx, step)
	}
	if err != nil {
		return nil, err
	}
	if step.At == "" {
		s.ask(ctx) // for the counters of who is about to die; at an event there is no time for it
	}
	mark, at := s.seen(), time.Now()
	target, heal, err := step.Fault.strike(ctx, s, struck)
	s.mark = mark
	s.crowd.Mark(step.Fault.Name, at.UnixNano())
	n := len(s.faults)
	s.faults = append(s.faults, history.Fault{Name: step.Fault.Name, Target: target, At: at.UnixNano()})
	return func() error {
		if heal == nil {
			return nil
		}
		err := heal(ctx)
		s.faults[n].Healed = time.Now().UnixNano()
		return err
	}, err
}

// moment waits for a step's event, which comes after the last fault, and returns
// who was elected, if it is that.
func (s *scene) moment(ctx context.Context, step Step) (elected *node, err error) {
	waiting := ctx
	if step.Maybe {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, maybe)
		defer cancel()
	}
	e, err := s.event(waiting, step.At, s.mark)
	if err != nil && step.Maybe && ctx.Err() == nil {
		return nil, nil //nolint:nilnil // nobody in particular
	}
	for _, n := range s.servers {
		if n.name == e.From && e.Name == "elected" {
			elected = n
		}
	}
	return elected, err
}
