package proxy

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// beat is how often regions look at the clock.
	beat = 50 * time.Millisecond
	// holdPatience is how long a region holds before its players are told. Most
	// failovers are over by then; telling all players twice, that nobody serves and
	// that somebody does, would be most of what they have to wait for.
	holdPatience = 50 * time.Millisecond
)

// region is one region as this edge sees it.
type region struct {
	edge     *Edge
	name     string
	log      *slog.Logger
	critical bool
	thinned  atomic.Uint64 // unreliable updates that were left out

	mu         sync.Mutex // guards the fields below, and the state of the region's sessions and uplinks
	machine    *failover.Region
	view       discovery.View // the latest that is not stale
	buf        *buffer.Region
	players    map[string]*session
	handles    map[uint64]*session
	gone       map[string]uint64 // hops of players who are elsewhere, which no primary could be told
	lastHandle uint64
	uplinks    map[string]*uplink // by incarnation
	serving    *uplink            // the primary's; nil while holding
	switched   time.Time          // when it became so
	protected  bool               // what is durable survives the loss of any one process
	since      time.Time          // when it began to serve or to hold
	last       reign              // the last one that served
	course     course             // the failover under way
	suspected  string             // the session that was reported last
	level      level
	load       wire.Load // what a primary has told last
	well       time.Time // when the primary that was lost was heard last
	tale       *tale     // the trace of the failover under way, or of the last one; nil: it is told
	tales      []*tale   // that are to be told
	waits      Waits
	sums       sums
	reseat     reseat
	scratch    []byte
	stirred    stirred
}

// sums count a region's players.
type sums struct {
	departures, arrivals uint64    // to and from other regions, so far
	arriving             int       // from one: the primary does not have them yet
	waiting              int       // for room in their logs
	stranded             uint64    // left for a region that is not served here, so far
	said                 uint64    // those of them of whom there was an event
	told                 time.Time // the last one
}

// reseat measures one switch: from holding to every player attached again.
type reseat struct {
	since   time.Time // when the region began to hold
	pending int       // players whose attach is not answered
	players int
	actions int // that are sent again
}

func newRegion(e *Edge, name string) *region {
	return &region{
		edge: e, name: name, log: e.log.With("region", name),
		critical: slices.Contains(e.cfg.Critical, name), level: level{mode: wire.Normal()},
		machine: failover.NewRegion(e.cfg.Timing), buf: buffer.NewRegion(e.cfg.Limits),
		players: map[string]*session{}, handles: map[uint64]*session{}, gone: map[string]uint64{}, uplinks: map[string]*uplink{}, since: time.Now(),
	}
}

// run follows Consul until ctx ends.
func (r *region) run(ctx context.Context) error {
	views, stop := r.edge.mesh.Region(r.name)
	defer stop()
	defer func() { r.tellTales(time.Now(), true) }()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case v := <-views:
			r.edge.backends.see(r.name, v)
			r.see(v)
		}
	}
}

// look is for what the time alone brings about.
func (r *region) look(now time.Time) {
	r.step(failover.Tick{})
	r.sweep(now)
	r.tellTales(now, false)
}

// see takes in what Consul says.
func (r *region) see(v discovery.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !v.Stale {
		r.view = v
	}
	r.stepLocked(failover.ViewSeen{View: v})
	r.consult()
}

// step lets the machine decide and carries its commands out. Everything that a
// command does is a change in memory; nothing is waited for.
func (r *region) step(ev failover.RegionEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stepLocked(ev)
}

func (r *region) stepLocked(ev failover.RegionEvent) {
	for _, cmd := range r.machine.Step(time.Now(), ev) {
		switch cmd := cmd.(type) {
		case failover.Hold:
			r.hold(cmd)
		case failover.Switch:
			r.switchTo(cmd)
		case failover.MakeOffer:
			r.offer(cmd)
		case failover.Report:
			r.report(cmd.Suspicion)
		case failover.Refuse:
			r.edge.stats.stale.Add(1)
			if u := r.uplinks[cmd.Incarnation]; u != nil {
				u.add(wire.Stale{Epoch: cmd.Epoch})
			}
		}
	}
}

