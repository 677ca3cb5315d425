package sidecar

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A planned hand-over. Players' actions stay at the edges while what is under way
// becomes durable, which takes a round trip to the backups and the game's last
// answer; then nothing is left that the heir does not have, and nothing is suspect.

// yielding is a hand-over under way.
type yielding struct {
	to     string
	since  time.Time
	wake   pump.Waker // something has become durable
	late   bool       // half of the time is over
	muted  bool       // the game is not heard any more: it would never be done
	coming []coming   // players of other regions who came meanwhile
	unrest string     // what was not calm when it was looked at last
}

// coming is a player who waits to be taken in.
type coming struct {
	stream *stream
	enter  wire.Enter
}

func (r *region) isMuted() bool { return r.yielding != nil && r.yielding.muted }

// yield holds actions back until all is calm, and then gives up what players hear
// of; or, if that takes too long, goes on.
func (r *region) yield(ctx context.Context, to string) failover.CandidateEvent {
	y := &yielding{to: to, since: time.Now(), wake: pump.NewWaker()}
	r.mu.Lock()
	r.yielding = y
	r.mu.Unlock()
	r.log.Info("handing over", "event", "yield", "to", to)
	limit := r.life.sc.cfg.Timing.Yield
	mute, late := time.After(limit/2), time.After(limit)
	for {
		switch over, calm := r.freeze(y); {
		case calm:
			return failover.Yielded{}
		case over:
			return failover.YieldFailed{}
		}
		select {
		case <-ctx.Done():
			return failover.YieldFailed{}
		case <-mute:
			r.mu.Lock()
			y.late = true
			r.mu.Unlock()
		case <-late:
			r.log.Warn("could not hand over in time, serving on", "event", "yield_failed", "to", to, "missing", r.missing(y))
			r.resume()
			return failover.YieldFailed{}
		case <-y.wake:
		}
	}
}

// freeze ends our time as primary if all is calm. What we have stays, and is what
// the heir has. Over: we have been fenced meanwhile, or the game has died, and there
// is nothing left that could be given up in good order.
func (r *region) freeze(y *yielding) (over, calm bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.yielding != y {
		return true, false
	}
	y.muted = y.muted || y.late && r.allApplied() // what it does from here on comes of no action
	if y.unrest = r.unrest(); !r.leading || y.unrest != "" {
		return false, false
	}
	r.silence(wire.CodeDrain, time.Since(y.since))
	r.story.gives(y.to, y.since)
	r.stats.yields.Add(1)
	r.leading, r.restoring, r.epoch = false, false, 0
	r.led, r.lost = time.Now(), failover.ReasonDrain
	return true, true
}

// unrest says what of all that we have taken is not applied, durable, with the heir
// or told yet; empty: it is calm. The caller holds r.mu.
func (r *region) unrest() string {
	end := r.end()
	switch {
	case !r.serving:
		return "not serving"
	case !r.allApplied():
		return "not applied"
	case r.commit < end:
		return "not durable"
	case r.matchOf(r.yielding.to) < end:
		return "not with the heir"
	case r.counted < end || len(r.survived)+len(r.joins)+len(r.refusals)+len(r.departs) > 0:
		return "not told"
	case !r.held.empty():
		return "updates held"
	}
	return ""
}

// missing is what a hand-over waits for.
func (r *region) missing(y *yielding) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return y.unrest
}

// allApplied tells whether the game is done with the whole log.
func (r *region) allApplied() bool {
	f := &r.feed
	return f.next > r.end() && f.done == f.handed && len(f.outcomes) == 0
}

// resume takes actions again; edges send what was left to them.
func (r *region) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	y := r.yielding
	if y == nil {
		return // fenced at this moment
	}
	r.yielding = nil
	if r.torn {
		r.game().end(&endError{wire.CodeDrain, errMuted})
		return
	}
	for _, c := range y.coming {
		if _, open := r.streams[c.stream]; open {
			r.endOnError(r.admitFrom(c.stream, c.enter))
		}
	}
	for s := range r.streams {
		for _, row := range s.rows {
			if !row.away() {
				s.add(wire.Gap{Epoch: r.epoch, Handle: row.handle, Have: row.have})
			}
		}
	}
}

var errMuted = errors.New("a hand-over failed after the game had been silenced: its state may be ahead of the log")

