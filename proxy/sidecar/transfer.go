package sidecar

import (
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// How players leave for another region, and come from one. Everything here is under
// the region's mutex.

// transfer takes the game's word that it has let a player go.
func (r *region) transfer(f wire.Transfer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mayCommit() || r.isMisplaced(f.From, f.To) {
		return
	}
	row := r.table.named(f.Player)
	switch {
	case row != nil && !r.outcomes && r.hasDeparted(row, f): // run again, after a failover
	case row == nil || row.away() || r.comesAfter(row, min(f.From, f.To)):
		r.stats.refuse(wire.CodeBadHandle)
		r.log.Error("the game has let go a player who is not in the region: nobody has come of it", "event", "transfer_of_nobody",
			"player", f.Player, "to", f.Region, "row", row.String())
	default:
		r.depart(row, f)
	}
}

// depart writes down that a player has left. He is told to go on when that is
// durable, and all that he was sent before has left.
func (r *region) depart(row *row, f wire.Transfer) {
	d := buffer.Departure{
		Outcome: r.outcomes, Region: f.Region, Delta: f.Delta, Parcel: buffer.AppendParcel(nil, r.pack(row, f)),
	}
	if !d.Outcome {
		d.Delta = nil
	}
	r.lastOutcome = r.append(buffer.Record{
		Kind: buffer.KindDepart, ID: row.id, Seq: f.From, Number: f.To, Payload: buffer.AppendDeparture(nil, d),
	})
	fault.Point(fault.DepartMid)
	r.stats.departures.Add(1)
	r.log.Debug("player departs", "player", row.player, "to", f.Region, "hop", row.hop, "have", row.have)
	r.departs = append(r.departs, departure{
		index: r.lastOutcome, done: f.To, sent: r.held.added, row: row, stream: row.stream, handle: row.handle,
	})
	r.cuts.wake.Wake()
	r.settle()
}

// pack makes the parcel of a player who has left: his baggage, and the actions that
// were taken after those that are done.
func (r *region) pack(row *row, f wire.Transfer) buffer.Parcel {
	p := buffer.Parcel{Hop: row.hop + 1, Have: row.have, Baggage: f.Payload, Last: row.have}
	room, after := wire.MaxCarried, uint64(0)
	for i := max(f.From, r.base()+1); i <= r.end(); i++ {
		rec := r.records.At(i)
		if rec.ID != row.id || rec.Kind != buffer.KindAction && (rec.Kind != buffer.KindQuarantine || rec.Number > 0) {
			continue
		}
		if i <= f.To && (f.Seq == 0 || rec.Seq <= f.Seq) {
			continue // it is done
		}
		after++
		if room -= len(rec.Payload) + 3; room < 0 {
			continue // refused: nobody sends so much while one action is applied
		}
		var payload []byte
		if rec.Kind == buffer.KindAction && !r.feed.isOmitted(i) {
			payload = append([]byte{}, rec.Payload...)
		}
		p.Carried = append(p.Carried, payload)
	}
	p.Have -= after
	return p
}

// hasDeparted tells whether the log has the transfer that a game makes once more,
// which is given the actions again that it came from: no other one of the player's
// can be of any of them.
func (r *region) hasDeparted(row *row, f wire.Transfer) bool {
	for i := max(f.From, r.base()+1); i <= r.end(); i++ {
		rec := r.records.At(i)
		if rec.Kind == buffer.KindDepart && rec.ID == row.id && rec.Seq <= f.To && f.From <= rec.Number {
			return true
		}
	}
	return false
}

// comesAfter tells whether a player arrives after an index: a call that began there
// cannot let him go.
func (r *region) comesAfter(row *row, index uint64) bool {
	for i := max(index, r.base()) + 1; i <= r.end(); i++ {
		if rec := r.records.At(i); rec.Kind == buffer.KindArrive && rec.ID == row.id {
			return true
		}
	}
	return false
}

// departure is a player who is told to go on to another region, on a stream under a
// handle, when a record is durable, the game is done with the call that let him go,
// and so many updates have left.
type departure struct {
	index, done, sent uint64

	row    *row
	stream *stream
	handle uint64
}

// tellDeparts sends players on.
func (r *region) tellDeparts() {
	for len(r.departs) > 0 {
		d := r.departs[0]
		if d.index > r.commit || d.done > r.feed.done || d.sent > r.held.left {
			return
		}
		r.departs = r.departs[1:]
		row := d.row
		if d.stream == nil || d.stream.rows[d.handle] != row || !row.away() {
			continue
		}
		d.stream.add(wire.Depart{Epoch: r.epoch, Handle: d.handle, Hop: row.hop, Region: row.to, Payload: row.parcel})
		if row.parcel == nil {
			r.unbind(row)
		}
	}
}

// unbind forgets on which stream a player was who has left.
func (r *region) unbind(row *row) {
	if row.stream != nil {
		delete(row.stream.rows, row.handle)
	}
	row.stream, row.handle = nil, 0
}

// sendOn sends on a player who has left before. While what he takes along may still
// be here he must be who he says; later the other region judges that.
func (r *region) sendOn(s *stream, row *row, f wire.Attach) {
	if row.parcel != nil {
		if code, text := identify(row, f); code != wire.CodeNone {
			r.turnAway(s, row, f.Handle, code, text)
			return
		}
	}
	r.bind(s, row, f.Handle)
	r.departs = append(r.departs, departure{index: r.end(), row: row, stream: s, handle: f.Handle})
	r.cuts.wake.Wake()
	r.settle()
}

// departed is the word that a player is in the other region. His row stays: whoever
// comes for him is sent on.
func (r *region) departed(s *stream, f wire.Departed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(s, f.Epoch) {
		return
	}
	row := r.table.named(f.Player)
	if row == nil || !row.away() || row.hop != f.Hop || row.parcel == nil {
		return // long known
	}
	r.append(buffer.Record{Kind: buffer.KindDelivered, ID: row.id, Number: f.Hop})
	for i := range r.departs {
		if r.departs[i].row == row {
			r.settle() // somebody else is about to be told
			return
		}
	}
	r.unbind(row)
	r.settle()
}

// enter attaches a player who comes from another region. On his first word here he
// and what he brings are written down, and the game is given that.
func (r *region) enter(s *stream, f wire.Enter) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok, err := r.mayAttach(s, f.Epoch, f.Handle, f.Player); !ok {
		return err
	}
	if p, ok := buffer.ParseParcel(f.Payload); len(f.Payload) > 0 && (!ok || p.Hop != f.Hop) {
		return &wire.Error{Code: wire.CodeProtocol, Detail: "a malformed parcel of a player from " + f.From}
	}
	if r.yielding != nil { // for the heir, or for later
		f.Show, f.Next, f.Payload = slices.Clone(f.Show), slices.Clone(f.Next), slices.Clone(f.Payload)
		r.yielding.coming = append(r.yielding.coming, coming{s, f})
		return nil
	}
	return r.admitFrom(s, f)
}

