package proxy

import (
	"errors"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// How players come into a region, are seated, acked, and leave it.

// join enters a session. It is seated when the primary has attached it and
// everything that it has of the player is durable.
func (r *region) join(s *session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.admit(s); err != nil {
		return err
	}
	if old := r.players[s.player]; old != nil {
		if !s.mayReplace(old) {
			return &endError{wire.CodeNotYours, "this player is in another session: show its resume token"}
		}
		r.remove(old)
		old.end(&endError{wire.CodeReplaced, "you came back on another connection"})
	}
	r.place(s)
	return nil
}

// place gives a session its place in the region, and has it attached.
func (r *region) place(s *session) {
	r.lastHandle++
	s.handle, s.share = r.lastHandle, apart(r.lastHandle)
	r.players[s.player], r.handles[s.handle] = s, s
	r.sums.add(s, 1)
	if r.serving == nil {
		r.tellHold(s)
		return
	}
	r.reseat.pending++
	r.attach(s)
}

// add counts a session, n times.
func (c *sums) add(s *session, n int) {
	if s.arrival != nil {
		c.arriving += n
	}
	if s.full {
		c.waiting += n
	}
}

// tellHold tells a player that no primary serves. The epochs of a region that he has
// yet to come to mean nothing to him.
func (r *region) tellHold(s *session) {
	epoch := r.machine.Epoch()
	if s.arrival != nil {
		epoch = 0
	}
	s.held = true
	s.add(wire.Hold{Epoch: epoch, Reason: reasonCode(r.machine.Reason())})
}

// tellReseated tells a player that a primary serves: at once if he has been told that
// none does, else with whatever is written to him next.
func (r *region) tellReseated(s *session, f wire.Attached) {
	told := wire.Reseated{Epoch: f.Epoch, Applied: f.Have}
	if s.held {
		s.held = false
		s.add(told)
		return
	}
	r.scratch = told.Append(r.scratch[:0])
	s.put(r.scratch)
}

// attached is the primary's answer: it has the player's actions up to f.Have.
func (r *region) attached(f wire.Attached) error {
	s := r.handles[f.Handle]
	if s == nil || s.attached {
		return nil // left in the meantime
	}
	s.attached, s.number = true, f.Number
	if fault.Bug(fault.EdgeDropsOnApplied) {
		f.Durable = f.Have
	}
	r.reseat.pending--
	defer r.reseated(f.Epoch)
	if s.actions == nil {
		s.need = f.Have
		if f.Durable >= s.need {
			r.seat(s, f.Durable)
		}
		return nil
	}
	if err := s.actions.Rewind(f.Have); err != nil {
		s.lose(f.Have + 1)
		s.end(&endError{wire.CodeLost, "the region came back without actions that were durable"})
		return nil
	}
	r.owe(s)
	r.reseat.actions += int(s.actions.Tail() - s.actions.Sent())
	r.tellReseated(s, f)
	r.serving.wake.Wake()
	return r.acked(wire.Acked{Epoch: f.Epoch, Handle: f.Handle, Seq: f.Durable})
}

// reseated tells when the last player of a switch is attached.
func (r *region) reseated(epoch uint64) {
	if r.reseat.pending > 0 || r.reseat.since.IsZero() {
		return
	}
	r.tellResent(epoch)
	if r.reseat.players > 0 {
		trace.Log(r.log, r.traced()).Info("players reseated", "event", "resent", "epoch", epoch, "players", r.reseat.players,
			"actions", r.reseat.actions, "duration_ms", float64(time.Since(r.reseat.since).Microseconds())/1000)
	}
	r.reseat = reseat{}
}

// seat welcomes a session: its log begins after what is durable.
func (r *region) seat(s *session, durable uint64) {
	s.actions = r.buf.Open(s)
	_ = s.actions.Reset(durable) // a new log keeps nothing
	s.mark, s.held = durable, false
	r.edge.stats.sessions.Add(1)
	limits := r.edge.cfg.Limits
	s.add(wire.Welcome{
		Version: wire.Version, Epoch: r.machine.Epoch(), Durable: durable, Protected: r.protected,
		Actions: uint64(limits.Actions), ActionBytes: uint64(limits.ActionBytes), AgeMillis: uint64(limits.Age.Milliseconds()),
		Token: s.token[:],
	})
	s.add(r.level.mode)
	for _, f := range s.refused {
		s.add(f)
	}
	s.refused = nil
	if r.serving != nil {
		_ = s.actions.Rewind(durable)
	}
}

// acked frees what is durable, and seats or wakes a session that waits for it.
func (r *region) acked(f wire.Acked) error {
	s := r.handles[f.Handle]
	switch {
	case s == nil:
		return nil
	case s.actions == nil:
		if s.attached && f.Seq >= s.need {
			r.seat(s, f.Seq)
		}
		return nil
	}
	if err := s.actions.Ack(f.Seq); err != nil {
		return fmt.Errorf("%w: %w", &wire.Error{Code: wire.CodeAckAhead, Detail: "the primary acked what it was not sent"}, err)
	}
	fault.Point(fault.EdgeAfterDrop)
	if f.Seq > s.mark {
		s.mark = f.Seq
		r.measure(s, f.Seq)
		s.ack(f.Epoch, f.Seq)
		r.stirred.add(s)
		if !s.owed.IsZero() {
			r.pay(s)
		}
		if r.course.waits {
			r.tellDurable(f.Epoch)
		}
	}
	r.relieve(s)
	return nil
}

// relieve lets a reader that met a full log go on when there is room.
func (r *region) relieve(s *session) {
	if s.full && s.actions.Room() {
		s.full = false
		r.sums.waiting--
		s.add(wire.Pressure{Kept: uint64(s.actions.Kept())})
		s.room.Wake()
	}
}

// keep appends one action to the player's log.
func (s *session) keep(f wire.Act) error {
	r := s.lock()
	defer r.mu.Unlock()
	if s.actions == nil {
		return &endError{wire.CodeNotHello, "an action before the welcome"}
	}
	s.spoke = true
	now := time.Now()
	err := s.actions.Append(f.Seq, f.Payload, now)
	switch {
	case err == nil:
		s.taken(f.Seq, now)
		fault.Point(fault.EdgeAfterKeep)
		if r.serving != nil {
			r.serving.wake.Wake()
		}
		return nil
	case errors.Is(err, buffer.ErrRepeat):
		return nil
	case errors.Is(err, buffer.ErrFull):
		if !s.full {
			s.full = true
			r.sums.waiting++
			s.add(wire.Pressure{On: true, Kept: uint64(s.actions.Kept())})
		}
		return err
	}
	return refusal(err)
}

func refusal(err error) error {
	code := wire.CodeProtocol
	switch {
	case errors.Is(err, buffer.ErrGap):
		code = wire.CodeGap
	case errors.Is(err, buffer.ErrReused):
		code = wire.CodeReused
	case errors.Is(err, buffer.ErrTooLarge):
		code = wire.CodeTooLarge
	}
	return &endError{code, err.Error()}
}

// leave removes a session and says which of its actions are not durable.
func (s *session) leave(cause error) wire.Bye {
	r := s.lock()
	way := s.arrival
	bye := r.leave(s, cause)
	r.mu.Unlock()
	if way != nil {
		way.abandon()
	}
	return bye
}

func (r *region) leave(s *session, cause error) wire.Bye {
	bye := wire.Bye{Reason: codeOf(cause), Text: textOf(cause)}
	bye.First, bye.Last = r.remove(s)
	if bye.Reason == wire.CodeLost && s.lost > 0 {
		bye.First, bye.Last = s.lost, s.mark
		r.edge.stats.lost.Add(bye.Last - bye.First + 1)
	}
	r.edge.stats.ends.Add(bye.Reason)
	r.mourn(s, bye)
	s.log.Debug("session over", "reason", bye.Reason.String(), "first", bye.First, "last", bye.Last, "error", cause)
	return bye
}

// remove takes a session out of the region, once; a newer session of the same
// player stays.
func (r *region) remove(s *session) (first, last uint64) {
	if s.over {
		return s.first, s.last
	}
	s.over = true
	r.forget(s)
	if r.serving != nil {
		r.serving.add(wire.Detach{Epoch: r.machine.Epoch(), Handle: s.handle, Reason: wire.CodeLeft})
	}
	if s.actions != nil {
		_, s.first, s.last = r.buf.Close(s.actions)
	}
	return s.first, s.last
}

// forget gives up a session's place in the region.
func (r *region) forget(s *session) {
	delete(r.handles, s.handle)
	r.waive(s)
	r.sums.add(s, -1)
	if r.players[s.player] == s {
		delete(r.players, s.player)
	}
	if r.serving != nil && !s.attached {
		r.reseat.pending--
		r.reseated(r.machine.Epoch())
	}
}

// atOnce is how many players who wait for nothing are written to in one sweep: a
// packet for each of a thousand players takes a core 100 ms and more, and others wait
// for theirs.
const atOnce = 50

// sweep looks at every player: a log that was refused for its region's sake may
// have room by the acks of others; what was in no hurry leaves; and while no primary
// serves players hear of it (who waits, at once), and a session whose oldest kept action is too old ends.
func (r *region) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	holds := r.serving == nil && now.Sub(r.since) >= holdPatience
	left := atOnce
	for _, s := range r.players {
		switch {
		case holds && !s.held && (left > 0 || s.waits()):
			r.tellHold(s)
			left--
		case s.mentioned && left > 0:
			s.mentioned = false
			s.out.Wake()
			left--
		}
		if s.actions == nil {
			continue
		}
		r.relieve(s)
		if r.serving == nil && s.actions.Expired(now) {
			s.end(&endError{wire.CodeExpired, "no server for too long; keep your actions and come back"})
		}
	}
}
