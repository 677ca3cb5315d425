package sidecar

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// pending bounds the control events of a region that wait. They come from
// views, links and answers of Consul; whoever posts one waits when it is full.
const pending = 64

// region is one region of one incarnation: the candidate, and as primary the
// region log and what is attached to it.
type region struct {
	life  *life
	name  string
	id    uint64 // what the game calls it
	log   *slog.Logger
	stats *Stats
	floor *atomic.Uint64

	events chan failover.CandidateEvent
	cuts   *cutter

	// Owned by the control goroutine.
	machine *failover.Candidate
	began   time.Time // when the lock was ours

	mu      sync.Mutex // guards the fields below
	epoch   uint64     // ours; 0: never elected
	serving bool
	table   *table
	streams map[*stream]struct{}
	wanted  *wire.Fetch // the snapshot that we asked an edge for
}

func newRegion(l *life, name string, id uint64, floor *atomic.Uint64) *region {
	r := &region{
		life: l, name: name, id: id, floor: floor, stats: &l.sc.stats,
		log:     l.log.With("region", name),
		events:  make(chan failover.CandidateEvent, pending),
		machine: failover.NewCandidate(l.sc.cfg.Timing, l.id, l.reg.Session(), floor.Load()),
		table:   newTable(), streams: map[*stream]struct{}{},
	}
	r.cuts = newCutter(r)
	return r
}

// post hands an event to the control goroutine.
func (r *region) post(ev failover.CandidateEvent) {
	select {
	case r.events <- ev:
	case <-r.life.ctx.Done():
	}
}

// tryPost is post for callers that hold a lock: what is lost comes again.
func (r *region) tryPost(ev failover.CandidateEvent) {
	select {
	case r.events <- ev:
	default:
	}
}

// run is the control goroutine and its helpers. It returns when ctx ends.
func (r *region) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	watch := r.life.sc.cfg.Discovery.Watch(r.name)
	follow := newFollower(r)
	g.Go(func() error { return watch.Run(ctx) })
	g.Go(func() error { return follow.run(ctx) })
	g.Go(func() error { return r.cuts.run(ctx) })
	g.Go(func() error { return r.control(ctx, g, watch, follow) })
	return g.Wait()
}

func (r *region) control(ctx context.Context, g *errgroup.Group, watch *discovery.Watch, follow *follower) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var ev failover.CandidateEvent
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case v := <-watch.Views():
			follow.see(v)
			ev = failover.ViewSeen{View: v}
		case ev = <-r.events:
		case <-timer.C:
			ev = failover.Tick{}
		}
		if w, ok := ev.(failover.Witness); ok {
			if w.From != r.life.id {
				follow.probe()
			}
			r.log.Info("suspicion", "event", "suspect", "reason", string(w.Suspicion.Reason), "witness", w.From, "session", w.Suspicion.Session)
		}
		for _, cmd := range r.machine.Step(time.Now(), ev) {
			r.do(ctx, g, timer, cmd)
		}
		r.floor.Store(r.machine.Promised())
	}
}

// do carries out one command. What waits for Consul runs beside the control
// goroutine and posts its answer.
func (r *region) do(ctx context.Context, g *errgroup.Group, timer *time.Timer, cmd failover.CandidateCommand) {
	switch cmd := cmd.(type) {
	case failover.WakeAt:
		timer.Reset(time.Until(cmd.Time))
	case failover.DestroySession:
		g.Go(func() error { r.destroy(ctx, cmd.Suspicion); return nil })
	case failover.Claim:
		g.Go(func() error { r.post(r.claim(ctx, cmd.Floor)); return nil })
	case failover.Lead:
		r.lead(cmd.Epoch)
	case failover.Fetch:
		r.fetch(cmd)
	case failover.Found:
		g.Go(func() error { r.host(ctx, nil); return nil })
	case failover.Announce:
		r.announce(cmd.Epoch)
	case failover.StepDown:
		r.life.end(&endError{code: codeOf(cmd.Reason)})
	}
}

func (r *region) destroy(ctx context.Context, s failover.Suspicion) {
	r.log.Warn("two witnesses: destroying the primary's session", "event", "detected",
		"reason", string(s.Reason), "primary", s.Incarnation, "session", s.Session)
	if err := r.life.sc.cfg.Discovery.DestroySession(ctx, s.Session); err != nil {
		r.log.Warn("could not destroy the session", "session", s.Session, "error", err)
	}
}

