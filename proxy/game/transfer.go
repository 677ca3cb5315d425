package game

import (
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

var (
	// ErrTransfer says that a player cannot be let go. He is still here.
	ErrTransfer = errors.New("game: cannot transfer a player")
	// ErrArriver says that a player comes from another region, and the World takes in nobody.
	ErrArriver = errors.New("game: a player comes from another region: the World must be an Arriver")
)

// Arriver is a World that takes in players of other regions.
type Arriver interface {
	// Arrive takes in a player whom another World has let go with [Out.Transfer],
	// and what he brings. It is called once for each transfer, in the order of the
	// actions, here and on standbys; like an action, it may be replaced by the
	// outcome that it commits. The player's Join comes after it, his next action
	// then; he may have gone offline on the way, and come later. If he has been here
	// before, this World may still have something of his. baggage is valid until the
	// call returns.
	Arrive(out *Out, player string, baggage []byte)
}

// Transfer lets a player go to another region: the World of that region is given
// baggage in its Arrive, once, whatever dies on the way. Between the two the player
// and what he owns are in neither World, so it is the caller who takes them out of
// this one, if the error is nil. What the player sends from now on goes there; his
// Leave is not called.
//
// For an [Outcomer], delta is an outcome as of [Out.Commit], of the same call: it
// tells that the player has left. Both are kept as one, so that he never is in two
// regions, nor in none. Committed before it may be what else the call has changed,
// but each outcome alone must leave a state to go on from. Any other World must come
// to the same transfer when it is given the same actions; its delta is ignored, and
// in a call without an action it can let nobody go.
//
// In Tick, what else the player has sent in the same tick counts as carried out
// here; see [Out.TransferAfter].
//
// The error is an [ErrTransfer] that says what to do: the region's name makes no
// sense, baggage or delta have more than 64 KiB, the player has been let go already,
// or no call is in progress. Whether there is such a region nobody can tell here:
// a player whose edge does not serve it is out of the game until he finds one that
// does, or the region comes up.
func (o *Out) Transfer(player, region string, baggage, delta []byte) error {
	return o.transfer(player, 0, region, baggage, delta)
}

// TransferAfter lets the player of an action go right after it, as [Out.Transfer]
// does. What else he has sent in the same tick goes along: the World passes it by. So
// it makes no difference how his actions are spread over ticks.
func (o *Out) TransferAfter(a Action, region string, baggage, delta []byte) error {
	return o.transfer(a.Player, a.Seq, region, baggage, delta)
}

func (o *Out) transfer(player string, seq uint64, region string, baggage, delta []byte) error {
	var why string
	switch {
	case !o.open:
		why = "no call is in progress: let him go in Apply, Tick, Arrive, Join or Leave"
	case !wire.ValidName(player):
		why = "that is no player's name"
	case !wire.ValidName(region):
		why = fmt.Sprintf("region %q is not 1 to %d bytes of printable UTF-8", region, wire.MaxName)
	case region == o.name:
		why = "he is in that region already"
	case len(baggage) > wire.MaxOutcome, len(delta) > wire.MaxOutcome:
		why = fmt.Sprintf("baggage of %d and delta of %d bytes, the limit of each is %d", len(baggage), len(delta), wire.MaxOutcome)
	case o.gone[player]:
		why = "he has been let go already"
	case !o.committer && o.from > o.after:
		why = "no action has caused it, so standbys would not know: make the World an Outcomer"
	}
	if why != "" {
		return fmt.Errorf("%w: %q to %q: %s", ErrTransfer, player, region, why)
	}
	o.gone[player] = true
	delete(o.handles, player)
	if !o.muted {
		_ = send(o.to, wire.Transfer{
			ID: o.region, From: o.from, To: o.after, Seq: seq, Player: player, Region: region, Delta: delta, Payload: baggage,
		})
	}
	return nil
}

// arrive takes in a player of another region.
func (r *region) arrive(ev *event) error {
	player, known := r.players[ev.handle]
	switch {
	case !known:
		return r.broken(wire.CodeBadHandle, "arrival of unknown handle %d", ev.handle)
	case ev.number <= r.last:
		return r.broken(wire.CodeProtocol, "arrival %d after %d", ev.number, r.last)
	case r.arriver == nil:
		return fmt.Errorf("%w: region %q, player %q", ErrArriver, r.head.Region, player)
	}
	if err := r.flush(); err != nil {
		return err
	}
	delete(r.out.gone, player)
	r.out.handles[player] = ev.handle
	r.last = ev.number
	r.begin(ev.number, ev.number)
	r.arriver.Arrive(&r.out, player, ev.payload)
	r.applied = ev.number
	return r.end()
}
