package sidecar

import (
	"slices"

	"github.com/reseat-proxy/reseat/buffer"
)

// stay is where a player is, as far as a region knows, and how far he has come
// there. A player who has left keeps his row: whoever comes for him is sent on.
type stay struct {
	have   uint64 // the last seq that is used up
	hop    uint64 // his transfers so far
	from   string // the region that he came from on the last one; empty: from none
	to     string // the region that he has left for; empty: he is here
	parcel []byte // what he takes there; nil: it is there
}

func stayOf(m *buffer.PlayerMark) stay {
	return stay{have: m.Applied, hop: m.Hop, from: m.From, to: m.To, parcel: m.Parcel}
}

// away tells whether the player has left for another region.
func (s *stay) away() bool { return s.to != "" }

// use takes in that a seq is used up here.
func (s *stay) use(seq uint64) {
	if !s.away() {
		s.have = max(s.have, seq)
	}
}

// depart takes in that the player has left. It may be known already.
func (s *stay) depart(d buffer.Departure, p buffer.Parcel) {
	if p.Hop > s.hop {
		*s = stay{have: p.Have, hop: p.Hop, from: s.from, to: d.Region, parcel: slices.Clone(d.Parcel)}
	}
}

// arrive takes in that the player has come. It may be known already, and that he
// has left again.
func (s *stay) arrive(have uint64, a buffer.Arrival) {
	if a.Hop > s.hop {
		*s = stay{have: have, hop: a.Hop, from: a.From}
	}
}

// deliver takes in that what the player has taken along is where he is.
func (s *stay) deliver(hop uint64) {
	if s.hop == hop && s.away() {
		s.parcel = nil
	}
}

func (t *table) applyDepart(rec *buffer.Record) bool {
	r := t.get(rec.ID)
	d, ok := buffer.ParseDeparture(rec.Payload)
	p, _ := buffer.ParseParcel(d.Parcel)
	switch {
	case r == nil || !ok:
		return false
	case p.Hop <= r.hop:
		return true // it is in the snapshot that we began with
	case r.away() || p.Hop != r.hop+1 || p.Last != r.have:
		return false
	}
	r.depart(d, p)
	return true
}

func (t *table) applyArrive(rec *buffer.Record) bool {
	a, ok := buffer.ParseArrival(rec.Payload)
	if !ok {
		return false
	}
	r := t.meet(rec.ID, a.Player)
	if r == nil || a.Hop <= r.hop {
		return false
	}
	r.arrive(rec.Seq, a)
	r.attach = max(r.attach, a.Number)
	r.token, r.next = a.Token, a.Next
	return true
}

func (t *table) applyDelivered(rec *buffer.Record) bool {
	r := t.get(rec.ID)
	if r == nil {
		return false
	}
	r.deliver(rec.Number)
	return true
}

// pass moves a row's cut over a record.
func (t *table) pass(rec *buffer.Record) {
	r := t.get(rec.ID)
	if r == nil {
		return
	}
	switch rec.Kind {
	case buffer.KindAction:
		r.cut.use(rec.Seq)
	case buffer.KindQuarantine:
		if rec.Number == 0 {
			r.cut.use(rec.Seq)
		}
	case buffer.KindDepart:
		d, _ := buffer.ParseDeparture(rec.Payload)
		p, _ := buffer.ParseParcel(d.Parcel)
		r.cut.depart(d, p)
	case buffer.KindArrive:
		a, _ := buffer.ParseArrival(rec.Payload)
		r.cut.arrive(rec.Seq, a)
	case buffer.KindDelivered:
		r.cut.deliver(rec.Number)
	case buffer.KindSeal, buffer.KindOutcome, buffer.KindAttach, buffer.KindMark:
	}
}

// recut makes the rows' cuts those of a snapshot.
func (t *table) recut(players []buffer.PlayerMark) {
	for _, r := range t.sorted {
		r.cut = stay{}
	}
	for i := range players {
		if r := t.named(players[i].Player); r != nil {
			r.cut = stayOf(&players[i])
		}
	}
}
