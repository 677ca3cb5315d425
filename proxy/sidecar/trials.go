package sidecar

import (
	"encoding/base64"

	"github.com/reseat-proxy/reseat/buffer"
)

// maxTries is how often an action may be in flight when a server dies. After
// that it is quarantined.
const maxTries = 2

// tryAction prepares a suspect for its trial: the game must be done with
// everything before it, and the mark durable. One that was marked too often is
// quarantined instead.
func (r *region) tryAction(row *row, rec *buffer.Record) (ready, skip bool) {
	f := &r.feed
	if f.trial == f.next {
		return r.isMarked(), false
	}
	if f.done < f.handed {
		return false, false
	}
	tries := uint64(1) // the primary that died
	if row.tried == rec.Trial() {
		tries = row.tries
	}
	if tries >= maxTries {
		r.condemnAt(row, f.next, tries)
		f.trial = 0
		return false, true
	}
	f.trial = f.next
	r.stats.trials.Add(1)
	switch {
	case f.careful: // a new mark takes the place of the last one
		f.marked = r.append(buffer.Record{Kind: buffer.KindMark, ID: row.id, Seq: rec.Trial(), Number: tries + 1})
	case !r.table.trying:
		f.marked = r.append(buffer.Record{Kind: buffer.KindMark, Number: 1})
	}
	return r.isMarked(), false
}

// blame marks the suspect that the game has just died of. The backups should get
// that before the lock is free, or the next primary tries with more care, and one
// more game dies.
func (r *region) blame() {
	if r.suspectInHand() {
		r.markTried(maxTries)
	}
}

// excuse takes back what a careful trial has marked: the game did not die of its
// suspect, nor of a snapshot, it did not get a CPU.
func (r *region) excuse() {
	r.life.sc.restores.excuse(r.name)
	if r.suspectInHand() && r.feed.careful {
		r.markTried(maxTries - 1)
	}
}

// suspectInHand tells whether the game has a suspect to do, and nothing else.
func (r *region) suspectInHand() bool {
	f := &r.feed
	return r.leading && f.trial != 0 && f.trial == f.handed && f.done < f.trial
}

// markTried marks the suspect in hand as tried so often.
func (r *region) markTried(tries uint64) {
	rec := r.records.At(r.feed.trial)
	r.feed.marked = r.append(buffer.Record{Kind: buffer.KindMark, ID: rec.ID, Seq: rec.Trial(), Number: tries})
}

// condemn quarantines the suspect that was marked last when the primary died: a
// later mark would have said that it was survived. It may not be in the log, but
// on its way with an edge.
func (r *region) condemn() {
	row := r.table.trial
	if row == nil || row.tries < maxTries {
		return
	}
	if row.tried == row.have+1 && !row.away() {
		r.quarantine(row, row.tried, row.tries)
		return
	}
	for i := r.end(); i > max(r.base(), r.safe, r.feed.handed); i-- { // what the game's snapshot holds was survived
		rec := r.records.At(i)
		if rec.Kind.Input() && rec.ID == row.id && rec.Trial() == row.tried {
			if !r.feed.isOmitted(i) && !r.hasOutcome(i) {
				r.condemnAt(row, i, row.tries)
			}
			return
		}
	}
}

// hasOutcome tells whether the game that died of an action had said what came out:
// that stands, and the action is not run again.
func (r *region) hasOutcome(action uint64) bool {
	for i := action + 1; i <= r.end(); i++ {
		if rec := r.records.At(i); rec.Seq <= action && action <= rec.Number && isOutcome(rec) {
			return true
		}
	}
	return false
}

// isMarked tells whether the mark of the suspect on trial is durable.
func (r *region) isMarked() bool { return r.marksDurable() >= r.feed.marked }

const (
	deadly       = "servers died with this action in flight; it is not tried again"
	deadlyPlayer = "servers died of what you brought from another region; you are here without it"
)

// condemnAt quarantines what stands in the log at an index: it is not given to a game
// again.
func (r *region) condemnAt(row *row, at, tries uint64) {
	rec := r.records.At(at)
	refused := refusal{row: row, seq: rec.Seq, text: deadly}
	if rec.Kind == buffer.KindArrive {
		a, _ := buffer.ParseArrival(rec.Payload)
		refused.seq, refused.text = 0, deadlyPlayer
		r.log.Error("arrival quarantined: servers died of what a player brought from another region, which is nowhere else now",
			"event", "quarantined_arrival", "player", row.player, "from", a.From, "hop", a.Hop, "deaths", tries,
			"baggage", base64.StdEncoding.EncodeToString(a.Baggage))
	} else {
		r.logQuarantine(row, rec.Seq, tries)
	}
	r.stats.quarantined.Add(1)
	r.append(buffer.Record{Kind: buffer.KindQuarantine, ID: row.id, Seq: rec.Trial(), Number: at})
	refused.index = r.end()
	r.refusals = append(r.refusals, refused)
}

// quarantine uses up the seq of an action that is not in the log.
func (r *region) quarantine(row *row, seq, tries uint64) {
	r.logQuarantine(row, seq, tries)
	r.stats.quarantined.Add(1)
	r.useUp(row, seq, deadly)
}

func (r *region) logQuarantine(row *row, seq, tries uint64) {
	r.log.Error("action quarantined: servers died with it in flight", "event", "quarantined",
		"player", row.player, "seq", seq, "deaths", tries)
}

// useUp uses up a seq of which nothing will come, and tells the player why.
func (r *region) useUp(row *row, seq uint64, why string) {
	index := r.append(buffer.Record{Kind: buffer.KindQuarantine, ID: row.id, Seq: seq})
	r.refusals = append(r.refusals, refusal{index, row, seq, why})
}

// acquit writes down that all suspects were survived.
func (r *region) acquit() {
	f := &r.feed
	if !r.table.onTrial() || !r.leading || !r.promoted || f.next <= f.suspects || f.trial >= f.next || f.done < f.trial {
		return
	}
	f.trial, f.careful = 0, false
	r.append(buffer.Record{Kind: buffer.KindMark})
}
