package proxy

import (
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// How a player goes from one region to another: his session goes, and so do the
// actions that are kept for him and what he takes along. Only here are the locks of
// two regions held at once, in the order of their names, so that a session is in one
// region at any moment.

// arrival is the way of a player into the region that he is in now, until its primary
// has him.
type arrival struct {
	from    *region
	handle  uint64 // what that region's primary calls him
	hop     uint64
	parcel  []byte // empty: it has been delivered
	suspect bool   // a primary died while it was on its way
}

// lock locks the region that the session is in, and returns it.
func (s *session) lock() *region {
	for {
		r := s.home.Load()
		r.mu.Lock()
		if s.home.Load() == r {
			return r
		}
		r.mu.Unlock()
	}
}

// lockBoth locks two regions, in the order in which everybody does.
func lockBoth(a, b *region) (unlock func()) {
	if b.name < a.name {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() { b.mu.Unlock(); a.mu.Unlock() }
}

// depart takes the word of a primary that it has let a player go.
func (u *uplink) depart(body []byte) error {
	var f wire.Depart
	if err := f.Decode(body); err != nil {
		return err
	}
	r := u.region
	if f.Region == r.name {
		return &wire.Error{Code: wire.CodeProtocol, Detail: "a player departs for where he is"}
	}
	r.mu.Lock()
	var s *session
	if u.fresh(f.Epoch) {
		s = r.handles[f.Handle]
	}
	r.mu.Unlock()
	if s != nil {
		r.edge.move(s, r, f)
	}
	return nil
}

// move takes a session to the region where its player has gone.
func (e *Edge) move(s *session, from *region, f wire.Depart) {
	to := e.regions[f.Region]
	if to == nil {
		from.strand(s, f)
		return
	}
	unlock := lockBoth(from, to)
	way := s.arrival
	moved := from.handles[f.Handle] == s && from.letGo(s, to, f)
	unlock()
	if moved && way != nil { // he has gone on from there, so he had arrived
		way.from.delivered(s.player, way.hop)
	}
}

// strand ends the session of a player whose region is not served here. If he is in
// that region, he can go to another edge as what he is; else only by way of this one.
func (r *region) strand(s *session, f wire.Depart) {
	r.mu.Lock()
	if r.handles[f.Handle] == s {
		r.tellStranded(s, f.Region)
	}
	r.mu.Unlock()
	if len(f.Payload) == 0 {
		s.farewell.Store(&wire.Moved{Region: f.Region})
	}
	s.end(&endError{wire.CodeMoved, fmt.Sprintf("you are on your way to region %q, which this edge does not serve", f.Region)})
}

// letGo hands a session over to another region. The caller holds the locks of both.
func (r *region) letGo(s *session, to *region, f wire.Depart) bool {
	if way := s.arrival; way != nil && f.Hop <= way.hop {
		s.end(&endError{wire.CodeLost, fmt.Sprintf("regions %s and %s send you to each other: one of them has lost what it knew of you", r.name, to.name)})
		return false
	}
	if old := to.players[s.player]; old != nil {
		if !s.mayReplace(old) {
			s.end(&endError{wire.CodeNotYours, "this player is in another session: show its resume token"})
			return false
		}
		to.remove(old)
		old.end(&endError{wire.CodeReplaced, "you came back on another connection"})
	}
	way := &arrival{from: r, handle: s.handle, hop: f.Hop, parcel: slices.Clone(f.Payload)}
	r.forget(s)
	s.arrival, s.timed.seq = way, 0
	if s.actions != nil {
		to.buf.Adopt(s.actions)
	}
	s.number, s.attached, s.log = 0, false, to.log.With("player", s.player)
	s.home.Store(to)
	to.place(s)
	r.edge.stats.moves.Add(1)
	r.sums.departures++
	to.sums.arrivals++
	s.log.Debug("player moves", "from", r.name, "hop", f.Hop, "bytes", len(f.Payload))
	return true
}

// enter is the attach of a player who is on his way here.
func (r *region) enter(s *session, way *arrival) wire.Enter {
	return wire.Enter{
		Epoch: r.machine.Epoch(), Handle: s.handle, Durable: s.mark, Hop: way.hop, Suspect: way.suspect,
		Player: s.player, From: way.from.name, Show: s.show, Next: s.next, Payload: way.parcel,
	}
}

// entered takes the word of a primary that it has a player who has come from another
// region. It is told that region, each time: whoever was to tell it may have died.
func (u *uplink) entered(body []byte) error {
	var f wire.Entered
	if err := f.Decode(body); err != nil {
		return err
	}
	r := u.region
	r.mu.Lock()
	var s *session
	var way *arrival
	if u.fresh(f.Epoch) {
		s = r.handles[f.Handle]
	}
	if s != nil {
		way = s.arrival
		r.arrived(s, f.Epoch)
	}
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	if way != nil {
		way.from.delivered(s.player, way.hop)
	}
	if from := r.edge.regions[f.From]; from != nil && (way == nil || from != way.from) {
		from.delivered(s.player, f.Hop)
	}
	return nil
}

// arrived tells a player who was on his way that he is here.
func (r *region) arrived(s *session, epoch uint64) {
	if s.arrival == nil {
		return
	}
	s.arrival = nil
	r.sums.arriving--
	s.epoch.Store(epoch) // of a mark that is about to be told: that is no news of the old region's
	s.add(wire.Moved{Epoch: epoch, Protected: r.protected, Region: r.name})
	if s.actions != nil {
		s.add(r.level.mode)
	}
}

// delivered tells the primary of the region that a player has left that he is in
// another one: now, or when there is a primary. What is lost on the way is told
// again with the player's next attach there.
func (r *region) delivered(player string, hop uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.serving != nil:
		r.serving.add(wire.Departed{Epoch: r.machine.Epoch(), Hop: hop, Player: player})
	case len(r.gone) < r.edge.cfg.Players:
		r.gone[player] = hop
	}
}

// tellGone tells a new primary of those who have arrived elsewhere meanwhile. The
// caller holds r.mu.
func (r *region) tellGone() {
	for player, hop := range r.gone {
		r.serving.add(wire.Departed{Epoch: r.machine.Epoch(), Hop: hop, Player: player})
	}
	clear(r.gone)
}

// abandon tells the region that a player has left that he has gone offline before he
// was in the other one.
func (way *arrival) abandon() {
	r := way.from
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.serving != nil {
		r.serving.add(wire.Detach{Epoch: r.machine.Epoch(), Handle: way.handle, Reason: wire.CodeLeft})
	}
}
