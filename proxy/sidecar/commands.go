package sidecar

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// do carries out one command. What waits for Consul runs beside the control
// goroutine and posts its answer.
func (r *region) do(ctx context.Context, g *errgroup.Group, timer *time.Timer, cmd failover.CandidateCommand) {
	switch cmd := cmd.(type) {
	case failover.WakeAt:
		timer.Reset(time.Until(cmd.Time))
	case failover.DestroySession:
		g.Go(func() error { r.destroy(cmd.Suspicion); return nil })
	case failover.Claim:
		g.Go(func() error { r.post(r.claim(ctx, cmd)); return nil })
	case failover.Lead:
		r.lead(cmd.Epoch)
	case failover.Fetch:
		r.fetch(cmd)
	case failover.Found:
		g.Go(func() error { r.found(ctx); return nil })
	case failover.Promote:
		g.Go(func() error { r.promote(ctx); return nil })
	case failover.Announce:
		r.announce(cmd.Epoch)
	case failover.Fence:
		r.fence()
	case failover.Yield:
		g.Go(func() error { r.post(r.yield(ctx, cmd.To)); return nil })
	case failover.Release:
		r.giving.Store(true)
		g.Go(func() error { r.give(ctx, cmd); return nil })
	case failover.StepDown:
		r.quit(&endError{code: codeOf(cmd.Reason)})
	}
}

func (r *region) destroy(s failover.Suspicion) {
	r.log.Warn("two witnesses: destroying the primary's session", "event", "detected",
		"reason", string(s.Reason), "primary", s.Incarnation, "session", s.Session)
	r.story.sign("destroy", "", s.Reason)
	if err := r.life.destroy(s.Session); err != nil {
		r.log.Warn("could not destroy the session", "session", s.Session, "error", err)
		return
	}
	r.stats.destroyed.Add(1)
}

// destroy ends a session once, however many regions ask for it at the same time, and
// tells all regions that it had.
func (l *life) destroy(session string) error {
	_, err, _ := l.ending.Do(session, func() (any, error) {
		err := l.sc.cfg.Discovery.DestroySession(l.ctx, session)
		if err == nil {
			for _, r := range l.hosting.list() {
				r.fallen(session)
			}
		}
		return nil, err
	})
	return err
}

// fallen tells ourselves and the other backups, ahead of Consul's news, that the region's
// lock is free, if that session had it.
func (r *region) fallen(session string) {
	h := r.seen().Primary
	if h == nil || h.Session != session {
		return
	}
	r.post(failover.Freed{Epoch: h.Epoch})
	r.tellFree(wire.Free{Epoch: h.Epoch}, "")
}

func (r *region) claim(ctx context.Context, cmd failover.Claim) failover.CandidateEvent {
	l := r.life
	addr, _ := l.sc.Addr(ctx)
	session := l.session()
	r.stats.claims.Add(1)
	r.mu.Lock()
	view := r.view
	r.mu.Unlock()
	grant, err := l.sc.cfg.Discovery.TakeOverFrom(ctx, view, cmd.Given, session,
		discovery.Holder{Incarnation: l.id, Address: addr, Trace: r.story.claims(cmd.Floor)}, cmd.Floor)
	r.story.claimed(grant.Epoch, grant.Yielded, err)
	if err != nil {
		r.stats.claimsLost.Add(1)
		r.log.Info("claim failed", "error", err)
		return failover.ClaimFailed{Final: isSessionGone(err)}
	}
	fault.Point(fault.AfterLockTxn)
	r.mu.Lock()
	r.grant = failover.SetSeen{Members: grant.InSync, Known: grant.InSyncKnown, Version: grant.InSyncVersion}
	r.granted, r.inOrder = grant.Epoch, grant.Yielded
	r.mu.Unlock()
	return failover.Claimed{Epoch: grant.Epoch, InSync: grant.InSyncKnown}
}

// lead tells everybody that the epoch is ours, and asks edges what they keep.
func (r *region) lead(epoch uint64) {
	r.began = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promiseLocked(epoch)
	r.epoch, r.leader = epoch, nil
	if v := r.view; r.granted != epoch { // the answer or word was lost, or late, and the view has told
		if r.inOrder = v.Primary != nil && v.Primary.Epoch == epoch && v.Primary.Given; r.inOrder {
			r.story.inherits(epoch, v.Primary.Trace)
		}
		r.grant = failover.SetSeen{Members: v.InSync, Known: v.InSyncKnown, Version: v.InSyncVersion}
	}
	r.trace = r.story.wins(epoch)
	trace.Log(r.log, r.trace).Info("elected", "event", "elected", "epoch", epoch, "server", r.life.sc.cfg.Name, "members", r.grant.Members, "cold", !r.grant.Known)
	r.lease.renew(r.life.leaseUntil())
	for s := range r.streams {
		s.add(wire.Elected{Epoch: epoch, Trace: r.trace})
	}
}

func (r *region) fetch(cmd failover.Fetch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streams {
		if s.peer == cmd.Edge && s.role == wire.RoleEdge {
			r.wanted = &wire.Fetch{Epoch: r.epoch, SnapEpoch: cmd.Epoch, SnapIndex: cmd.Index}
			r.story.begins("fetch", trace.Str("edge", s.peer), trace.Int("snapshot_epoch", cmd.Epoch), trace.Int("index", cmd.Index))
			s.add(*r.wanted)
			return
		}
	}
}

// announce is the word on which edges switch.
func (r *region) announce(epoch uint64) {
	r.mu.Lock()
	r.serving = true
	r.reattach = time.Now().Add(reattachTime)
	r.guarded = r.set.Protected()
	players, end := len(r.table.byID), r.end()
	r.awaits = r.trace != ""
	r.story.serves(r.life.id, players)
	parent := r.trace
	for s := range r.streams {
		if s.role == wire.RoleEdge {
			s.add(wire.Serving{Epoch: epoch, Protected: r.guarded, Trace: r.trace})
		}
	}
	r.mu.Unlock()
	r.stats.takeovers.Add(1)
	trace.Log(r.log, parent).Info("serving", "event", "serving", "epoch", epoch, "server", r.life.sc.cfg.Name,
		"players", players, "index", end, "duration_ms", ms(time.Since(r.began)))
	r.cuts.begin.Wake()
}

// fence stops all output, because the lock is not ours any more; what we have
// stays, for nobody else has taken it. Edges hold.
func (r *region) fence() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fenceLocked(wire.CodeNoLock)
}

func (r *region) fenceLocked(why wire.Code) {
	if !r.serving && !r.leading {
		return
	}
	r.silence(why, 0)
	r.leading, r.restoring, r.yielding = false, false, nil
}

// silence stops everything that players would hear of; for so long there has been
// little of it. The caller holds r.mu.
func (r *region) silence(why wire.Code, since time.Duration) {
	if r.silent || !r.serving && !r.leading {
		return
	}
	r.log.Warn("fenced", "event", "fenced", "epoch", r.epoch, "reason", why.String())
	r.stats.fences.Add(1)
	r.serving, r.silent, r.awaits = false, true, false
	r.story.over(r.life.id, false, why.String())
	for s := range r.streams {
		s.add(wire.Down{Epoch: r.epoch, Reason: why, Micros: uint64(max(since, 0).Microseconds())}) //nolint:gosec // not negative
		for _, row := range s.rows {
			row.stream, row.handle = nil, 0
		}
		clear(s.rows)
	}
	r.dropJoins()
	r.room.Wake()
}
