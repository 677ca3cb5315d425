package sidecar

import (
	"slices"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What is durable, and what follows from its becoming so. All of it is under
// region.mu.

// settle looks at what has become durable: what every backup has that the in-sync
// machine requires, and, where durability rests on the edges, what all of them
// keep a snapshot of. It tells backups, edges and players.
func (r *region) settle() {
	if !r.leading {
		return
	}
	if durable := r.agreed(); durable > r.commit {
		r.commit = durable
	}
	if s := r.cuts.fresh; s != nil && s.Index <= r.commit {
		r.cuts.fresh = nil
		r.keep(s)
	}
	// The last primary may have called durable what stood before the seal.
	if r.set.WantsCover() && r.cuts.covers.index >= max(r.commit, r.sealed) && r.cuts.kept() {
		r.stepSet(failover.EdgesCover{}) // settles again
		return
	}
	r.tell()
	r.welcomeBackups()
	r.endOnError(r.feedGame()) // a trial waits for its mark
	r.acquit()
	if r.yielding != nil {
		r.yielding.wake.Wake()
	}
}

// marksDurable is the index up to which all backups that are there have the marks.
// Others are not waited for, and neither are the edges: while the end of the last
// epoch is on trial there is no snapshot that could take their place, and without
// a trial there will never be one. Our own log remembers the marks when the game
// dies.
func (r *region) marksDurable() uint64 {
	durable := r.end()
	for _, inc := range r.required {
		if r.streamOf(inc) != nil {
			durable = min(durable, r.matchOf(inc))
		}
	}
	return durable
}

// agreed is the index up to which everybody has the log whom durability rests on.
func (r *region) agreed() uint64 {
	durable := r.end()
	for _, inc := range r.required {
		durable = min(durable, r.matchOf(inc))
	}
	if fault.Bug(fault.AckBeforeReplication) || fault.Bug(fault.AckAfterAnyBackup) {
		durable = r.tooEarly()
	}
	if r.cold {
		durable = min(durable, r.cuts.covers.index)
	}
	return durable
}

// tell lets edges and players know what is durable, if we may speak.
func (r *region) tell() {
	if !r.serving || r.counted >= r.commit && len(r.survived) == 0 && r.held.empty() && len(r.joins)+len(r.refusals)+len(r.departs) == 0 {
		return
	}
	if !r.maySpeak() {
		return
	}
	r.count()
	r.tellJoins()
	r.tellRefusals()
	for len(r.survived) > 0 && r.survived[0].end <= r.commit {
		r.safe = r.survived[0].applied
		r.survived = r.survived[1:]
	}
	r.release()
}

// count moves the rows' durable marks to the commit index and acks each once.
func (r *region) count() {
	for ; r.counted < r.commit; r.counted++ {
		if r.counted < r.base() {
			continue // covered by the snapshot that we began with
		}
		switch rec := r.records.At(r.counted + 1); rec.Kind {
		case buffer.KindAction:
			r.countSeq(rec)
		case buffer.KindQuarantine:
			if rec.Number == 0 { // else the action itself was counted
				r.countSeq(rec)
			}
		case buffer.KindArrive:
			if row := r.table.get(rec.ID); row != nil {
				row.durable = rec.Seq
			}
		case buffer.KindSeal, buffer.KindOutcome, buffer.KindAttach, buffer.KindMark, buffer.KindDepart, buffer.KindDelivered:
		}
	}
	for _, row := range r.touched {
		row.touched = false
		r.stats.durable.Add(1)
		fault.Point(fault.BeforeDurableAck)
		if row.hears() { // else Attached says it
			row.stream.acked(wire.Acked{Epoch: r.epoch, Handle: row.handle, Seq: row.durable})
			fault.Point(fault.AfterDurableAckSent)
		}
	}
	if r.awaits && slices.ContainsFunc(r.touched, (*row).hears) {
		r.awaits = false
		r.story.over(r.life.id, true, "")
	}
	r.touched = r.touched[:0]
}

// hears tells whether the row's player is told of what is durable.
func (row *row) hears() bool { return row.stream != nil && !row.joining }

func (r *region) countSeq(rec *buffer.Record) {
	row := r.table.get(rec.ID)
	if row == nil || rec.Seq <= row.durable {
		return
	}
	row.durable = rec.Seq
	if !row.touched {
		row.touched = true
		r.touched = append(r.touched, row)
	}
}

// join is an attachment whose number and token must be durable before the
// player hears of them.
type join struct {
	index  uint64
	row    *row
	stream *stream
	handle uint64
	stay   stay // he may have left again by the time that it is
}

func (r *region) tellJoins() {
	for len(r.joins) > 0 && r.joins[0].index <= r.commit {
		j := r.joins[0]
		r.joins = r.joins[1:]
		if j.row.stream == j.stream && j.row.handle == j.handle {
			r.attachedTo(j.row, &j.stay)
		}
	}
}

// dropJoins forgets attachments that were not told of: they come again.
func (r *region) dropJoins() {
	for _, j := range r.joins {
		j.row.joining = false
	}
	r.joins, r.departs = nil, nil
}

// tellRefusals tells players of quarantines, when they are attached.
func (r *region) tellRefusals() {
	for len(r.refusals) > 0 && r.refusals[0].index <= r.commit {
		f := r.refusals[0]
		r.refusals = r.refusals[1:]
		f.row.refused = append(f.row.refused, f)
		r.tellRefused(f.row)
	}
}

// tellRefused tells a player, when he is there, which of his actions never will be
// applied.
func (r *region) tellRefused(to *row) {
	if to.stream == nil || to.joining {
		return
	}
	for _, f := range to.refused {
		to.stream.add(wire.Reject{Epoch: r.epoch, Handle: to.handle, Seq: f.seq, Reason: wire.CodeQuarantined, Text: f.text})
	}
	to.refused = nil
}

// tooEarly is what a seeded bug takes for durable: what any of the backups has, or
// nobody yet.
func (r *region) tooEarly() (durable uint64) {
	for _, inc := range r.required {
		durable = max(durable, r.matchOf(inc))
	}
	if fault.Bug(fault.AckBeforeReplication) || len(r.required) == 0 {
		return r.end()
	}
	return durable
}

// base is the index of the last record that was trimmed.
func (r *region) base() uint64 {
	index, _ := r.records.Base()
	return index
}
