package sidecar

import (
	"fmt"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What a primary does with the frames of edges. Everything here runs on the
// goroutine that reads the stream, under the region's mutex.

// fresh tells whether a frame's epoch is the one that we serve. The caller
// holds r.mu. A lower epoch is refused and counted; a higher one deposes us.
func (r *region) fresh(s *stream, epoch uint64) bool {
	switch {
	case epoch == r.epoch && r.serving:
		return true
	case epoch > r.promised:
		r.tryPost(failover.EpochHeard{Epoch: epoch})
	case epoch < r.promised:
		s.add(wire.Stale{Epoch: r.promised})
		r.stats.refuse(wire.CodeStaleEpoch)
	default:
		r.stats.refuse(wire.CodeNotServing)
	}
	return false
}

func (r *region) ourEpoch() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch
}

// action appends a player's action to the region log and passes it to the
// game, in one order. A repeat is answered without effect, a gap is asked for.
func (r *region) action(s *stream, f wire.Action) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(s, f.Epoch) {
		return nil
	}
	row := s.rows[f.Handle]
	switch {
	case row == nil:
		r.stats.refuse(wire.CodeBadHandle) // detached a moment ago
	case row.stream != s || row.handle != f.Handle:
		r.stats.refuse(wire.CodeStaleAttach)
	case f.Seq <= row.have:
		r.stats.repeats.Add(1)
		if f.Seq <= row.durable && r.maySpeak() {
			s.acked(wire.Acked{Epoch: r.epoch, Handle: f.Handle, Seq: row.durable})
		}
	case row.away(): // it stays at the edge, for the region where he has gone
		r.stats.left.Add(1)
	case f.Seq > row.have+1 && !fault.Bug(fault.GapNotChecked):
		r.stats.gaps.Add(1)
		s.add(wire.Gap{Epoch: r.epoch, Handle: f.Handle, Have: row.have})
	case r.yielding != nil: // it stays at the edge, for the heir or for later
		r.stats.left.Add(1)
	case row.tried == f.Seq && row.tries >= maxTries:
		r.quarantine(row, f.Seq, row.tries)
		r.settle()
	default:
		return r.accept(row, f)
	}
	return nil
}

// accept appends the player's next action.
func (r *region) accept(row *row, f wire.Action) error {
	rec := buffer.Record{Kind: buffer.KindAction, ID: row.id, Seq: f.Seq, Payload: f.Payload}
	if f.Suspect && !r.inOrder { // the edge may have heard of us before it heard how the last primary ended
		rec.Number = 1
	}
	r.append(rec)
	fault.Point(fault.AfterAppend)
	r.stats.actions.Add(1)
	if err := r.feedGame(); err != nil {
		return err
	}
	r.cuts.wake.Wake() // after the action: the cut that it brings about must not overtake it
	return nil
}

// attach binds a player to the stream. The newest attach number wins; the edge
// of an older one is told that the player is elsewhere.
func (r *region) attach(s *stream, f wire.Attach) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok, err := r.mayAttach(s, f.Epoch, f.Handle, f.Player); !ok {
		return err
	}
	row := r.table.named(f.Player)
	if row != nil && row.away() {
		r.sendOn(s, row, f)
		return nil
	}
	return r.seat(s, row, f)
}

// mayAttach tells whether an edge may call a player by a handle here.
func (r *region) mayAttach(s *stream, epoch, handle uint64, player string) (bool, error) {
	if handle == 0 {
		return false, &wire.Error{Code: wire.CodeBadHandle, Detail: "attach with handle 0"}
	}
	if !r.fresh(s, epoch) {
		return false, nil
	}
	if other := s.rows[handle]; other != nil && other.player != player {
		return false, &wire.Error{Code: wire.CodeBadHandle, Detail: "a handle is used for two players"}
	}
	return true, nil
}

// seat attaches a player who is here, or comes for the first time (nil).
func (r *region) seat(s *stream, row *row, f wire.Attach) error {
	if code, text := admit(row, f); code != wire.CodeNone {
		r.turnAway(s, row, f.Handle, code, text)
		return nil
	}
	again := row != nil && f.Number != 0 && f.Number == row.attach
	if !again && !row.isFor(f) {
		row = r.record(row, f)
		fault.Point(fault.AttachMid)
	}
	r.bind(s, row, f.Handle)
	if again {
		r.attachedTo(row, &row.stay)
	} else {
		r.join(row)
	}
	row.named = true
	return pump.Add(r.game().out, wire.Join{ID: r.id, Handle: row.id, Applied: row.have, Here: true, Player: row.player})
}

// turnAway refuses a player.
func (r *region) turnAway(s *stream, row *row, handle uint64, code wire.Code, text string) {
	r.stats.refuse(code)
	no := wire.Reject{Epoch: r.epoch, Handle: handle, Reason: code, Text: text}
	if code == wire.CodeLost {
		no.Seq = haveOf(row) + 1
	}
	s.add(no)
}

// bind makes a stream the one on which a player is, under a handle.
func (r *region) bind(s *stream, row *row, handle uint64) {
	r.evict(row, s, handle)
	row.stream, row.handle = s, handle
	s.rows[handle] = row
}

// join has the edge told of an attachment when it is durable.
func (r *region) join(row *row) {
	row.joining = true
	r.joins = append(r.joins, join{r.end(), row, row.stream, row.handle, row.stay})
	r.cuts.wake.Wake()
	r.settle()
}