func (r *region) hold(cmd failover.Hold) {
	r.edge.stats.holds.Add(1)
	if r.serving != nil {
		r.well = r.serving.well(cmd.Reason)
	}
	r.serving = nil
	r.buf.Hold()
	r.reseat.since = time.Now()
	suspicious := cmd.Reason.Suspicious(time.Since(r.switched) < failover.Young)
	kept := r.buf.Stats().Kept
	for _, s := range r.players {
		s.attached = false
		r.waive(s)      // of the failover that this one follows
		s.timed.seq = 0 // what was sent is sent again: an ack would not tell of which of the two it is
		if s.actions != nil && suspicious {
			s.suspect = s.actions.Sent() // whichever of them it was that the primary died of
		}
		if s.arrival != nil && suspicious {
			s.arrival.suspect = true
		}
	}
	r.tellHeld(cmd, kept)
	r.log.Warn("holding", "event", "held", "reason", string(cmd.Reason), "epoch", cmd.Epoch,
		"players", len(r.players), "actions", kept)
}

func (r *region) switchTo(cmd failover.Switch) {
	u := r.uplinks[cmd.Incarnation]
	if u == nil {
		return // its stream ended in this very moment; LinkDown follows
	}
	r.edge.stats.switches.Add(1)
	served := time.Now()
	r.switched = served
	r.serving = u
	r.buf.Hold() // each log becomes ready when its player is attached
	if r.reseat.since.IsZero() {
		r.reseat.since = time.Now()
	}
	r.reseat.pending, r.reseat.players, r.reseat.actions = len(r.players), len(r.players), 0
	for _, first := range []bool{true, false} { // with many players, most have nothing under way
		for _, s := range r.players {
			if s.waits() == first {
				r.attach(s)
			}
		}
	}
	r.tellGone()
	if snap := u.early; snap != nil && snap.Epoch == cmd.Epoch {
		r.keepSnapshot(u, snap)
	}
	u.early = nil
	r.tellSwitch(cmd, served)
	trace.Log(r.log, r.traced()).Info("switching", "event", "switch", "epoch", cmd.Epoch, "primary", cmd.Incarnation, "players", len(r.players))
	r.reseated(cmd.Epoch) // there may be nobody
}

// waits tells whether actions of the player are not durable yet.
func (s *session) waits() bool { return s.actions != nil && s.actions.Kept() > 0 }

// attach asks the primary to take a player. The caller holds r.mu.
func (r *region) attach(s *session) {
	s.attached = false
	r.waive(s)
	if s.arrival != nil {
		r.serving.add(r.enter(s, s.arrival))
		return
	}
	r.serving.add(wire.Attach{
		Epoch: r.machine.Epoch(), Handle: s.handle, Number: s.number, Durable: s.mark, Player: s.player,
		Show: s.show, Next: s.next,
	})
}

func (r *region) offer(cmd failover.MakeOffer) {
	u := r.uplinks[cmd.Incarnation]
	if u == nil {
		return
	}
	o := wire.Offer{Epoch: cmd.Epoch}
	if snap := r.buf.Newest(); snap != nil {
		o.SnapEpoch, o.SnapIndex, o.Size = snap.Epoch, snap.Index, uint64(snap.Size())
	}
	u.add(o)
	if prior := r.buf.Prior(); prior != nil { // the first one counts, unless games have died of it
		u.add(wire.Offer{Epoch: cmd.Epoch, SnapEpoch: prior.Epoch, SnapIndex: prior.Index, Size: uint64(prior.Size())})
	}
}

func (r *region) report(s failover.Suspicion) {
	told := 0
	for inc, u := range r.uplinks {
		if inc != s.Incarnation {
			u.add(wire.Suspect{Epoch: s.Epoch, Reason: reasonCode(s.Reason), Session: s.Session, Incarnation: s.Incarnation})
			told++
		}
	}
	if s.Session != r.suspected { // a report is repeated while the session stands
		r.suspected = s.Session
		r.tell(Event{Kind: EventSuspect, Server: s.Incarnation, Epoch: s.Epoch, Reason: s.Reason})
	}
	r.log.Warn("primary suspected", "event", "suspect", "reason", string(s.Reason), "primary", s.Incarnation,
		"session", s.Session, "witness", "edge", "told", told)
}

func reasonCode(why failover.Reason) wire.Code {
	c, _ := wire.ParseCode(string(why))
	return c
}
