package sidecar

import (
	"maps"
	"slices"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// feed hands the region log to the game: a cursor over it, as an edge's send loop
// is one over the players' logs. A standby gets what is durable and what the
// primary's game has survived; a primary everything, at once; but an action that
// may have killed a server is handed out alone, after a mark of that has become
// durable, so that the next primary knows which one it was. The first time one
// mark serves for all of them: the sidecar outlives its game, and says itself
// which one the game died of. Had the whole machine died, they are marked one by
// one the next time.
//
// Outcomes take the place of actions: they are applied where the first of the
// actions stands that they came from. Players who arrive are handed out as actions
// are, and may be suspect as well. All fields are guarded by region.mu.
type feed struct {
	next     uint64        // index of the record to look at next
	outcomes []pendingPart // of the log, not applied yet, in the order of their actions
	covered  uint64        // actions up to here were replaced by outcomes
	handed   uint64        // the last action that the game was given
	done     uint64        // the game has applied all actions up to here
	stated   uint64        // outcomes up to here are in the state that we began with
	suspects uint64        // actions up to here are suspect: the tail at a take-over
	trial    uint64        // index of the suspect that is being tried
	marked   uint64        // index of the mark that must be durable for that
	careful  bool          // each suspect is marked: some were being tried when a primary died

	omitted map[uint64]uint64 // what the game is not given, by index, and the index of what says so
}

// pendingPart is an outcome of the log: at index, of the actions from..to.
type pendingPart struct{ index, from, to uint64 }

// newFeed returns a feed for a game whose state covers a snapshot's actions and
// outcomes.
func newFeed(index uint64) feed {
	return feed{next: index + 1, covered: index, handed: index, done: index, omitted: map[uint64]uint64{}}
}

// quiet is the last index up to which the game has nothing left to apply.
func (f *feed) quiet() uint64 {
	if f.done == f.handed {
		return f.next - 1
	}
	return f.done
}

// note takes in a record that was appended, before the feed comes to it. The caller
// holds r.mu.
func (r *region) note(index uint64, rec *buffer.Record) {
	f := &r.feed
	if index > f.stated && isOutcome(rec) {
		f.await(pendingPart{index, rec.Seq, rec.Number})
	}
	r.omit(index, rec)
}

// omit takes in what a record says that the game is not given: an action that is
// quarantined, and those of a player who had left, which go where he has gone.
func (r *region) omit(index uint64, rec *buffer.Record) {
	switch {
	case rec.Kind == buffer.KindQuarantine && rec.Number > 0:
		r.feed.omitted[rec.Number] = index
	case rec.Kind == buffer.KindDepart:
		d, _ := buffer.ParseDeparture(rec.Payload)
		p, _ := buffer.ParseParcel(d.Parcel)
		for i := max(rec.Seq, r.base()+1); i < index; i++ {
			if a := r.records.At(i); a.Kind == buffer.KindAction && a.ID == rec.ID && a.Seq > p.Have {
				r.feed.omitted[i] = index
			}
		}
	}
}

// isOutcome tells whether a record says what actions came to.
func isOutcome(rec *buffer.Record) bool {
	if rec.Kind == buffer.KindDepart {
		d, _ := buffer.ParseDeparture(rec.Payload)
		return d.Outcome
	}
	return rec.Kind == buffer.KindOutcome
}

// delta is what an outcome changes.
func delta(rec *buffer.Record) []byte {
	if rec.Kind == buffer.KindDepart {
		d, _ := buffer.ParseDeparture(rec.Payload)
		return d.Delta
	}
	return rec.Payload
}

// await queues an outcome where its actions stand. A new primary's game may commit
// one of no action while it has yet to apply the outcomes of the last one's tail:
// that comes before them, though the log has it after them.
func (f *feed) await(o pendingPart) {
	n := len(f.outcomes)
	for n > 0 && f.outcomes[n-1].from > o.from {
		n--
	}
	f.outcomes = slices.Insert(f.outcomes, n, o)
}

// forget drops what lies after the index at which the log was cut.
func (f *feed) forget(index uint64) {
	f.outcomes = slices.DeleteFunc(f.outcomes, func(o pendingPart) bool { return o.index > index })
	maps.DeleteFunc(f.omitted, func(_, by uint64) bool { return by > index })
}

// trim drops what lies at or below the index up to which the log was trimmed.
func (f *feed) trim(index uint64) {
	maps.DeleteFunc(f.omitted, func(at, _ uint64) bool { return at <= index })
}

func (f *feed) isOmitted(index uint64) bool { return f.omitted[index] > 0 }

// feedGame hands out what may be handed out. The caller holds r.mu.
func (r *region) feedGame() error {
	if !r.hosted {
		return nil
	}
	f := &r.feed
	limit := r.end()
	if !r.promoted {
		limit = min(limit, r.commit)
	}
	for f.next <= limit && !r.gameIsBusy() {
		rec := r.records.At(f.next)
		if rec.Kind.Input() && f.next > f.covered {
			if err := r.feedOutcomes(f.next, limit); err != nil {
				return err
			}
			if f.next > f.covered && !f.isOmitted(f.next) {
				if ok, err := r.feedInput(rec); !ok || err != nil {
					return err
				}
			}
		}
		f.next++
	}
	if f.next <= limit {
		return nil // goes on when the game is done with some of it
	}
	return r.feedOutcomes(limit+1, limit)
}

// gameIsBusy tells whether enough waits for the game to read it.
func (r *region) gameIsBusy() bool { return r.game().out.Len() > gameQueue/2 }

// feedOutcomes applies the outcomes, up to a limit in the log, that come before
// the action at an index or in its place.
func (r *region) feedOutcomes(before, limit uint64) error {
	f := &r.feed
	for len(f.outcomes) > 0 && f.outcomes[0].index <= limit && f.outcomes[0].from <= before {
		o := f.outcomes[0]
		f.outcomes = f.outcomes[1:]
		f.covered = max(f.covered, o.to)
		if o.from > o.to && o.to < f.handed {
			o.from, o.to = f.handed+1, f.handed // of no action: this game is further, by a snapshot's index or the tail
		}
		frame := wire.Outcome{ID: r.id, From: o.from, To: o.to, Payload: delta(r.records.At(o.index))}
		if err := pump.Add(r.game().out, frame); err != nil {
			return err
		}
		f.handed = max(f.handed, o.to)
	}
	return nil
}

// feedInput hands out the action or arrival at f.next, if it may be handed out now.
func (r *region) feedInput(rec *buffer.Record) (ok bool, err error) {
	f := &r.feed
	row := r.table.get(rec.ID)
	switch {
	case row == nil:
		return false, &endError{wire.CodeProtocol, errNoRow}
	case !r.promoted:
		if f.next > r.safe {
			return false, nil // the primary's game may not survive it
		}
	case f.trial != 0 && f.trial != f.next && f.done < f.trial:
		return false, nil // one at a time
	case (rec.Number == 1 || f.next <= f.suspects) && f.next > r.safe:
		switch ready, skip := r.tryAction(row, rec); {
		case skip:
			return true, nil
		case !ready:
			return false, nil
		}
	}
	return true, r.hand(row, rec)
}

// hand gives the action or arrival at f.next to the game.
func (r *region) hand(row *row, rec *buffer.Record) error {
	out := r.game().out
	if !row.named {
		row.named = true
		if err := pump.Add(out, wire.Join{ID: r.id, Handle: row.id, Applied: row.have, Player: row.player}); err != nil {
			return err
		}
	}
	if r.feed.handed = r.feed.next; r.promoted && r.feed.next < r.sealed {
		fault.Point(fault.ReplayMid)
	}
	if rec.Kind == buffer.KindArrive {
		return r.handArrival(row, rec)
	}
	return pump.Add(out, wire.Do{ID: r.id, Index: r.feed.next, Handle: row.id, Seq: rec.Seq, Payload: rec.Payload})
}

// handArrival gives a player who comes from another region to the game, and then
// tells it that he is there, if he is.
func (r *region) handArrival(row *row, rec *buffer.Record) error {
	a, _ := buffer.ParseArrival(rec.Payload)
	out := r.game().out
	err := pump.Add(out, wire.Arrive{ID: r.id, Index: r.feed.next, Handle: row.id, Payload: a.Baggage})
	if err == nil && r.promoted && row.stream != nil {
		err = pump.Add(out, wire.Join{ID: r.id, Handle: row.id, Applied: row.have, Here: true, Player: row.player})
	}
	return err
}

// finished is the game's word that it has applied all actions up to an index.
func (r *region) finished(index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.hosted {
		return // of what it ran before
	}
	if index > r.feed.handed {
		r.game().end(&endError{wire.CodeGameFault, errDoneAhead})
		return
	}
	r.feed.done = max(r.feed.done, index)
	fault.Point(fault.AfterApply)
	if r.promoted {
		r.resolve()
		r.survived = append(r.survived, survival{applied: r.feed.done, end: max(r.feed.done, r.lastOutcome)}) // as for held
		r.settle()
	}
	r.endOnError(r.feedGame())
	r.acquit()
}