func (r *region) claim(ctx context.Context, floor uint64) failover.CandidateEvent {
	l := r.life
	addr, _ := l.sc.Addr(ctx)
	grant, err := l.sc.cfg.Discovery.TakeOver(ctx, r.name, l.reg.Session(),
		discovery.Holder{Incarnation: l.id, Address: addr}, floor)
	if err != nil {
		r.log.Info("claim failed", "error", err)
		return failover.ClaimFailed{Final: isSessionGone(err)}
	}
	return failover.Claimed{Epoch: grant.Epoch}
}

// lead tells every edge that the epoch is ours, and asks what it keeps.
func (r *region) lead(epoch uint64) {
	r.began = time.Now()
	r.log.Info("elected", "event", "elected", "epoch", epoch, "server", r.life.sc.cfg.Name)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch = epoch
	for s := range r.streams {
		s.add(wire.Elected{Epoch: epoch})
	}
}

func (r *region) fetch(cmd failover.Fetch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.streams {
		if s.peer == cmd.Edge && s.role == wire.RoleEdge {
			r.wanted = &wire.Fetch{Epoch: r.epoch, SnapEpoch: cmd.Epoch, SnapIndex: cmd.Index}
			s.add(*r.wanted)
			return
		}
	}
}

// restoreFrom takes a snapshot that an edge sent. Only the one asked for counts.
func (r *region) restoreFrom(snap *buffer.Snapshot) {
	r.mu.Lock()
	w := r.wanted
	if w == nil || w.SnapEpoch != snap.Epoch || w.SnapIndex != snap.Index || snap.Region != r.name {
		r.mu.Unlock()
		r.stats.refuse(wire.CodeBadSnapshot)
		return
	}
	r.wanted = nil
	r.table.install(snap)
	r.mu.Unlock()
	r.post(failover.Fetched{})
	r.host(r.life.ctx, snap)
}

// host makes the game run the region from a snapshot, or anew. The answer
// comes as hosted.
func (r *region) host(ctx context.Context, snap *buffer.Snapshot) {
	r.mu.Lock()
	head := wire.Host{ID: r.id, Epoch: r.epoch, New: snap == nil, Region: r.name}
	r.mu.Unlock()
	var state []byte
	if snap != nil {
		head.Index, state = snap.Index, snap.State
		head.Size = uint64(len(state))
	}
	out := r.life.game.out
	if out.Room(ctx) != nil || pump.Add(out, head) != nil {
		return // the incarnation is over
	}
	for off := 0; off < len(state); {
		n := min(wire.MaxChunk, len(state)-off)
		if out.Room(ctx) != nil || pump.Add(out, wire.State{ID: r.id, Offset: uint64(off), Data: state[off : off+n]}) != nil {
			return
		}
		off += n
	}
}

// hosted is the game's answer to Host.
func (r *region) hosted(h wire.Hosted) {
	if !h.OK {
		r.log.Error("the game could not take the region", "error", h.Text)
		r.post(failover.RestoreFailed{Reason: failover.ReasonFault})
		return
	}
	r.post(failover.Restored{})
}

// announce is the word on which edges switch.
func (r *region) announce(epoch uint64) {
	r.mu.Lock()
	r.serving = true
	players, index := len(r.table.byID), r.table.index
	for s := range r.streams {
		s.add(wire.Serving{Epoch: epoch})
	}
	r.mu.Unlock()
	r.stats.takeovers.Add(1)
	r.log.Info("serving", "event", "serving", "epoch", epoch, "server", r.life.sc.cfg.Name,
		"players", players, "index", index, "duration_ms", ms(time.Since(r.began)))
	r.cuts.start()
}

// emit passes an update of the game on to the edges. Called by the one
// goroutine that reads the game.
func (r *region) emit(e wire.Emit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.serving {
		return
	}
	out := wire.Output{Epoch: r.epoch, Reliable: e.Reliable, Payload: e.Payload}
	if e.Handle == 0 {
		for s := range r.streams {
			if s.role == wire.RoleEdge {
				s.send(out)
			}
		}
		return
	}
	if row := r.table.get(e.Handle); row != nil && row.stream != nil {
		out.Handle = row.handle
		row.stream.send(out)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
