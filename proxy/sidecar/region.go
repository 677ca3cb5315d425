package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
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

const (
	// beat is how often regions look at the clock: those that lead at their lease, and
	// at backups that are late.
	beat = 10 * time.Millisecond
	// flushPause is how long backups wait at most for the word on what is durable. They
	// only run behind with it, and a packet for it alone costs as much as a record.
	flushPause = 50 * time.Millisecond
)

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
	story story
	ctx   context.Context         //nolint:containedctx // the region is open for as long
	quit  context.CancelCauseFunc // closes it

	events  chan failover.CandidateEvent
	news    chan news      // one slot: the newest counts
	shown   news           // what it was last; owned by who follows the mesh
	changes chan setChange // one slot: one is under way at a time
	cuts    *cutter

	retired chan struct{} // closed when it has been asked to hand over for good
	leaving atomic.Bool   // somebody else is about to lead
	giving  atomic.Bool   // the lock is being released for him

	// Owned by the control goroutine.
	machine *failover.Candidate
	began   time.Time // when the lock was ours

	mu       sync.Mutex // guards the fields below
	view     discovery.View
	epoch    uint64    // the last one of ours; 0: never elected
	leading  bool      // in that epoch our log is the region's
	serving  bool      // and the game has the region
	silent   bool      // edges and backups were told that it is over
	yielding *yielding // we are about to hand it over; nil: we are not
	barred   bool      // our log has yet to be compared with a primary's: see Candidate.Bar
	retiring bool      // this process is about to stop
	draining bool      // this server is to be emptied
	member   bool      // Consul says that we are in the in-sync set
	promised uint64    // the highest epoch heard of
	streams  map[*stream]struct{}
	wanted   *wire.Fetch // the snapshot that we asked an edge for

	dead      map[string]bool      // servers at whose address nobody listens; of the view
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
	torn      bool      // and has changed what is not written down: it was not ours to write any more
	restoring bool      // the epoch is ours, and the game is on its way
	outcomes  bool      // the game commits outcomes
	arrivals  bool      // and takes in players of other regions

	// As primary.
	set         *failover.InSync
	setWake     time.Time        // when it wants a Tick; zero: it does not
	required    []string         // what it says: who must have a record
	cold        bool             // and whether the edges must keep it
	grant       failover.SetSeen // the set that the take-over left
	granted     uint64           // in this epoch
	trace       string           // traceparent of our take-over; empty: it is not traced
	awaits      bool             // its trace waits for the first durable action
	inOrder     bool             // and whether the lock had been given up in good order
	sealed      uint64           // index of our epoch's first record
	held        held
	room        pump.Waker  // something was released
	touched     []*row      // whose durable marks have risen
	lastOutcome uint64      // index of the newest outcome
	survived    []survival  // what the game has survived and is not durable yet
	refusals    []refusal   // that players are to be told of
	joins       []join      // that wait to be durable
	departs     []departure // players who are to go on to another region
	guarded     bool        // what edges were told of the set
	lease       lease
	flushed     time.Time // when backups were last told what is durable, if nothing else
	load        load
	reattach    time.Time // until then, updates wait for players to attach again
}

// survival says that the game has survived the actions up to applied, whose
// outcomes are all in the log up to end.
type survival struct{ applied, end uint64 }

// refusal is a quarantine that a player is told of when it is durable.
type refusal struct {
	index uint64
	row   *row
	seq   uint64 // 0: what he brought from another region
	text  string
}

// news is what the mesh says about a region, and of this server's part in it.
type news struct {
	view     discovery.View
	seated   bool // it is one of the region's servers
	draining bool // it is to be emptied
	ahead    int  // how many regions should have a primary before this one
}

// newRegion makes a region of an incarnation. Again: it has been open before, with
// a log that is gone.
func newRegion(l *life, name string, id uint64, floor *atomic.Uint64, again bool) *region {
	r := &region{
		life: l, name: name, id: id, floor: floor, stats: &l.sc.stats,
		log:      l.log.With("region", name),
		events:   make(chan failover.CandidateEvent, pending),
		news:     make(chan news, 1),
		retired:  make(chan struct{}),
		changes:  make(chan setChange, 1),
		machine:  failover.NewCandidate(l.sc.cfg.Timing, l.id, l.session(), floor.Load()),
		promised: floor.Load(),
		table:    newTable(), feed: newFeed(0), streams: map[*stream]struct{}{}, upstreams: map[string]*upstream{}, dead: map[string]bool{},
		set: failover.NewInSync(l.sc.cfg.Timing, l.id, failover.SetSeen{}), room: pump.NewWaker(),
	}
	r.story.tracer, r.story.region = l.tracer, name
	if r.barred = again; again {
		r.machine.Bar()
	}
	r.ctx, r.quit = context.WithCancelCause(l.ctx)
	r.cuts = newCutter(r)
	return r
}

// same tells whether n says nothing new.
func (n news) same(as news) bool {
	return n.seated == as.seated && n.draining == as.draining && n.ahead == as.ahead && discovery.Equal(n.view, as.view)
}

