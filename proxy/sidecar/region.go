package sidecar

import (
	"context"
	"errors"
	"log/slog"
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
			if r.serving {
				r.tellLoad(now)
			}
			r.mu.Unlock()
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