// give passes the lock on to the heir, or frees it for him, and makes a standby of the
// game. Until Consul has answered nobody serves: it may have been done.
func (r *region) give(ctx context.Context, what failover.Release) {
	defer r.giving.Store(false)
	r.demote(ctx)
	delay := retryDelay()
	if r.passOn(ctx, what) {
		return
	}
	for {
		err := r.life.sc.cfg.Discovery.ReleaseFrom(ctx, r.seen(), r.life.session())
		if err == nil {
			r.tellFree(wire.Free{Epoch: what.Epoch, Heir: true}, what.To)
			return
		}
		if errors.Is(err, discovery.ErrDeposed) {
			return
		}
		r.log.Warn("could not release the lock, trying again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay.NextBackOff()):
		}
	}
}

// passOn makes the heir the holder of the lock: one transaction instead of one of ours
// and one of his. If that cannot be, or if nobody knows whether it was done, the lock is
// still to be released.
func (r *region) passOn(ctx context.Context, what failover.Release) (done bool) {
	r.mu.Lock()
	view, floor, session, leaves := r.view, r.promised, "", r.leaves()
	if s := r.streamOf(what.To); s != nil {
		session = s.session
	}
	r.mu.Unlock()
	heir, there := view.Server(what.To)
	if session == "" || !there {
		return false
	}
	h := discovery.Holder{Incarnation: heir.Incarnation, Address: heir.Address, Session: session, Trace: r.story.passes()}
	grant, err := r.life.sc.cfg.Discovery.HandOver(ctx, view, r.life.session(), h, leaves, floor)
	if err != nil {
		r.log.Info("could not pass the lock on, releasing it", "to", what.To, "error", err)
		return false
	}
	r.story.released(what.Epoch)
	r.tellFree(wire.Free{
		Epoch: what.Epoch, Heir: true, Next: grant.Epoch, Before: uint64(view.InSyncVersion), After: uint64(grant.InSyncVersion),
		Left: leaves, Trace: h.Trace,
	}, what.To)
	return true
}

// seen is the newest view.
func (r *region) seen() discovery.View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view
}

// tellFree tells a backup, or all of them if it has no name, that Consul has freed
// the lock.
func (r *region) tellFree(f wire.Free, to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streams {
		if s.role.Backup() && (to == "" || s.peer == to) {
			s.add(f)
		}
	}
}

// tellFallen tells the backups that the lock of our epoch is free, if we had it.
func (r *region) tellFallen() (had bool) {
	r.mu.Lock()
	epoch := r.epoch
	leads := epoch > 0 && epoch == r.promised
	r.mu.Unlock()
	if leads {
		r.tellFree(wire.Free{Epoch: epoch}, "")
	}
	return leads
}

// demote makes a standby of the game: from the newest snapshot and the log, for
// what it did since without an outcome is nobody else's state.
func (r *region) demote(ctx context.Context) {
	r.mu.Lock()
	r.yielding = nil
	r.begin()
	for _, row := range r.table.sorted {
		row.named = false
	}
	send := func(context.Context) {}
	if snap := r.restorable(); snap != nil && r.game().standby {
		r.refeed(snap)
		send = r.host(snap, true)
	} else if r.hosted {
		r.hosted, r.promoted = false, false
		r.endOnError(pump.Add(r.game().out, wire.Unhost{ID: r.id}))
	}
	r.mu.Unlock()
	go send(ctx) // the lock is what players wait for
}

// retire hands over all regions that others can lead, before this process stops.
func (s *Sidecar) retire(limit time.Duration) {
	l := s.life.Load()
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	defer cancel()
	var g errgroup.Group
	g.Go(func() error {
		drain := discovery.Drain{By: "shutdown", Since: time.Now()}
		return s.cfg.Discovery.SetDrain(ctx, l.id, drain) // so that our end is no failure; without it it is one
	})
	for _, r := range l.hosting.list() {
		g.Go(func() error { r.retire(ctx); return nil })
	}
	_ = g.Wait()
}

// retire waits until the region is somebody else's, if somebody can lead it.
func (r *region) retire(ctx context.Context) {
	r.post(failover.Retire{})
	select {
	case <-r.retired:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for r.leaving.Load() || r.giving.Load() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
