package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
)

// act lets every fault happen in turn, and the whole of it Rounds times.
func (d *demo) act(ctx context.Context) error {
	all := slices.Repeat(d.cfg.Faults, d.cfg.Rounds)
	for i, fault := range all {
		d.bar = fmt.Sprintf("round %d of %d  %-7s", i+1, len(all), fault.Name)
		round, err := d.round(ctx, fault)
		if err != nil {
			d.stage.timeline.end()
			return fmt.Errorf("round %d (%s): %w", i+1, fault.Name, err)
		}
		d.rounds = append(d.rounds, round)
	}
	return nil
}

// round makes one server fail, or an edge, and sees it back.
func (d *demo) round(ctx context.Context, fault fleet.Fault) (Round, error) {
	if err := d.steady(ctx, steadyTime); err != nil {
		return Round{}, err
	}
	victim, epoch, err := d.ready(ctx, time.Time{}, "")
	if err != nil {
		return Round{}, err
	}
	on := 0
	if fault.Edge {
		victim, on = d.stage.busiest(d.progress.On)
	}
	d.cfg.Screen.Line("")
	r := Round{Fault: fault.Name, Edge: fault.Edge, Server: victim.Name, At: time.Now(), EpochBefore: epoch}
	d.stage.timeline.begin(r.At, fmt.Sprintf(fault.Does, victim.Name))
	if err := fault.Strike(victim); err != nil {
		return r, err
	}
	if err := d.crowd.Mark(fault.Name, r.At.UnixNano()); err != nil {
		return r, err
	}
	if r.Back, err = d.comeback(ctx, r.At, on); err != nil {
		return r, err
	}
	d.stage.timeline.add(r.At.Add(r.Back), markDone, d.allBack())
	if err := d.steady(ctx, aftermath); err != nil {
		return r, err
	}
	return r, d.recover(ctx, fault, victim, &r)
}

// recover brings back what was struck and waits until all is as it was before.
func (d *demo) recover(ctx context.Context, fault fleet.Fault, victim *fleet.Server, r *Round) error {
	if err := d.crowd.Close(time.Now().UnixNano()); err != nil {
		return err
	}
	if fault.Heals != "" {
		d.stage.timeline.add(time.Now(), markHeal, fmt.Sprintf(fault.Heals, victim.Name))
	}
	if err := fault.Heal(victim); err != nil {
		return err
	}
	var primary *fleet.Server
	var err error
	if primary, r.EpochAfter, err = d.ready(ctx, r.At, victim.Name); err != nil {
		return err
	}
	r.Primary = primary.Name
	r.Hot = r.EpochAfter > r.EpochBefore && !d.stage.restoredSince(r.At)
	r.Protected = time.Since(r.At)
	r.Timeline = d.stage.timeline.end()
	return nil
}

func (d *demo) allBack() string {
	if d.cfg.Players == 1 {
		return "the player plays on, all kept actions are durable"
	}
	return fmt.Sprintf("all %s play on, all kept actions are durable", plural(d.cfg.Players, "player"))
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

// comeback waits until every player can play on after the fault, and tells how
// long after it the last of them could. movers were on the edge that was struck.
func (d *demo) comeback(ctx context.Context, fault time.Time, movers int) (time.Duration, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-late.C:
			return 0, fmt.Errorf("after %v not all players can play on", patience)
		case p := <-d.crowd.Progress():
			if p.BackAt < fault.UnixNano() { // nobody, or said before the mark arrived
				p.Back = 0
			}
			if p.Ended > 0 {
				return 0, fmt.Errorf("the sessions of %s have ended", plural(p.Ended, "player"))
			}
			if p.Back == p.Players && p.Resumed >= movers {
				d.tellMoves(p.Moves)
				return time.Unix(0, p.BackAt).Sub(fault), nil
			}
			d.cfg.Screen.Bar(fmt.Sprintf("%s  %s   %d of %s back, %s kept", d.bar, gauge(p.Back, p.Players, gaugeWidth),
				p.Back, plural(p.Players, "player"), plural(p.Sent-p.Durable, "action")))
		}
	}
}

// tellMoves puts into the timeline what players noticed of the death of an edge.
func (d *demo) tellMoves(m bots.Moves) {
	if m.Lost == 0 {
		return
	}
	d.stage.timeline.add(time.Unix(0, m.LostAt), markStep, fmt.Sprintf("the first of %s notices that its edge is gone", plural(m.Lost, "player")))
	d.stage.timeline.add(time.Unix(0, m.ResumedAt), markStep, plural(m.Resumed, "player")+" resumed at another edge")
}
