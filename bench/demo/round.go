package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// act lets every fault happen in turn, and the whole of it Rounds times.
func (d *demo) act(ctx context.Context) error {
	all := slices.Repeat(d.cfg.Faults, d.cfg.Rounds)
	for i, fault := range all {
		d.bar = fmt.Sprintf("round %d of %d  %-7s", i+1, len(all), fault.Name)
		if err := fault.run(ctx, d); err != nil {
			d.stage.timeline.end()
			return fmt.Errorf("round %d (%s): %w", i+1, fault.Name, err)
		}
	}
	return nil
}

// blow is what a round does.
type blow struct {
	fault   string
	planned bool // nothing fails
	strike  func(ctx context.Context, s *scene) error
	finish  func(ctx context.Context, s *scene) error // while the players are still watched; nil: nothing
	away    bool                                      // who was struck comes back only when the mesh has healed without, if it can
	heal    func(ctx context.Context, s *scene) error
}

// scene is a round as it goes on.
type scene struct {
	*Round
	d      *demo
	now    []standing // before it
	movers int        // players on the edges that were struck

	drained string // the incarnation that is to be emptied
}

// round makes servers fail, or an edge, and sees them back.
func (d *demo) round(ctx context.Context, b blow) error {
	if err := d.steady(ctx, steadyTime); err != nil {
		return err
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.normal(ctx); err != nil {
		return err
	}
	if err := d.spared(ctx); err != nil {
		return err
	}
	costs, err := d.measure()
	if err != nil {
		return err
	}
	d.delay() // what was until now is over
	s := &scene{Round: &Round{Fault: b.fault, Planned: b.planned, At: time.Now()}, d: d, now: d.stage.standings()}
	profiled := s.profile(ctx)
	defer profiled()
	d.cfg.Screen.Line("")
	d.stage.begin(s.At, b.planned)
	if err := b.strike(ctx, s); err != nil {
		return err
	}
	if err := d.crowd.Mark(b.fault, s.At.UnixNano()); err != nil {
		return err
	}
	if err := s.comeback(ctx); err != nil {
		return err
	}
	if s.Costs, err = costs(); err != nil {
		return err
	}
	if b.finish != nil {
		if err := b.finish(ctx, s); err != nil {
			return err
		}
	}
	if err := d.steady(ctx, aftermath); err != nil {
		return err
	}
	s.Delay = d.delay()
	profiled()
	if err := s.stages(ctx); err != nil {
		return err
	}
	if err := s.recover(ctx, b); err != nil {
		return err
	}
	d.rounds = append(d.rounds, *s.Round)
	return nil
}

// measure takes the time of the processes until costs is called, where it is wanted.
func (d *demo) measure() (costs func() ([]Cost, error), err error) {
	if d.cfg.Beside == nil {
		return func() ([]Cost, error) { return nil, nil }, nil
	}
	m, err := d.newMeter()
	return func() ([]Cost, error) {
		all, _, err := m.read()
		return all, err
	}, err
}

// delay is the longest of this machine's delays since it was asked last, if anybody
// watches.
func (d *demo) delay() time.Duration {
	if d.cfg.Delay == nil {
		return 0
	}
	return d.cfg.Delay.Take()
}

// pick chooses servers that may fail at once, those that lead the most players.
func (s *scene) pick(count int) ([]*fleet.Server, error) {
	chosen := pick(s.now, count)
	if chosen == nil {
		return nil, fmt.Errorf("demo: %s cannot fail at once without taking all that a region has", plural(count, "server"))
	}
	return byName(s.d.stage.servers, chosen), nil
}

// hit makes a fault happen to servers, or to edges, at once.
func (s *scene) hit(f fleet.Fault, targets ...*fleet.Server) error {
	at := s.At
	if len(s.Servers)+len(s.Edges) > 0 {
		at = time.Now()
	}
	names := make([]string, 0, len(targets))
	for _, t := range targets {
		names = append(names, t.Name)
	}
	s.d.stage.timeline.add(at, markFault, fmt.Sprintf(f.Does, list(names)))
	if f.Edge {
		s.Edges = append(s.Edges, names...)
		for _, t := range targets {
			s.movers += s.d.progress.On[s.d.stage.addr(t.Name)]
		}
	} else {
		s.Servers = append(s.Servers, names...)
		s.d.stage.concern(s.now, s.Servers)
		s.d.stage.timeline.add(at, markStep, s.led(names))
	}
	s.d.stage.struck(targets)
	var g errgroup.Group
	for _, t := range targets {
		g.Go(func() error { return f.Strike(t) })
	}
	return g.Wait()
}

// listed is how many regions are told by name.
const listed = 4

// led says what some servers led, where there is more than one region.
func (s *scene) led(servers []string) string {
	if len(s.now) == 1 {
		return ""
	}
	var regions []string
	players := 0
	for _, r := range s.now {
		if slices.Contains(servers, r.leader) {
			regions = append(regions, r.Name)
			players += r.Players
		}
	}
	if len(regions) == 0 {
		return "led no region"
	}
	what := list(regions)
	if len(regions) > listed {
		what = plural(len(regions), "region")
	}
	return fmt.Sprintf("led until now: %s, with %s", what, plural(players, "player"))
}

// elected waits for the first election of the round, and returns who has won it.
func (s *scene) elected(ctx context.Context) (heir *fleet.Server, err error) {
	var name string
	err = s.d.stage.await(ctx, "an election", func(k known) bool {
		for _, f := range k.moves {
			if f.heir != "" {
				name = f.heir
			}
		}
		return name != ""
	})
	if found := byName(s.d.stage.servers, []string{name}); err == nil && len(found) == 1 {
		heir = found[0]
	}
	return heir, err
}

// steady lets the players play for a while.
func (d *demo) steady(ctx context.Context, long time.Duration) error {
	began, over := time.Now(), time.NewTimer(long)
	defer over.Stop()
	for {
		select {
		case <-over.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case p := <-d.crowd.Progress():
			d.progress = p
			d.cfg.Screen.Bar(fmt.Sprintf("%s  %s   %s sent, %s in flight", d.bar, gauge(int(time.Since(began)), int(long), gaugeWidth),
				plural(p.Sent, "action"), grouped(p.Sent-p.Durable)))
		}
	}
}

const gaugeWidth = 20
