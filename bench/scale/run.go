package scale

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/steady"
)

// Config says what to measure. Steady says how, but for its loads, paths and rounds.
type Config struct {
	Steady  steady.Config
	Sweeps  []Sweep
	Rate    float64       // actions per second of each player
	Players int           // in sweeps over something else
	Step    int           // players more at each point of their sweep
	Most    int           // players at its last
	Limit   time.Duration // p99 above which a point does not hold
}

// attempts is how often a point is tried that does not hold: something else may have
// had the machine meanwhile.
const attempts = 2

// Check tells what cannot be measured.
func (cfg Config) Check() error {
	switch {
	case len(cfg.Sweeps) == 0:
		return errors.New("nothing to measure: name a sweep")
	case cfg.Step < 1 || cfg.Most < cfg.Step:
		return fmt.Errorf("%d to %d players in steps of %d is no sweep", cfg.Step, cfg.Most, cfg.Step)
	case cfg.Limit < time.Millisecond:
		return fmt.Errorf("no p99 is below %v: 1ms or more", cfg.Limit)
	}
	s := cfg.Steady
	s.Loads = []steady.Load{{Players: cfg.Players, Rate: cfg.Rate}, {Players: cfg.Most, Rate: cfg.Rate}}
	s.Paths, s.Rounds = []steady.Path{steady.Relayed()}, 1
	return s.Check()
}

// Run measures all sweeps. The error is measure.ErrLoaded if the machine was too busy for
// the first point of one.
func Run(ctx context.Context, cfg Config, run *measure.Run) (*Result, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	r := &Result{Run: run}
	for _, s := range cfg.Sweeps {
		lines, err := s.lines(cfg)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			c, err := cfg.curve(ctx, s, l, run)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s, err)
			}
			r.Curves = append(r.Curves, c)
		}
	}
	run.Watch().Take() // what happened while processes started and ended disturbed nobody
	return r, nil
}

func (cfg Config) curve(ctx context.Context, s Sweep, l line, run *measure.Run) (Curve, error) {
	c := Curve{Sweep: s, Path: l.path}
	for i, step := range l.steps {
		p, err := cfg.point(ctx, step, run)
		if err != nil {
			return c, err
		}
		limit := l.open && i > 0 && !p.Held() // that is what it was about
		if !limit {
			run.Note(p.Pass.Delay)
			if err := measure.Loaded(p.Pass.Delay); err != nil && !cfg.Steady.Busy {
				return c, err
			}
		}
		c.Points = append(c.Points, p)
		if limit {
			break
		}
	}
	return c, nil
}

func (cfg Config) point(ctx context.Context, s step, run *measure.Run) (p Point, err error) {
	for range attempts {
		if p.Pass, err = steady.One(ctx, cfg.Steady, s.path, s.load, 0, run); err != nil {
			return p, err
		}
		p.X = s.x
		if p.Failed = cfg.judge(p.Pass); p.Held() {
			break
		}
	}
	return p, nil
}

// judge tells why a point does not hold; empty: it does.
func (cfg Config) judge(p steady.Pass) string {
	due := float64(p.Load.Players) * p.Load.Rate
	switch {
	case p.Lost() > 0:
		return fmt.Sprintf("%d actions were not answered", p.Lost())
	case p.Second < enough*due:
		return fmt.Sprintf("%.0f answers a second to %.0f actions", p.Second, due)
	case p.RoundTrip.P99 > cfg.Limit:
		return fmt.Sprintf("p99 %s is above %s", measure.Ms(p.RoundTrip.P99), measure.Ms(cfg.Limit))
	case p.Delay > measure.MaxDelay:
		return fmt.Sprintf("something waited %s for a core", measure.Ms(p.Delay))
	}
	return ""
}

// enough is the share of the actions due that must be answered in time: what is missing
// is the first and the last interval.
const enough = 0.95
