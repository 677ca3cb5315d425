package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/fleet"
)

// comeback waits until every player who is concerned can play on.
func (s *scene) comeback(ctx context.Context) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return fmt.Errorf("after %v not all players can play on", patience)
		case p := <-s.d.crowd.Progress():
			if p.Ended > 0 {
				return fmt.Errorf("the sessions of %s have ended", plural(p.Ended, "player"))
			}
			back, players, done := s.back(p)
			if done {
				s.d.stage.update(func(k *known) { k.back = true })
				s.tellMoves(p.Moves)
				s.d.stage.timeline.add(s.At.Add(s.Back), markDone, s.allBack(players))
				return nil
			}
			s.d.cfg.Screen.Bar(fmt.Sprintf("%s  %s   %d of %s back, %s kept", s.d.bar, gauge(back, players, gaugeWidth),
				back, plural(players, "player"), plural(p.Sent-p.Durable, "action")))
		}
	}
}

// back counts the players who play on, of those in regions that were led by a
// server that was struck, or of all if it was an edge. It notes when the last of
// them could.
func (s *scene) back(p bots.Progress) (back, players int, done bool) {
	done = p.Resumed >= s.movers
	s.d.stage.update(func(k *known) {
		for name, c := range p.Regions {
			f := k.moves[name]
			if f == nil && len(k.moves) > 0 {
				continue
			}
			if c.BackAt < s.At.UnixNano() { // nobody, or said before the mark arrived
				c.Back = 0
			}
			at := time.Unix(0, c.BackAt).Sub(s.At)
			if f != nil {
				f.Back = at
				done = done && f.To != "" && !slices.Contains(s.Servers, f.To)
			}
			done = done && c.Whole()
			s.Back = max(s.Back, at)
			back, players = back+c.Back, players+c.Players
		}
	})
	return back, players, done
}

func (s *scene) allBack(players int) string {
	switch {
	case players == 1:
		return "the player plays on, all kept actions are durable"
	case players < s.d.cfg.Players:
		return fmt.Sprintf("all %s concerned play on, all kept actions are durable", plural(players, "player"))
	}
	return fmt.Sprintf("all %s play on, all kept actions are durable", plural(players, "player"))
}

// tellMoves puts into the timeline what players noticed of the death of an edge.
func (s *scene) tellMoves(m bots.Moves) {
	if m.Lost == 0 {
		return
	}
	s.Left, s.Resumed = time.Unix(0, m.LostAt).Sub(s.At), time.Unix(0, m.ResumedAt).Sub(s.At)
	t := s.d.stage.timeline
	t.add(time.Unix(0, m.LostAt), markStep, fmt.Sprintf("the first of %s notices that its edge is gone", plural(m.Lost, "player")))
	t.add(time.Unix(0, m.ResumedAt), markStep, plural(m.Resumed, "player")+" resumed at another edge")
}

// recover brings back what was struck and waits until all is as it was before.
func (s *scene) recover(ctx context.Context, b blow) error {
	stage := s.d.stage
	if err := s.d.crowd.Close(time.Now().UnixNano()); err != nil {
		return err
	}
	if b.away && s.d.cfg.Pool && s.d.cfg.Servers-len(s.Servers) > backups {
		if err := s.replaced(ctx); err != nil {
			return err
		}
	}
	if err := b.heal(ctx, s); err != nil {
		return err
	}
	if err := s.d.ready(ctx); err != nil {
		return err
	}
	if s.Protected == 0 {
		s.Protected = stage.protectedAfter(s.At)
	}
	if err := s.d.normal(ctx); err != nil {
		return err
	}
	if err := s.agree(ctx, nil); err != nil {
		return err
	}
	s.Regions, s.Levels = stage.end()
	s.Timeline = stage.timeline.end()
	return nil
}

// replaced waits until others have taken the places of the servers that were struck.
func (s *scene) replaced(ctx context.Context) error {
	stage, gone := s.d.stage, slices.Concat(s.Servers, s.Edges)
	if err := s.d.ready(ctx, gone...); err != nil {
		return err
	}
	s.Protected = stage.protectedAfter(s.At)
	stage.timeline.add(s.At.Add(s.Protected), markDone,
		fmt.Sprintf("every region has all its backups again, without %s: coverage is 100 %%", list(s.Servers)))
	s.Covered = covers(stage.standings())
	return s.agree(ctx, gone)
}

// mend returns the function that undoes a fault of processes.
func mend(f fleet.Fault) func(context.Context, *scene) error {
	return func(_ context.Context, s *scene) error {
		stage := s.d.stage
		for _, t := range slices.Concat(byName(stage.servers, s.Servers), byName(stage.edges, s.Edges)) {
			if f.Heals != "" {
				stage.timeline.add(time.Now(), markHeal, fmt.Sprintf(f.Heals, t.Name))
			}
			if err := f.Heal(t); err != nil {
				return err
			}
		}
		return nil
	}
}
