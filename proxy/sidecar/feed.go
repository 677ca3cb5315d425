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
// actions stands that they came from. All fields are guarded by region.mu.
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

	quarantined map[uint64]uint64 // actions by index, and the index of what says so
}

// pendingPart is an outcome of the log: at index, of the actions from..to.
type pendingPart struct{ index, from, to uint64 }

// newFeed returns a feed for a game whose state covers a snapshot's actions and
// outcomes.
func newFeed(index uint64) feed {
	return feed{next: index + 1, covered: index, handed: index, done: index, quarantined: map[uint64]uint64{}}
}

// quiet is the last index up to which the game has nothing left to apply.
func (f *feed) quiet() uint64 {
	if f.done == f.handed {
		return f.next - 1
	}
	return f.done
}

// note takes in a record that was appended, before the feed comes to it.
func (f *feed) note(index uint64, rec *buffer.Record) {
	switch rec.Kind {
	case buffer.KindOutcome:
		if index > f.stated {
			f.await(pendingPart{index, rec.Seq, rec.Number})
		}
	case buffer.KindQuarantine:
		if rec.Number > 0 {
			f.quarantined[rec.Number] = index
		}
	}
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
	maps.DeleteFunc(f.quarantined, func(_, by uint64) bool { return by > index })
}

func (f *feed) isQuarantined(index uint64) bool { return f.quarantined[index] > 0 }

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
		if rec.Kind == buffer.KindAction && f.next > f.covered {
			if err := r.feedOutcomes(f.next, limit); err != nil {
				return err
			}
			if f.next > f.covered && !f.isQuarantined(f.next) {
				if ok, err := r.feedAction(rec); !ok || err != nil {
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
		frame := wire.Outcome{ID: r.id, From: o.from, To: o.to, Payload: r.records.At(o.index).Payload}
		if err := pump.Add(r.game().out, frame); err != nil {
			return err
		}
		f.handed = max(f.handed, o.to)
	}
	return nil
}

// feedAction hands out the action at f.next, if it may be handed out now.
func (r *region) feedAction(rec *buffer.Record) (ok bool, err error) {
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
	case (rec.Number > 0 || f.next <= f.suspects) && f.next > r.safe:
		switch ready, skip := r.tryAction(row, rec); {
		case skip:
			return true, nil
		case !ready:
			return false, nil
		}
	}
	return true, r.hand(row, rec)
}

// hand gives the action at f.next to the game.
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
	return pump.Add(out, wire.Do{ID: r.id, Index: r.feed.next, Handle: row.id, Seq: rec.Seq, Payload: rec.Payload})
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
