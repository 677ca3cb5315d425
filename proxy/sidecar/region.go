package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// pending bounds the control events of a region that wait. They come from
// views, links and answers of Consul; whoever posts one waits when it is full.
const pending = 64

// beat is how often a region looks at the clock: at its lease, and at backups
// that are late.
const beat = 10 * time.Millisecond

var (
	errNoRow     = errors.New("an action of an unknown player")
	errDoneAhead = errors.New("the game is done with what it was not given")
)

// region is one region of one incarnation: the candidate, and the region log with
// what follows from it, as primary or as backup.
type region struct {
	life  *life
	name  string
	id    uint64 // what the game calls it
	log   *slog.Logger
	stats *Stats
	floor *atomic.Uint64

	events  chan failover.CandidateEvent
	changes chan setChange // one slot: one is under way at a time
	cuts    *cutter

	// Owned by the control goroutine.
	machine *failover.Candidate
	began   time.Time // when the lock was ours

	mu       sync.Mutex // guards the fields below
	view     discovery.View
	epoch    uint64 // the last one of ours; 0: never elected
	leading  bool   // in that epoch our log is the region's
	serving  bool   // and the game has the region
	silent   bool   // edges and backups were told that it is over
	promised uint64 // the highest epoch heard of
	streams  map[*stream]struct{}
	wanted   *wire.Fetch // the snapshot that we asked an edge for

	upstreams map[string]*upstream // to the other sidecars, by incarnation
	led       time.Time            // when it told us of its epoch
	lost      failover.Reason      // why we follow it no longer
	leader    *upstream            // whom we follow in the promised epoch
	kept      []*buffer.Snapshot   // the newest one and the one before it; the log goes back to the last

	records  buffer.RegionLog
	table    *table
	tabled   uint64 // records up to here have taken effect on the table
	commit   uint64 // records up to here are durable
	counted  uint64 // and up to here for the rows too
	cutMarks uint64 // and up to here they are in the rows' marks of the newest cut
	safe     uint64 // as a backup: actions up to here the primary's game has survived

	feed      feed
	hostedBy  *gameLink // the game that the region was given to last
	answers   int       // of it that are to come
	hosted    bool      // the game has the region, or has it until it answers
	promoted  bool      // as primary
	restoring bool      // the epoch is ours, and the game is on its way
	outcomes  bool      // the game commits outcomes

	// As primary.
	set         *failover.InSync
	required    []string         // what it says: who must have a record
	cold        bool             // and whether the edges must keep it
	grant       failover.SetSeen // the set that the take-over left
	granted     uint64           // in this epoch
	sealed      uint64           // index of our epoch's first record
	held        held
	room        pump.Waker // something was released
	touched     []*row     // whose durable marks have risen
	lastOutcome uint64     // index of the newest outcome
	survived    []survival // what the game has survived and is not durable yet
	refusals    []refusal  // that players are to be told of
	joins       []join     // that wait to be durable
	guarded     bool       // what edges were told of the set
	lease       lease
	reattach    time.Time // until then, updates wait for players to attach again
}

// setChange is a change of the in-sync set, and the machine that wants it.
type setChange struct {
	failover.SetChange
	by *failover.InSync
}

// survival says that the game has survived the actions up to applied, whose
// outcomes are all in the log up to end.
type survival struct{ applied, end uint64 }

// refusal is a quarantine that a player is told of when it is durable.
type refusal struct {
	index uint64
	row   *row
	seq   uint64
}

