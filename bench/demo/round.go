package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// round makes one server fail, and sees it back.
func (d *demo) round(ctx context.Context, fault fleet.Fault) (Round, error) {
	if err := d.steady(ctx, steadyTime); err != nil {
		return Round{}, err
	}
	server, epoch, err := d.ready(ctx, time.Time{}, "")
	if err != nil {
		return Round{}, err
	}
	d.cfg.Screen.Line("")
	r := Round{Fault: fault.Name, Server: server.Name, At: time.Now(), EpochBefore: epoch}
	d.stage.timeline.begin(r.At, fmt.Sprintf(fault.Does, server.Name))
	if err := fault.Strike(server); err != nil {
		return r, err
	}
	if err := d.crowd.Mark(fault.Name, r.At.UnixNano()); err != nil {
		return r, err
	}
	if r.Back, err = d.comeback(ctx, r.At); err != nil {
		return r, err
	}
	d.stage.timeline.add(r.At.Add(r.Back), markDone, d.allBack())
	if err := d.steady(ctx, aftermath); err != nil {
		return r, err
	}
	if err := d.crowd.Close(time.Now().UnixNano()); err != nil {
		return r, err
	}
	if fault.Heals != "" {
		d.stage.timeline.add(time.Now(), markHeal, fmt.Sprintf(fault.Heals, server.Name))
	}
	if err := fault.Heal(server); err != nil {
		return r, err
	}
	if _, r.EpochAfter, err = d.ready(ctx, r.At, server.Name); err != nil {
		return r, err
	}
	r.Timeline = d.stage.timeline.end()
	return r, nil
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
			d.cfg.Screen.Bar(fmt.Sprintf("%s  %s   %s sent, %s in flight", d.bar, gauge(int(time.Since(began)), int(long), gaugeWidth),
				plural(p.Sent, "action"), grouped(p.Sent-p.Durable)))
		}
	}
}

const gaugeWidth = 20

// comeback waits until every player can play on after the fault, and tells how
// long after it the last of them could.
func (d *demo) comeback(ctx context.Context, fault time.Time) (time.Duration, error) {
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
			if p.Back == p.Players {
				return time.Unix(0, p.BackAt).Sub(fault), nil
			}
			d.cfg.Screen.Bar(fmt.Sprintf("%s  %s   %d of %s back, %s kept", d.bar, gauge(p.Back, p.Players, gaugeWidth),
				p.Back, plural(p.Players, "player"), plural(p.Sent-p.Durable, "action")))
		}
	}
}
