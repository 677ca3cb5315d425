package sidecar

import "github.com/reseat-proxy/reseat/buffer"

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
	if row.tried == rec.Seq {
		tries = row.tries
	}
	if tries >= maxTries {
		r.quarantine(row, rec.Seq, f.next, tries)
		f.trial = 0
		return false, true
	}
	f.trial = f.next
	r.stats.trials.Add(1)
	switch {
	case f.careful: // a new mark takes the place of the last one
		f.marked = r.append(buffer.Record{Kind: buffer.KindMark, ID: row.id, Seq: rec.Seq, Number: tries + 1})
	case !r.table.trying:
		f.marked = r.append(buffer.Record{Kind: buffer.KindMark, Number: 1})
	}
	return r.isMarked(), false
}

// blame marks the suspect that the game has just died of. The backups should get
// that before the lock is free, or the next primary tries with more care, and one
// more game dies.
func (r *region) blame() {
	f := &r.feed
	if !r.leading || f.trial == 0 || f.trial != f.handed || f.done >= f.trial {
		return
	}
	rec := r.records.At(f.trial)
	f.marked = r.append(buffer.Record{Kind: buffer.KindMark, ID: rec.ID, Seq: rec.Seq, Number: maxTries})
}

// condemn quarantines the suspect that was marked last when the primary died: a
// later mark would have said that it was survived. It may not be in the log, but
// on its way with an edge.
func (r *region) condemn() {
	row := r.table.trial
	if row == nil || row.tries < maxTries {
		return
	}
	seq, tries := row.tried, row.tries
	if seq == row.have+1 {
		r.quarantine(row, seq, 0, tries)
		return
	}
	for i := r.end(); i > max(r.base(), r.safe, r.feed.handed); i-- { // what the game's snapshot holds was survived
		rec := r.records.At(i)
		if rec.Kind == buffer.KindAction && rec.ID == row.id && rec.Seq == seq {
			if !r.feed.isQuarantined(i) && !r.hasOutcome(i) {
				r.quarantine(row, seq, i, tries)
			}
			return
		}
	}
}

// hasOutcome tells whether the game that died of an action had said what came out:
// that stands, and the action is not run again.
func (r *region) hasOutcome(action uint64) bool {
	for i := action + 1; i <= r.end(); i++ {
		if rec := r.records.At(i); rec.Kind == buffer.KindOutcome && rec.Seq <= action && action <= rec.Number {
			return true
		}
	}
	return false
}

// isMarked tells whether the mark of the suspect on trial is durable.
func (r *region) isMarked() bool { return r.marksDurable() >= r.feed.marked }

// quarantine uses up an action's seq without applying it. at is its index, 0 if
// it is not in the log.
func (r *region) quarantine(row *row, seq, at, tries uint64) {
	r.append(buffer.Record{Kind: buffer.KindQuarantine, ID: row.id, Seq: seq, Number: at})
	r.stats.quarantined.Add(1)
	r.log.Error("action quarantined: servers died with it in flight", "event", "quarantined",
		"player", row.player, "seq", seq, "deaths", tries)
	r.refusals = append(r.refusals, refusal{index: r.end(), row: row, seq: seq})
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
