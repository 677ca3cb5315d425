package sidecar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// row is what a region knows of a player. Its first part is replicated: it
// follows from the records of the region log, and is in every snapshot.
type row struct {
	player string
	id     uint64 // what records, and the game, call the player
	attach uint64 // the highest attach number
	token  []byte // hash of the resume token that was shown last
	next   []byte // hash of the one that was given then
	tried  uint64 // a suspect that was about to be tried, see buffer.Record.Trial; 0: none
	tries  uint64 // how often, that time included
	stay          // where the player is, and how far he has come there

	// What this process knows of it.
	cut     stay   // as it is in the newest cut
	durable uint64 // the last seq that is durable
	stream  *stream
	handle  uint64 // the player's handle on stream; nil stream: attached nowhere
	named   bool   // the game knows what the id means
	touched bool   // durable has risen, and the edge has not been told
	joining bool   // the edge has yet to be told that the player is attached
	backlog [][]byte
	waiting int       // bytes of backlog
	refused []refusal // that the player was not told of
}

// table holds the rows of a region.
type table struct {
	byName map[string]*row
	byID   map[uint64]*row
	sorted []*row // by player, as snapshots list them
	last   uint64 // the highest id
	trial  *row   // whose suspect was marked last; nil: that is over
	trying bool   // suspects are being tried
}

func newTable() *table { return &table{byName: map[string]*row{}, byID: map[uint64]*row{}} }

// get returns the row of an id, or nil.
func (t *table) get(id uint64) *row { return t.byID[id] }

// named returns the row of a player, or nil.
func (t *table) named(player string) *row { return t.byName[player] }

// add makes a row.
func (t *table) add(player string, id uint64) *row {
	r := &row{player: player, id: id}
	t.byName[player], t.byID[id] = r, r
	t.last = max(t.last, id)
	at, _ := slices.BinarySearchFunc(t.sorted, player, func(r *row, p string) int { return strings.Compare(r.player, p) })
	t.sorted = slices.Insert(t.sorted, at, r)
	return r
}

// apply lets a record of the region log take effect on the rows. It is false
// when the record contradicts them.
func (t *table) apply(rec *buffer.Record) bool {
	switch rec.Kind {
	case buffer.KindAttach:
		return t.applyAttach(rec)
	case buffer.KindDepart:
		return t.applyDepart(rec)
	case buffer.KindArrive:
		return t.applyArrive(rec)
	case buffer.KindDelivered:
		return t.applyDelivered(rec)
	case buffer.KindAction, buffer.KindQuarantine, buffer.KindMark:
		r := t.get(rec.ID)
		if r == nil {
			if rec.Kind != buffer.KindMark || rec.ID != 0 {
				return false
			}
			t.trying = rec.Number > 0
			return t.try(nil, 0, 0)
		}
		switch {
		case rec.Kind == buffer.KindMark:
			return t.try(r, rec.Seq, rec.Number)
		case rec.Kind == buffer.KindQuarantine && (rec.Number > 0 || rec.Seq <= r.have):
			return true // the action stands in the log already
		case r.away():
			return true // it goes where he has gone
		case rec.Seq != r.have+1 && !fault.Bug(fault.GapNotChecked):
			return false
		}
		r.have = rec.Seq
		if rec.Kind == buffer.KindAction && rec.Number != buffer.Carried {
			r.token = nil // he has been welcomed since, and knows the next one
		}
	}
	return true
}

// String is for logs; r may be nil.
func (r *row) String() string {
	if r == nil {
		return "none"
	}
	return fmt.Sprintf("%s, attach %d, have %d", r.player, r.attach, r.have)
}

// try notes whose suspect is about to be tried. There is one trial at a time: a
// new one means that the last one was survived.
func (t *table) try(r *row, seq, tries uint64) bool {
	if t.trial != nil {
		t.trial.tried, t.trial.tries = 0, 0
	}
	if t.trial = r; r != nil {
		r.tried, r.tries = seq, tries
	}
	return true
}

// onTrial tells whether suspects are being tried, or were when a primary died.
func (t *table) onTrial() bool { return t.trying || t.trial != nil }

func (t *table) applyAttach(rec *buffer.Record) bool {
	a, ok := buffer.ParseAttach(rec.Payload)
	if !ok {
		return false
	}
	r := t.meet(rec.ID, a.Player)
	if r == nil {
		return false
	}
	r.attach = max(r.attach, rec.Number)
	r.token, r.next = a.Token, a.Next
	return true
}

// meet returns the row of a player and an id, which may be new, or nil when the two
// do not belong together.
func (t *table) meet(id uint64, player string) *row {
	switch r := t.get(id); {
	case r != nil && r.player == player:
		return r
	case r != nil || id == 0 || t.named(player) != nil:
		return nil
	}
	return t.add(player, id)
}

// shows tells whether a token's hash is one that the player may come back with:
// the one that he was given last, or the one that he gave for it, in case the
// answer never reached him.
func (r *row) shows(hash []byte) bool {
	return len(hash) > 0 && (bytes.Equal(hash, r.next) || bytes.Equal(hash, r.token))
}

// settle makes everything durable that the rows have.
func (t *table) settle() {
	for _, r := range t.sorted {
		r.durable = r.have
	}
}

// isFor tells whether an attach is for the session that the row was attached for
// last, which has not been told of its number: its edge asks again.
func (r *row) isFor(f wire.Attach) bool {
	return r != nil && f.Number == 0 && len(f.Next) > 0 && bytes.Equal(f.Next, r.next)
}

// marks lists every player for a snapshot of the newest cut.
func (t *table) marks() []buffer.PlayerMark {
	out := make([]buffer.PlayerMark, len(t.sorted))
	for i, r := range t.sorted {
		out[i] = buffer.PlayerMark{
			Player: r.player, ID: r.id, Attach: r.attach, Applied: r.cut.have,
			Token: r.token, Next: r.next, Tried: r.tried, Tries: r.tries,
			Hop: r.cut.hop, From: r.cut.from, To: r.cut.to, Parcel: r.cut.parcel,
		}
		if fault.Bug(fault.TableNotInSnapshot) {
			out[i].Applied = 0
		}
		if fault.Bug(fault.SnapshotNewerThanItsSeqs) && r.cut.have > 0 {
			out[i].Applied--
		}
	}
	return out
}

// tableOf is the table of a snapshot. What it covers is durable: whoever keeps
// it said so.
func tableOf(s *buffer.Snapshot) *table {
	t := newTable()
	for _, m := range s.Players {
		r := t.add(m.Player, m.ID)
		r.attach, r.stay, r.cut, r.durable = m.Attach, stayOf(&m), stayOf(&m), m.Applied
		r.token, r.next, r.tried, r.tries = m.Token, m.Next, m.Tried, m.Tries
		if m.Tried > 0 {
			t.trial = r
		}
	}
	return t
}