func newRegion(l *life, name string, id uint64, floor *atomic.Uint64) *region {
	r := &region{
		life: l, name: name, id: id, floor: floor, stats: &l.sc.stats,
		log:      l.log.With("region", name),
		events:   make(chan failover.CandidateEvent, pending),
		changes:  make(chan setChange, 1),
		machine:  failover.NewCandidate(l.sc.cfg.Timing, l.id, l.session(), floor.Load()),
		promised: floor.Load(),
		table:    newTable(), feed: newFeed(0), streams: map[*stream]struct{}{}, upstreams: map[string]*upstream{},
		set: failover.NewInSync(l.sc.cfg.Timing, l.id), room: pump.NewWaker(),
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
	g.Go(func() error { return watch.Run(ctx) })
	g.Go(func() error { return r.cuts.run(ctx) })
	g.Go(func() error { return r.publish(ctx) })
	g.Go(func() error { return r.look(ctx) })
	g.Go(func() error { return r.control(ctx, g, watch) })
	return g.Wait()
}

func (r *region) control(ctx context.Context, g *errgroup.Group, watch *discovery.Watch) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var ev failover.CandidateEvent
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case v := <-watch.Views():
			r.see(v)
			ev = failover.ViewSeen{View: v}
		case ev = <-r.events:
		case <-timer.C:
			ev = failover.Tick{}
		}
		if w, ok := ev.(failover.Witness); ok {
			r.probe(w.Suspicion.Incarnation)
			r.log.Info("suspicion", "event", "suspect", "reason", string(w.Suspicion.Reason), "witness", w.From, "session", w.Suspicion.Session)
		}
		for _, cmd := range r.machine.Step(time.Now(), ev) {
			r.do(ctx, g, timer, cmd)
		}
		r.promise(r.machine.Promised())
	}
}

// see takes in what Consul says: whom there is to link with.
func (r *region) see(v discovery.View) {
	if v.Stale {
		return // fail static
	}
	r.life.peers.see(r.name, v)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view = v
	if v.Primary == nil {
		r.tellStanding()
	}
}

// promise raises the highest epoch heard of.
func (r *region) promise(epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promiseLocked(epoch)
}

func (r *region) promiseLocked(epoch uint64) {
	if epoch > r.promised {
		r.promised, r.leader = epoch, nil
	}
	if epoch > r.epoch {
		r.leading, r.serving = false, false // deposed; the machine ends the incarnation
	}
	r.floor.Store(max(r.floor.Load(), epoch))
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
		g.Go(func() error { r.found(ctx); return nil })
	case failover.Promote:
		g.Go(func() error { r.promote(ctx); return nil })
	case failover.Announce:
		r.announce(cmd.Epoch)
	case failover.Fence:
		r.fence()
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
	session := l.session()
	grant, err := l.sc.cfg.Discovery.TakeOver(ctx, r.name, session,
		discovery.Holder{Incarnation: l.id, Address: addr}, floor)
	if err != nil {
		r.log.Info("claim failed", "error", err)
		return failover.ClaimFailed{Final: isSessionGone(err)}
	}
	fault.Point(fault.AfterLockTxn)
	r.mu.Lock()
	r.grant = failover.SetSeen{Members: grant.InSync, Known: grant.InSyncKnown, Version: grant.InSyncVersion}
	r.granted = grant.Epoch
	r.mu.Unlock()
	return failover.Claimed{Epoch: grant.Epoch, InSync: grant.InSyncKnown}
}