// show hands the newest news to the control goroutine. Only the goroutine that
// follows the mesh calls it.
func (r *region) show(n news) {
	if n.same(r.shown) {
		return
	}
	r.shown = n
	select {
	case <-r.news:
	default:
	}
	r.news <- n // never blocks: there is room, and nobody else sends
}

// post hands an event to the control goroutine.
func (r *region) post(ev failover.CandidateEvent) {
	select {
	case r.events <- ev:
	case <-r.ctx.Done():
	}
}

// tryPost is post for callers that hold a lock: what is lost comes again.
func (r *region) tryPost(ev failover.CandidateEvent) (posted bool) {
	select {
	case r.events <- ev:
		return true
	default:
		return false
	}
}

// run is the control goroutine and its helpers. It returns errUnseated when this
// server has no part in the region any more, or why the incarnation ends.
func (r *region) run() error {
	g, ctx := errgroup.WithContext(r.ctx)
	g.Go(func() error { return r.cuts.run(ctx) })
	g.Go(func() error { return r.publish(ctx) })
	g.Go(func() error { return r.control(ctx, g) })
	err := g.Wait()
	r.quit(err)
	r.story.over(r.life.id, false, causeOf(err).String())
	return err
}

func (r *region) control(ctx context.Context, g *errgroup.Group) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var ev failover.CandidateEvent
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case n := <-r.news:
			if r.mayClose(n) {
				return errUnseated
			}
			r.see(n)
			ev = failover.ViewSeen{View: n.view, Ahead: n.ahead}
		case ev = <-r.events:
		case <-timer.C:
			ev = failover.Tick{}
		}
		r.notice(ev)
		for _, cmd := range r.machine.Step(time.Now(), ev) {
			r.do(ctx, g, timer, cmd)
		}
		r.leaving.Store(r.machine.Leaving())
		if _, ok := ev.(failover.Retire); ok {
			r.mu.Lock()
			r.retiring = true
			r.mu.Unlock()
			close(r.retired) // once: a process stops once
		}
		r.promise(r.machine.Promised())
	}
}

// notice does what is not the machine's business with what it is told of others.
func (r *region) notice(ev failover.CandidateEvent) {
	switch ev := ev.(type) {
	case failover.Witness:
		s := ev.Suspicion
		r.probe(s.Incarnation)
		r.testimony(ev)
		r.log.Info("suspicion", "event", "suspect", "reason", string(s.Reason), "witness", ev.From, "session", s.Session)
	case failover.Freed:
		r.story.released(ev.Epoch)
	}
}

// mayClose tells whether the region can be given up: we have no seat in it, and
// nobody counts on us.
func (r *region) mayClose(n news) bool {
	v := n.view
	return !n.seated && !v.Stale && r.machine.State() == failover.Standby &&
		(v.Primary == nil || v.Primary.Incarnation != r.life.id) && !slices.Contains(v.InSync, r.life.id)
}

// see takes in what Consul says: whom there is to link with.
func (r *region) see(n news) {
	v := n.view
	if v.Stale {
		return // fail static
	}
	r.life.peers.see(r.name, v)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view, r.member, r.draining = v, slices.Contains(v.InSync, r.life.id), n.draining
	if r.leader != nil {
		r.leader.wake.Wake() // it may have to be told after all
	}
	if h := v.Primary; h != nil {
		r.story.follow(h.Incarnation, v.Epoch, h.Trace, h.Incarnation == r.life.id)
	} else if v.Epoch > 0 {
		r.story.released(v.Epoch)
	}
	maps.DeleteFunc(r.dead, func(inc string, _ bool) bool { return !slices.Contains(v.InSync, inc) })
	if r.leading {
		r.stepSet(r.places())
	}
	if v.Primary == nil {
		r.tellStanding()
	}
}

// places are the servers that have a place in the region. The caller holds r.mu.
func (r *region) places() failover.Places {
	var p failover.Places
	for _, s := range r.view.Servers {
		if slices.Contains(s.Regions, r.name) || slices.Contains(r.view.Seats.Servers, s.Incarnation) {
			p.Incarnations = append(p.Incarnations, s.Incarnation)
		}
	}
	return p
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
		r.quit(&endError{wire.CodeProtocol, errors.New("a record of our own contradicts the table")})
	}
	r.tabled = index
	r.omit(index, &rec)
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

// look is for what the time alone brings about.
func (r *region) look(now time.Time) {
	if r.ctx.Err() != nil {
		return // it is being closed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoch > 0 && r.promised > r.epoch {
		r.tryPost(failover.EpochHeard{Epoch: r.promised})
	}
	if r.leading {
		r.lookAfter(now)
	}
	if r.awaits && r.serving && now.After(r.reattach) {
		r.awaits = false
		r.story.over(r.life.id, false, "") // nobody has acted
	}
	if r.serving {
		r.tellLoad(now)
	}
}

// lookAfter is look for a region that leads: at its lease, and at its backups. The
// caller holds r.mu.
func (r *region) lookAfter(now time.Time) {
	r.pulse(now)
	r.dropLate(now)
	if now.Sub(r.flushed) >= flushPause {
		r.flushed = now
		r.flush()
	}
	if !r.setWake.IsZero() && !now.Before(r.setWake) {
		r.stepSet(failover.Tick{})
	} else {
		r.settle() // the lease may let us speak again
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
