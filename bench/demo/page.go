package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
)

// On the page people decide what fails. What they do opens a visit, and whatever
// they do until the mesh is as before belongs to it: it is a round like others, but
// nobody has promised that anything happens in it.

// settled is how long a visit lasts at least after what people did: longer than it
// takes to be noticed.
const settled = time.Second

// invite says where the page is, and what to do there.
func (d *demo) invite() {
	how := "until Ctrl-C"
	if d.cfg.For > 0 {
		how = fmt.Sprintf("for %v, or until Ctrl-C", d.cfg.For)
	}
	for _, line := range []string{
		"",
		"the page is at " + d.stage.admin(d.stage.edges[0].Name) + "/",
		"there you see the mesh, and can kill, freeze, cut off and drain its servers.",
		"What you kill is started again when the mesh has healed without it. A region",
		"outlives two of its three servers at once, and any number one after the other.",
		"The players play " + how + "; then it is judged whether they have lost anything.",
		"",
	} {
		d.cfg.Screen.Line("%s", line)
	}
}

// receive lets people break things until ctx ends, and brings back what they kill.
func (d *demo) receive(ctx context.Context) error {
	if d.cfg.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.cfg.For)
		defer cancel()
	}
	d.invite()
	for {
		v := d.await(ctx)
		if v == nil {
			d.stage.timeline.end()
			return nil
		}
		if err := d.entertain(ctx, v); err != nil {
			d.stage.timeline.end()
			return err
		}
	}
}

// await waits for people to do something; nil: they did nothing until ctx ended.
func (d *demo) await(ctx context.Context) *visit {
	for {
		d.stage.remember()
		d.stage.mu.Lock()
		v, changed := d.stage.visit, d.stage.changed
		d.stage.mu.Unlock()
		if v != nil {
			return v
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case p := <-d.crowd.Progress():
			d.bustle(p)
		}
	}
}

// greet notes how all stands before people may do anything.
func (s *stage) greet() {
	s.update(func(k *known) {
		for _, r := range k.regions {
			r.alone = false
		}
	})
	s.remember()
}

// bustle shows that players play.
func (d *demo) bustle(p bots.Progress) {
	d.progress = p
	d.cfg.Screen.Bar(fmt.Sprintf("players play, Ctrl-C ends it   %s sent, %s in flight", plural(p.Sent, "action"), grouped(p.Sent-p.Durable)))
}

// alone are the regions that people have left without a backup in sync.
func (s *stage) alone() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.regions {
		if s.known.regions[r.Name].alone && s.cfg.Page {
			names = append(names, r.Name)
		}
	}
	return names
}

// entertain sees a visit through: what was killed is started again, and everything
// is as before. If ctx ends before, so does the visit.
func (d *demo) entertain(ctx context.Context, v *visit) error {
	v.d = d
	if err := d.crowd.Mark(v.Fault, v.At.UnixNano()); err != nil {
		return err
	}
	err := d.follow(ctx, v)
	if closed := d.crowd.Close(time.Now().UnixNano()); err == nil {
		err = closed
	}
	v.Protected = max(0, d.stage.protectedAfter(v.At))
	v.Regions, v.Levels = d.stage.end()
	v.Timeline = d.stage.timeline.soFar()
	d.stage.update(func(*known) { d.stage.visit = nil })
	d.rounds = append(d.rounds, *v.Round)
	return err
}

// follow watches until all is well again, or ctx ends.
func (d *demo) follow(ctx context.Context, v *visit) error {
	began, look := time.Now(), time.NewTicker(settleTime)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		case p := <-d.crowd.Progress():
			if d.bustle(p); p.Ended > 0 {
				return fmt.Errorf("the sessions of %s have ended", plural(p.Ended, "player"))
			}
			v.players(p)
		}
		gone, well := d.stage.look(v)
		patient := time.Since(began) < patience
		switch {
		case len(gone) > 0 && (well && v.back || !patient):
			if err := d.stage.restart(v, gone, well); err != nil {
				return err
			}
			began = time.Now()
		case len(gone) == 0 && well && v.back:
			d.stage.timeline.add(time.Now(), markDone, "all is as before")
			return nil
		case !patient:
			d.stage.timeline.add(time.Now(), markFault, fmt.Sprintf("not all is as before after %v", patience))
			return nil
		}
	}
}

// players takes in who plays on.
func (v *visit) players(p bots.Progress) {
	was := v.back
	v.back = true
	for _, c := range p.Regions {
		if c.BackAt < v.At.UnixNano() || !c.Whole() {
			v.back = false
			continue
		}
		v.Back = max(v.Back, time.Unix(0, c.BackAt).Sub(v.At))
	}
	if v.back && !was {
		v.d.stage.timeline.add(v.At.Add(v.Back), markDone, v.allBack(p.Players))
	}
}

// look tells which servers are to be started again, and whether all is well without
// them.
func (s *stage) look(v *visit) (gone []string, well bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(v.gone), time.Now().After(v.until) && s.whole(s.known, v.gone)
}

// restart starts servers again, after the mesh has healed without them.
func (s *stage) restart(v *visit, gone []string, healed bool) error {
	if healed {
		s.timeline.add(time.Now(), markDone, fmt.Sprintf("every region has all its backups again, without %s", list(gone)))
	} else {
		s.timeline.add(time.Now(), markFault, fmt.Sprintf("the mesh has not healed without %s in %v", list(gone), patience))
	}
	s.update(func(*known) {
		v.gone = slices.DeleteFunc(v.gone, func(name string) bool { return slices.Contains(gone, name) })
	})
	if healed {
		v.Covered = covers(s.standings())
	}
	for _, server := range byName(s.servers, gone) {
		s.timeline.add(time.Now(), markHeal, server.Name+" started again")
		if err := server.Start(); err != nil {
			return err
		}
	}
	return nil
}
