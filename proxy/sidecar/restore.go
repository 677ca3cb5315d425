package sidecar

import (
	"context"
	"errors"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// How a region gets its state: from a snapshot, as standby or as primary; anew;
// or, at a promotion, from what it has.

// reattachTime is how long after a take-over updates wait for players who are
// not attached yet: as long as an edge keeps their actions.
const reattachTime = 10 * time.Second

var errContradiction = errors.New("a record contradicts the ones before it")

// install makes the log, the table and the feed those of a snapshot. The caller
// holds r.mu.
func (r *region) install(snap *buffer.Snapshot) {
	r.table = tableOf(snap)
	r.records.Reset(snap.Index, snap.Of, snap.Chain)
	r.tabled, r.commit, r.counted, r.safe = snap.Index, snap.Index, snap.Index, snap.Index
	r.kept = nil
	if snap.Region != "" {
		r.kept = []*buffer.Snapshot{snap}
	}
	r.refeed(snap)
}

// refeed makes the feed begin after a snapshot (nil: at the beginning), to which
// the log must go back, and the marks of what a cut holds. The caller holds r.mu.
func (r *region) refeed(snap *buffer.Snapshot) {
	suspects, careful := r.feed.suspects, r.feed.careful
	if snap == nil {
		snap = &buffer.Snapshot{} // a new world, and the whole log
	}
	r.feed = newFeed(snap.Index)
	r.feed.stated, r.feed.suspects, r.feed.careful = snap.Outcome, suspects, careful
	r.table.recut(snap.Players)
	r.cutMarks = snap.Index
	for i := snap.Index + 1; i <= r.end(); i++ {
		r.note(i, r.records.At(i))
	}
}

// host makes the game run the region from a snapshot (nil: anew), as standby or
// as primary. Its answer comes as hasHosted. What it ran before is given up. The
// caller holds r.mu, and calls send when it does not any more.
func (r *region) host(snap *buffer.Snapshot, standby bool) (send func(context.Context)) {
	again := r.hostedBy == r.game() && (r.hosted || r.answers > 0)
	r.hostedBy = r.game()
	r.hosted, r.promoted, r.torn = false, !standby, false
	r.answers++
	head := wire.Host{ID: r.id, Epoch: r.promised, New: snap == nil, Standby: standby, Region: r.name}
	var state []byte
	if snap != nil {
		head.Index, state = snap.Index, snap.State
		head.Size = uint64(len(state))
	}
	if !standby {
		r.story.begins("load", trace.Int("bytes", len(state)), trace.Int("records", r.end()-head.Index), trace.Bool("new", head.New))
	}
	return func(ctx context.Context) {
		r.life.sc.restores.begin(r.name, snap)
		r.sendHost(ctx, again, head, state)
	}
}

func (r *region) sendHost(ctx context.Context, again bool, head wire.Host, state []byte) {
	out := r.game().out
	if again && (out.Room(ctx) != nil || pump.Add(out, wire.Unhost{ID: r.id}) != nil) {
		return // the incarnation is over
	}
	if out.Room(ctx) != nil || pump.Add(out, head) != nil {
		return
	}
	for off := 0; off < len(state); {
		n := min(wire.MaxChunk, len(state)-off)
		if out.Room(ctx) != nil || pump.Add(out, wire.State{ID: r.id, Offset: uint64(off), Data: state[off : off+n]}) != nil {
			return
		}
		off += n
	}
}

// hasHosted is the game's answer to Host and to Promote.
func (r *region) hasHosted(h wire.Hosted) {
	if !h.OK {
		r.log.Error("the game could not take the region", "error", h.Text)
		r.game().end(&endError{wire.CodeGameFault, errors.New(h.Text)}) // as good as dead
		return
	}
	r.life.sc.restores.end(r.name)
	r.mu.Lock()
	r.outcomes, r.arrivals = h.Outcomes, h.Arrivals
	if r.answers = max(0, r.answers-1); r.answers == 0 && r.promoted {
		r.story.ends("load")
	}
	restored := r.answers == 0 && r.loaded()
	r.mu.Unlock()
	if restored {
		r.post(failover.Restored{})
	}
}

// loaded goes on when the game has the region. It tells whether that ends a
// restore. The caller holds r.mu.
func (r *region) loaded() (restored bool) {
	r.hosted = true
	if r.restoring && !r.promoted {
		r.promoteGame() // the epoch became ours while the game was loading
		return false
	}
	r.endOnError(r.feedGame())
	if r.leader != nil {
		r.leader.wake.Wake() // we may say now what we have
	}
	restored, r.restoring = r.restoring, false
	return restored
}

// promoteGame makes a standby game primary, and feeds it what is left of the log.
// The caller holds r.mu.
func (r *region) promoteGame() {
	r.promoted = true
	r.answers++
	r.story.begins("load", trace.Int("records", r.end()+1-r.feed.next), trace.Bool("standby", true))
	r.endOnError(pump.Add(r.game().out, wire.Promote{ID: r.id, Epoch: r.epoch}))
	r.endOnError(r.feedGame())
}

// begin forgets what an earlier time as primary has left.
func (r *region) begin() {
	r.held, r.survived, r.refusals = held{}, nil, nil
	for _, row := range r.table.sorted {
		row.backlog, row.waiting, row.refused, row.joining = nil, 0, nil, false
	}
}

// open begins our epoch with a seal: from here on our log is the region's. The
// caller holds r.mu; log, table and feed are those of the state that the game has
// or gets.
func (r *region) open() {
	r.leading, r.restoring, r.silent = true, true, false
	r.dropJoins()
	r.set = failover.NewInSync(r.life.sc.cfg.Timing, r.life.id, r.grant)
	r.required, r.cold = r.set.Required(), r.set.NeedsEdges()
	r.cuts.forget()
	fault.Point(fault.BeforeSeal)
	r.sealed = r.append(buffer.Record{Kind: buffer.KindSeal})
	fault.Point(fault.AfterSeal)
	r.story.progress("seal", trace.Int("index", r.sealed), trace.Int("durable", r.commit))
	r.lastOutcome = r.sealed
	for s := range r.streams {
		if s.role.Backup() {
			s.replica, s.snaps.newest = replica{}, 0
			s.add(wire.Elected{Epoch: r.epoch, Trace: r.trace}) // compare logs, now that there is one
			r.stepSet(failover.BackupUp{Incarnation: s.peer})
		}
	}
	r.stepSet(r.places())
	for inc := range r.dead {
		r.stepSet(failover.MemberDead{Incarnation: inc})
	}
}

// promote makes what we have the state that is served: the log to its end. The
// actions that no standby has applied yet were in flight when the primary died,
// unless that was us, and alive.
func (r *region) promote(ctx context.Context) {
	r.mu.Lock()
	torn := r.torn // its state is nobody's: it begins anew
	again := r.promoted && r.hosted && !torn
	if !again {
		r.begin()
	}
	if r.tabled <= r.commit { // else we have led before, and have counted
		r.table.settle() // what has taken effect so far is durable
		r.counted = r.commit
	}
	r.take(r.end())
	if fault.Bug(fault.PoisonCounterReset) {
		r.table.try(nil, 0, 0)
	}
	suspicious := !r.inOrder && r.lost.Suspicious(time.Since(r.led) < failover.Young)
	if !again && (suspicious || r.table.onTrial()) {
		r.feed.suspects = r.end()
	}
	r.feed.careful = !again && r.table.trying
	r.open()
	if !again {
		r.condemn()
	}
	send := func(context.Context) {}
	switch {
	case again:
		r.restoring = false
		r.endOnError(r.feedGame())
		send = func(context.Context) { r.post(failover.Restored{}) }
	case r.hosted && !torn:
		r.promoteGame()
	case r.answers > 0 && !torn: // loading; loaded goes on
	default: // a game that cannot stand by, or has just come
		snap := r.restorable()
		if snap == nil && r.base() > 0 {
			r.log.Error("games have died of every snapshot that is left: a person must look", "event", "no_snapshot")
			break
		}
		r.refeed(snap)
		send = r.host(snap, false)
	}
	r.mu.Unlock()
	send(ctx)
}

// found begins a new world.
func (r *region) found(ctx context.Context) {
	r.mu.Lock()
	r.install(&buffer.Snapshot{})
	r.begin()
	r.open()
	send := r.host(nil, false)
	r.mu.Unlock()
	send(ctx)
}

// restoreFrom takes a snapshot that an edge sent. Only the one asked for counts.
func (r *region) restoreFrom(ctx context.Context, snap *buffer.Snapshot) {
	r.mu.Lock()
	w := r.wanted
	if w == nil || w.SnapEpoch != snap.Epoch || w.SnapIndex != snap.Index || snap.Region != r.name {
		r.mu.Unlock()
		r.stats.refuse(wire.CodeBadSnapshot)
		return
	}
	r.wanted = nil
	r.story.ends("fetch")
	r.install(snap)
	r.begin()
	r.open()
	send := r.host(snap, false)
	r.mu.Unlock()
	r.post(failover.Fetched{})
	send(ctx)
}

// take lets the records up to an index take effect on the table.
func (r *region) take(index uint64) {
	for ; r.tabled < index; r.tabled++ {
		if rec := r.records.At(r.tabled + 1); !r.table.apply(rec) {
			// A member that began anew under its name could be elected with nothing.
			r.stats.refuse(wire.CodeProtocol)
			r.log.Error("a record contradicts the ones before it", "event", "contradiction", "index", r.tabled+1, "of", rec.Epoch,
				"kind", rec.Kind, "id", rec.ID, "seq", rec.Seq, "number", rec.Number, "row", r.table.get(rec.ID).String(), "commit", r.commit)
			r.quit(&endError{wire.CodeProtocol, errContradiction})
			return
		}
	}
}