// admitFrom takes in a player who comes from another region, or attaches him if he is
// here.
func (r *region) admitFrom(s *stream, f wire.Enter) error {
	row := r.table.named(f.Player)
	attach := wire.Attach{Epoch: f.Epoch, Handle: f.Handle, Durable: f.Durable, Player: f.Player, Show: f.Show, Next: f.Next}
	switch known := row != nil && row.hop >= f.Hop; {
	case known && row.away():
		r.sendOn(s, row, attach)
	case known:
		if p, ok := buffer.ParseParcel(f.Payload); ok && row.hop == f.Hop {
			r.carry(row, p) // the last primary may have lost some of it
		}
		return r.seat(s, row, attach)
	case len(f.Payload) == 0:
		r.turnAway(s, row, f.Handle, wire.CodeLost, "you were here, and the region does not know it any more")
	case !r.arrivals:
		r.turnAway(s, row, f.Handle, wire.CodeMoved, fmt.Sprintf("the game of region %s takes in nobody from other regions", r.name))
	default:
		return r.arrive(s, row, f)
	}
	return nil
}

// arrive takes in a player, and then the actions that come with him.
func (r *region) arrive(s *stream, row *row, f wire.Enter) error {
	p, _ := buffer.ParseParcel(f.Payload)
	if f.Durable > p.Last {
		r.turnAway(s, row, f.Handle, wire.CodeLost, fmt.Sprintf("actions %d to %d were durable and are missing here", p.Last+1, f.Durable))
		return nil
	}
	row = r.recordArrival(row, p, f)
	fault.Point(fault.ArriveMid)
	r.carry(row, p)
	r.stats.arrivals.Add(1)
	r.log.Debug("player arrives", "player", row.player, "from", f.From, "hop", row.hop, "have", row.have)
	r.bind(s, row, f.Handle)
	r.join(row)
	return r.feedGame()
}

// carry takes the actions that come with a player, as far as they are not here.
func (r *region) carry(row *row, p buffer.Parcel) {
	for row.have < p.Last {
		seq := row.have + 1
		switch i := seq - p.Have - 1; {
		case i >= uint64(len(p.Carried)):
			r.useUp(row, seq, "too much was on its way when you left the other region")
		case p.Carried[i] == nil:
			r.useUp(row, seq, deadly)
		default:
			r.append(buffer.Record{Kind: buffer.KindAction, ID: row.id, Seq: seq, Number: buffer.Carried, Payload: p.Carried[i]})
		}
	}
}

// recordArrival writes an arrival into the log.
func (r *region) recordArrival(row *row, p buffer.Parcel, f wire.Enter) *row {
	a := buffer.Arrival{
		Attachment: buffer.Attachment{Player: f.Player, Token: f.Show, Next: f.Next},
		Number:     1, Hop: f.Hop, From: f.From, Baggage: p.Baggage,
	}
	rec := buffer.Record{Kind: buffer.KindArrive, ID: r.table.last + 1, Seq: p.Have}
	if row != nil {
		rec.ID, a.Number = row.id, row.attach+1
	}
	if f.Suspect && !r.inOrder {
		rec.Number = 1
	}
	rec.Payload = buffer.AppendArrival(nil, a)
	r.append(rec)
	return r.table.get(rec.ID)
}