// admit tells why a player may not attach: what he was promised is not here, he
// is at a newer edge, or he cannot show that he is who he says.
func admit(row *row, f wire.Attach) (wire.Code, string) {
	if have := haveOf(row); f.Durable > have { // never go on without what was promised: say so instead
		return wire.CodeLost, fmt.Sprintf("actions %d to %d were durable and are missing here", have+1, f.Durable)
	}
	return identify(row, f)
}

// identify tells why an attach is not the player's, or not his newest.
func identify(row *row, f wire.Attach) (wire.Code, string) {
	attach := uint64(0)
	if row != nil {
		attach = row.attach
	}
	switch {
	case f.Number != 0 && f.Number < attach && !fault.Bug(fault.AttachNumberIgnored):
		return wire.CodeStaleAttach, ""
	case f.Number != 0 || row == nil || row.isFor(f):
	case len(f.Show) > 0 && len(row.next) > 0 && !row.shows(f.Show):
		return wire.CodeUnauthorized, "this resume token is not the last one that the player was given"
	case len(f.Show) == 0 && row.stream != nil:
		return wire.CodeNotYours, "this player is in another session: show its resume token"
	}
	return wire.CodeNone, ""
}

func haveOf(row *row) uint64 {
	if row == nil {
		return 0
	}
	return row.have
}

// record writes an attachment into the log: a new number, or one that an edge
// holds and the last primary did not live to replicate.
func (r *region) record(row *row, f wire.Attach) *row {
	a := buffer.Attachment{Player: f.Player, Token: f.Show, Next: f.Next}
	rec := buffer.Record{Kind: buffer.KindAttach, ID: r.table.last + 1, Number: 1}
	if row != nil {
		rec.ID, rec.Number = row.id, row.attach+1
	}
	if f.Number != 0 {
		rec.Number = f.Number
	}
	rec.Payload = buffer.AppendAttach(nil, a)
	r.append(rec)
	return r.table.get(rec.ID)
}

// attachedTo answers an attach, and sends what has waited for that.
func (r *region) attachedTo(row *row, as *stay) {
	if as.from != "" {
		row.stream.add(wire.Entered{Epoch: r.epoch, Handle: row.handle, Hop: as.hop, From: as.from})
	}
	row.stream.add(wire.Attached{Epoch: r.epoch, Handle: row.handle, Number: row.attach, Have: as.have, Durable: min(row.durable, as.have)})
	row.joining = false
	r.catchUp(row)
}

// evict ends an older attachment of the row.
func (r *region) evict(row *row, s *stream, handle uint64) {
	old := row.stream
	if old == nil || (old == s && row.handle == handle) {
		return
	}
	r.stats.evictions.Add(1)
	old.add(wire.Reject{Epoch: r.epoch, Handle: row.handle, Reason: wire.CodeStaleAttach})
	delete(old.rows, row.handle)
}

func (r *region) detached(s *stream, f wire.Detach) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row := s.rows[f.Handle]; row != nil && r.fresh(s, f.Epoch) {
		delete(s.rows, f.Handle)
		if row.stream == s && row.handle == f.Handle {
			r.detach(row, f.Reason)
		}
	}
}

// detach tells the game that a player is gone. The caller holds r.mu.
func (r *region) detach(row *row, why wire.Code) {
	row.stream, row.handle = nil, 0
	if r.promoted && r.hosted {
		r.endOnError(pump.Add(r.game().out, wire.Leave{ID: r.id, Handle: row.id, Reason: why}))
	}
}

// outcome takes what the game has committed.
func (r *region) outcome(f wire.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mayCommit() || r.isMisplaced(f.From, f.To) {
		return
	}
	r.lastOutcome = r.append(buffer.Record{Kind: buffer.KindOutcome, Seq: f.From, Number: f.To, Payload: f.Payload})
	r.stats.outcomes.Add(1)
	r.cuts.wake.Wake()
	r.settle()
}

// mayCommit tells whether the log is ours to write what the game says into it. If it
// is not any more, the game has changed what nobody else knows of.
func (r *region) mayCommit() bool {
	if !r.promoted || !r.hosted {
		return false
	}
	if !r.leading || r.isMuted() {
		r.torn = true
		return false
	}
	return true
}

// isMisplaced tells whether an outcome is of actions that it cannot be of. That ends
// the game: a standby may have run them itself by now.
func (r *region) isMisplaced(from, to uint64) bool {
	late := from <= to && from <= r.feed.done
	if !late && from <= to+1 && to <= r.feed.handed {
		return false
	}
	r.game().end(&endError{wire.CodeGameFault, &wire.Error{
		Code: wire.CodeProtocol, Detail: fmt.Sprintf("an outcome of actions %d to %d, the last one given is %d, the last one done %d",
			from, to, r.feed.handed, r.feed.done),
	}})
	return true
}

// confirm notes that an edge keeps a snapshot of ours.
func (r *region) confirm(s *stream, f wire.Confirm) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(s, f.Epoch) {
		return nil
	}
	if f.Index > r.end() {
		return &wire.Error{Code: wire.CodeAckAhead, Detail: "an edge confirmed a snapshot that there is not"}
	}
	s.holds, s.confirmed = true, max(s.confirmed, f.Index)
	r.cuts.confirmedByAll()
	r.settle()
	return nil
}
