package game

import (
	"fmt"
	"log/slog"

	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Out sends updates to players. It is valid during the call it was given to,
// on the goroutine of that call. Payloads are copied before the methods return.
//
// A reliable update arrives once and in order, but not before the action that
// caused it is safe from a crash: no player ever sees what a failover takes
// back. An unreliable one goes out at once, may be lost or overtaken, and may
// show what does not last; positions are its typical use.
//
// A reliable update is lost when this process dies with it: the action is not
// applied again where its effect is known already, so nobody sends the update
// again either. See the package comment on what a player must know.
//
// What cannot be sent is dropped and counted, see Dropped: an update for a
// player who is not there, of more than 64 KiB (1150 bytes if unreliable), or
// outside of a call. On a standby nothing is sent and nothing counted.
type Out struct {
	region    uint64
	name      string // the region's
	to        *outbox
	log       *slog.Logger
	handles   map[string]uint64 // of those to whom something may be sent
	gone      map[string]bool   // those who were let go, until they arrive again
	from      uint64            // the log index of the call's first action; after+1 if it has none
	after     uint64            // the log index that what is sent now depends on
	open      bool              // a call is in progress
	muted     bool              // on a standby
	committer bool              // the World can apply what it commits
	mode      wire.Mode         // of the mesh
	dropped   uint64
	warned    map[string]bool
	err       error // a commit went wrong: the call must be the last one
}

// Send sends a reliable update to one player.
func (o *Out) Send(player string, payload []byte) { o.toPlayer(player, payload, true) }

// SendUnreliable sends an unreliable update to one player.
func (o *Out) SendUnreliable(player string, payload []byte) { o.toPlayer(player, payload, false) }

// Broadcast sends a reliable update to all players of the region.
func (o *Out) Broadcast(payload []byte) { o.emit(everybody, payload, true) }

// BroadcastUnreliable sends an unreliable update to all players of the region.
func (o *Out) BroadcastUnreliable(payload []byte) { o.emit(everybody, payload, false) }

// Commit tells what the actions of this call came to, for the standbys of the
// region and for the process that takes over: they pass delta to ApplyOutcome of
// their World, in place of giving it the actions. It is the whole effect of the
// call, or with several commits in one call all of them in their order.
// Commit first, and send then: an update must not be on its way before the
// outcome that it tells of.
//
// In Apply the outcome stands for that action; in Tick for all actions of that
// tick; in Join, in Leave and in a tick without actions for a change that no
// action has made. A commit is dropped and counted when the World is not an
// [Outcomer], and outside of a call. One of more than 64 KiB ends Run with
// [ErrOutcomeTooLarge]: a part of an outcome would tear the state.
func (o *Out) Commit(delta []byte) {
	switch {
	case o.muted: // the primary's outcome counts
	case !o.committer:
		o.drop("commit of a World that is not an Outcomer")
	case !o.open:
		o.drop("commit outside of a call")
	case len(delta) > wire.MaxOutcome:
		o.drop("commit too large")
		o.err = fmt.Errorf("%w: %d bytes, the limit is %d", ErrOutcomeTooLarge, len(delta), wire.MaxOutcome)
	default:
		_ = send(o.to, wire.Outcome{ID: o.region, From: o.from, To: o.after, Payload: delta})
	}
}

// Dropped is the number of updates and commits of this region that were not sent.
func (o *Out) Dropped() uint64 { return o.dropped }

// everybody is no player's handle.
const everybody = 0

func (o *Out) toPlayer(player string, payload []byte, reliable bool) {
	if o.muted {
		return
	}
	handle, there := o.handles[player]
	if !there {
		o.drop("player is not there")
		return
	}
	o.emit(handle, payload, reliable)
}

func (o *Out) emit(handle uint64, payload []byte, reliable bool) {
	limit := wire.MaxDatagram
	if reliable {
		limit = wire.MaxUpdate
	}
	switch {
	case o.muted:
	case !o.open:
		o.drop("outside of a call")
	case len(payload) > limit:
		o.drop("payload too large")
	default:
		// An error means that Run is about to return: nobody is there to hear.
		_ = send(o.to, wire.Emit{ID: o.region, Handle: handle, After: o.after, Reliable: reliable, Payload: payload})
	}
}

// drop counts every update, but logs each reason once: a game that makes this
// mistake makes it at its full rate.
func (o *Out) drop(why string) {
	o.dropped++
	if !o.warned[why] {
		o.warned[why] = true
		o.log.Warn("game: output dropped", "why", why)
	}
}

// maxOutbox bounds what waits for the sidecar to read: a few milliseconds of a
// unix socket, and enough that a tick's updates to some hundred players leave
// in one write. Who makes more waits in Send.
const maxOutbox = 1 << 20

// outbox is the queue of what goes to the sidecar, shared by all regions.
type outbox struct {
	*pump.Buffer
	room func() error // waits for room in the buffer, or until Run ends
}

// send queues one frame whole, and waits for room if need be.
func send[F pump.Frame](o *outbox, f F) error {
	for {
		if pump.Add(o.Buffer, f) == nil {
			return nil
		}
		if err := o.room(); err != nil {
			return err
		}
	}
}
