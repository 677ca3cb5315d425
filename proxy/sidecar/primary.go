package sidecar

import (
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
	case epoch > r.epoch:
		r.tryPost(failover.EpochHeard{Epoch: epoch})
	case epoch < r.epoch:
		s.add(wire.Stale{Epoch: r.epoch})
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
		if f.Seq <= row.durable {
			s.acked(wire.Acked{Epoch: r.epoch, Handle: f.Handle, Seq: row.durable})
		}
	case f.Seq > row.have+1:
		r.stats.gaps.Add(1)
		s.add(wire.Gap{Epoch: r.epoch, Handle: f.Handle, Have: row.have})
	default:
		index := r.table.append(row)
		r.stats.actions.Add(1)
		do := wire.Do{ID: r.id, Index: index, Handle: row.id, Seq: f.Seq, Payload: f.Payload}
		if err := pump.Add(r.life.game.out, do); err != nil {
			return err
		}
		r.cuts.wake.Wake() // after the action: the cut that it brings about must not overtake it
	}
	return nil
}

// attach binds a player to the stream. The newest attach number wins; the edge
// of an older one is told that the player is elsewhere.
func (r *region) attach(s *stream, f wire.Attach) error {
	if f.Handle == 0 {
		return &wire.Error{Code: wire.CodeBadHandle, Detail: "attach with handle 0"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(s, f.Epoch) {
		return nil
	}
	if other := s.rows[f.Handle]; other != nil && other.player != f.Player {
		return &wire.Error{Code: wire.CodeBadHandle, Detail: "a handle is used for two players"}
	}
	row := r.table.find(f.Player)
	switch {
	case f.Durable > row.have:
		// Never go on without what was promised: say so instead.
		r.stats.refuse(wire.CodeLost)
		s.add(wire.Reject{Epoch: r.epoch, Handle: f.Handle, Reason: wire.CodeLost, Text: "durable actions are missing here"})
		return nil
	case f.Number != 0 && f.Number < row.attach:
		r.stats.refuse(wire.CodeStaleAttach)
		s.add(wire.Reject{Epoch: r.epoch, Handle: f.Handle, Reason: wire.CodeStaleAttach})
		return nil
	case f.Number == 0:
		row.attach++
	default:
		row.attach = f.Number
	}
	r.evict(row, s, f.Handle)
	row.stream, row.handle = s, f.Handle
	s.rows[f.Handle] = row
	r.cuts.wake.Wake() // the attach number belongs into the next snapshot
	s.add(wire.Attached{Epoch: r.epoch, Handle: f.Handle, Number: row.attach, Have: row.have, Durable: row.durable})
	return pump.Add(r.life.game.out, wire.Join{ID: r.id, Handle: row.id, Applied: row.have, Player: row.player})
}

// evict ends an older attachment of the row.
func (r *region) evict(row *row, s *stream, handle uint64) {
	old := row.stream
	if old == nil || (old == s && row.handle == handle) {
		return
	}
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
	if pump.Add(r.life.game.out, wire.Leave{ID: r.id, Handle: row.id, Reason: why}) != nil {
		r.life.end(&endError{code: wire.CodeGameHang}) // it does not read its socket
	}
}

// confirm notes that an edge keeps a snapshot of ours.
func (r *region) confirm(s *stream, f wire.Confirm) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.fresh(s, f.Epoch) {
		return
	}
	s.holds, s.confirmed = true, max(s.confirmed, f.Index)
	r.settle()
}

// settle makes durable what every edge keeps, and tells the players' edges. An
// edge that has confirmed nothing yet counts: it may be the one that survives.
// The caller holds r.mu.
func (r *region) settle() {
	covered, edges := ^uint64(0), 0
	for s := range r.streams {
		if s.role != wire.RoleEdge {
			continue
		}
		edges++
		if !s.holds {
			return
		}
		covered = min(covered, s.confirmed)
	}
	if edges == 0 || !r.serving {
		return
	}
	for _, m := range r.cuts.covered(covered) {
		row := m.row
		row.durable = max(row.durable, m.seq)
		r.stats.durable.Add(1)
		if row.stream != nil {
			row.stream.acked(wire.Acked{Epoch: r.epoch, Handle: row.handle, Seq: row.durable})
		}
	}
}
