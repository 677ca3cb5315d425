package proxy

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What a region does with what its sidecars send: updates, gaps, refusals,
// snapshots, and the beginning and end of a stream.

// output passes an update on: to one player, or to all that are seated.
func (r *region) output(f wire.Output) {
	r.scratch = wire.Update{Epoch: f.Epoch, Payload: f.Payload}.Append(r.scratch[:0])
	if f.Handle != 0 {
		if s := r.handles[f.Handle]; s != nil {
			r.update(s, f.Reliable, r.scratch)
			r.stirred.add(s)
		}
		return
	}
	if r.isCrowd(f.Reliable) {
		r.edge.crier.add(r)
		return
	}
	for _, s := range r.players {
		r.update(s, f.Reliable, r.scratch)
	}
	r.stirred.all = true
}

// stirred are the players for whom something has come from the primary. Their writers
// are woken when all is taken in that has come with it, so that what belongs together,
// an update and the ack of the action that it answers, leaves in one packet.
type stirred struct {
	some []*session
	all  bool // of the region
}

func (n *stirred) add(s *session) {
	if last := len(n.some) - 1; !n.all && (last < 0 || n.some[last] != s) {
		n.some = append(n.some, s)
	}
}

// wakePlayers lets the writers of those look who are stirred.
func (r *region) wakePlayers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stirred.all {
		for _, s := range r.players {
			s.out.Wake()
		}
	}
	for _, s := range r.stirred.some { // some may have left the region since
		s.out.Wake()
	}
	clear(r.stirred.some)
	r.stirred = stirred{some: r.stirred.some[:0]}
}

// update passes an encoded update on to one player. What may be lost may be left out,
// whether it goes as a datagram or is too long for one.
func (r *region) update(s *session, reliable bool, encoded []byte) {
	if s.actions != nil && s.arrival == nil && (reliable || !r.thins(s)) {
		s.update(reliable, encoded)
	}
}

func (s *session) update(reliable bool, encoded []byte) {
	if reliable || len(encoded) > wire.MaxDatagram {
		s.put(encoded)
	} else {
		s.datagram(encoded)
	}
}

// guard tells the players whether what is durable survives any one process.
func (r *region) guard(f wire.Guard) {
	if r.protected == f.Protected {
		return
	}
	r.protected = f.Protected
	r.tell(Event{Kind: EventProtection, Server: r.last.incarnation, Epoch: f.Epoch, Protected: f.Protected})
	r.scratch = wire.Protection(f).Append(r.scratch[:0])
	for _, s := range r.players {
		if s.actions != nil && s.arrival == nil {
			s.mention(r.scratch)
		}
	}
}

// mention queues an encoded frame that can wait: it leaves with the next one, or when
// the sweep comes to this player. Told at once to a thousand players, it would hold up
// what they wait for.
func (s *session) mention(encoded []byte) {
	s.put(encoded)
	s.mentioned = true
}

// gap: the primary lacks actions; go back to what it has.
func (r *region) gap(f wire.Gap) error {
	s := r.handles[f.Handle]
	if s == nil || s.actions == nil {
		return nil
	}
	s.timed.seq = 0 // it may be sent again
	if s.actions.Rewind(f.Have) == nil {
		r.serving.wake.Wake()
	} else {
		s.lose(f.Have + 1)
		s.end(&endError{wire.CodeLost, "the region lacks actions that were durable"})
	}
	return nil
}

// reject: the primary refuses a player, or one action.
func (r *region) reject(f wire.Reject) {
	s := r.handles[f.Handle]
	if s == nil {
		return
	}
	if f.Reason == wire.CodeLost {
		s.lose(f.Seq)
	} else if f.Seq != 0 {
		refused := wire.Refused{Epoch: f.Epoch, Seq: f.Seq, Reason: f.Reason, Text: f.Text}
		if s.actions == nil {
			s.refused = append(s.refused, refused) // what comes before the welcome
			return
		}
		s.add(refused)
		return
	}
	code := f.Reason
	if code == wire.CodeStaleAttach {
		code = wire.CodeReplaced
	}
	s.end(&endError{code, f.Text})
}

// fetch sends a snapshot to a primary that asked for it.
func (u *uplink) fetch(f wire.Fetch) error {
	snap := u.region.buf.Snapshot(f.SnapEpoch, f.SnapIndex)
	if snap == nil {
		return &wire.Error{Code: wire.CodeBadSnapshot, Detail: "a snapshot was asked for that is not kept here"}
	}
	go func() {
		began := time.Now()
		err := u.conn.Send(u.conn.Context(), link.Seal(f.Epoch, snap))
		if err != nil {
			u.region.log.Warn("could not send the snapshot", "primary", u.incarnation, "error", err)
		}
		u.region.sentSnapshot(u, snap, began, err)
	}()
	return nil
}

// takeSnapshot takes a snapshot that came on a link. It travels on a stream of
// its own and may overtake the Serving of its epoch; then it waits for it.
func (r *region) takeSnapshot(conn *link.Conn, epoch uint64, snap *buffer.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.uplinks {
		switch {
		case u.conn != conn:
		case snap.Epoch != epoch || epoch < r.machine.Promised():
			r.edge.stats.stale.Add(1)
		case r.serving == u && r.machine.Epoch() == epoch:
			r.keepSnapshot(u, snap)
		default:
			u.early = snap
		}
	}
}

// keepSnapshot keeps and confirms a snapshot of the primary. One that is not
// kept, being above the limit, is not confirmed: what it covers is not safe here.
func (r *region) keepSnapshot(u *uplink, snap *buffer.Snapshot) {
	if r.buf.Keep(snap) {
		r.edge.stats.snapshots.Add(1)
	}
	if kept := r.buf.Newest(); kept == nil || snap.Newer(kept) {
		r.edge.stats.refuse(wire.CodeTooLarge)
		r.log.Error("snapshot above the limit: nothing becomes durable; raise limits.snapshot_bytes",
			"bytes", snap.Size(), "limit", r.edge.cfg.Limits.SnapshotBytes)
		return
	}
	u.add(wire.Confirm{Epoch: snap.Epoch, Index: snap.Outcome})
}

// opened registers an uplink; closed forgets it and tells the machine why.
func (r *region) opened(u *uplink) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uplinks[u.incarnation] = u
	r.stepLocked(failover.LinkUp{Incarnation: u.incarnation})
}

func (r *region) closed(u *uplink, why wire.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uplinks[u.incarnation] != u {
		return
	}
	delete(r.uplinks, u.incarnation)
	r.stepLocked(failover.LinkDown{Incarnation: u.incarnation, Reason: failover.Reason(why.String())})
	r.learn(u.incarnation, failover.Reason(why.String()))
}