// lead tells everybody that the epoch is ours, and asks edges what they keep.
func (r *region) lead(epoch uint64) {
	r.began = time.Now()
	r.log.Info("elected", "event", "elected", "epoch", epoch, "server", r.life.sc.cfg.Name, "members", r.grant.Members, "cold", !r.grant.Known)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promiseLocked(epoch)
	r.epoch, r.leader = epoch, nil
	if v := r.view; r.granted != epoch { // the answer was lost, and the view has told
		r.grant = failover.SetSeen{Members: v.InSync, Known: v.InSyncKnown, Version: v.InSyncVersion}
	}
	r.lease.renew(r.life.leaseUntil())
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

// announce is the word on which edges switch.
func (r *region) announce(epoch uint64) {
	r.mu.Lock()
	r.serving = true
	r.reattach = time.Now().Add(reattachTime)
	r.guarded = r.set.Protected()
	players, end := len(r.table.byID), r.end()
	for s := range r.streams {
		if s.role == wire.RoleEdge {
			s.add(wire.Serving{Epoch: epoch, Protected: r.guarded})
		}
	}
	r.mu.Unlock()
	r.stats.takeovers.Add(1)
	r.log.Info("serving", "event", "serving", "epoch", epoch, "server", r.life.sc.cfg.Name,
		"players", players, "index", end, "duration_ms", ms(time.Since(r.began)))
	r.cuts.start()
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
	r.silence(why)
	r.leading, r.restoring = false, false
}

// silence stops everything that players would hear of. The caller holds r.mu.
func (r *region) silence(why wire.Code) {
	if r.silent || !r.serving && !r.leading {
		return
	}
	r.log.Warn("fenced", "event", "fenced", "epoch", r.epoch, "reason", why.String())
	r.stats.fences.Add(1)
	r.serving, r.silent = false, true
	for s := range r.streams {
		s.add(wire.Down{Epoch: r.epoch, Reason: why})
		for _, row := range s.rows {
			row.stream, row.handle = nil, 0
		}
		clear(s.rows)
	}
	r.joins = nil
	r.room.Wake()
}

// game is the game of the moment.
func (r *region) game() *gameLink { return r.life.game.Load() }

// end is the index of the last record.
func (r *region) end() uint64 {
	index, _ := r.records.End()
	return index
}

// append writes a record of our own epoch, which takes effect at once. The caller
// holds r.mu, and leads.
func (r *region) append(rec buffer.Record) uint64 {
	rec.Epoch = r.epoch
	index := r.records.Append(rec)
	if !r.table.apply(&rec) {
		r.life.end(&endError{wire.CodeProtocol, errors.New("a record of our own contradicts the table")})
	}
	r.tabled = index
	if rec.Kind == buffer.KindQuarantine {
		r.feed.note(index, &rec)
	}
	r.wakeReplicas()
	return index
}

func (r *region) endOnError(err error) {
	if err == nil {
		return
	}
	var end *endError
	if !errors.As(err, &end) {
		end = &endError{wire.CodeGameHang, err} // the game does not read its socket
	}
	r.game().end(end)
}

// look watches the clock.
func (r *region) look(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			fault.Point(fault.LeaseTimer)
			r.mu.Lock()
			if r.epoch > 0 && r.promised > r.epoch {
				r.tryPost(failover.EpochHeard{Epoch: r.promised})
			}
			if r.leading {
				r.pulse(now)
				r.dropLate(now)
				r.flush()
				r.stepSet(failover.Tick{})
			}
			r.mu.Unlock()
		}
	}
}

// publish carries out changes of the in-sync set, one after the other.
func (r *region) publish(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case change := <-r.changes:
			ev := r.changeSet(ctx, change.SetChange)
			r.mu.Lock()
			if r.set == change.by { // of this epoch still
				r.stepSet(ev)
			}
			r.mu.Unlock()
		}
	}
}

// changeSet is one transaction, and a look at the set if that was refused.
func (r *region) changeSet(ctx context.Context, change failover.SetChange) failover.SetEvent {
	client, session := r.life.sc.cfg.Discovery, r.life.session()
	var version discovery.SetVersion
	var err error
	if change.Clear {
		err = client.ClearInSync(ctx, r.name, session, change.From)
	} else {
		version, err = client.ChangeInSync(ctx, r.name, session, change.From, change.Members)
	}
	fault.Point(fault.ISRTxnSent)
	switch {
	case err == nil:
		r.stats.setChanges.Add(1)
		r.log.Info("in-sync set changed", "event", "insync", "members", change.Members, "cold", change.Clear)
		return failover.SetSeen{Members: slices.Clone(change.Members), Known: !change.Clear, Version: version}
	case errors.Is(err, discovery.ErrRaced):
		if set, err := client.InSync(ctx, r.name); err == nil {
			return failover.SetSeen{Members: set.Members, Known: set.Known, Version: set.Version}
		}
	}
	r.log.Warn("could not change the in-sync set", "members", change.Members, "error", err)
	return failover.ChangeFailed{}
}

// stepSet lets the machine of the in-sync set decide. The caller holds r.mu.
func (r *region) stepSet(ev failover.SetEvent) {
	change, _ := r.set.Step(time.Now(), ev)
	r.required, r.cold = r.set.Required(), r.set.NeedsEdges()
	if change != nil {
		select {
		case <-r.changes: // of an epoch that is over; this one has no other before it is answered
		default:
		}
		r.changes <- setChange{*change, r.set}
	}
	if on := r.set.Protected(); on != r.guarded && r.serving {
		r.guarded = on
		r.log.Warn("protection changed", "event", "protection", "protected", on)
		for s := range r.streams {
			if s.role == wire.RoleEdge {
				s.add(wire.Guard{Epoch: r.epoch, Protected: on})
			}
		}
	}
	if r.set.WantsCover() {
		r.cuts.wake.Wake()
	}
	r.settle()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
