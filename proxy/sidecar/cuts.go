package sidecar

import (
	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// cut is a snapshot: all actions up to index are in it, none after; and what all
// other records up to end say.
type cut struct{ index, end uint64 }

// ask sends a Cut to the game that has the region as primary.
func (r *region) ask(game *gameLink, f wire.Cut) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.game() != game || !r.hosted || !r.promoted || !r.leading {
		return false
	}
	if err := pump.Add(game.out, f); err != nil {
		r.endOnError(err)
		return false
	}
	r.cuts.clean = len(r.feed.outcomes) == 0
	return true
}

// cutBegun takes the head of the game's answer to Cut.
func (r *region) cutBegun(head wire.CutDone) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.cutAt(head.Index)
	switch {
	case !r.leading:
		return
	case !ok:
		r.endOnError(&endError{wire.CodeGameFault, &wire.Error{
			Code: wire.CodeBadSnapshot, Detail: "the game cut at an index outside the region log",
		}})
		return
	}
	r.cuts.taken = taken{
		n: head.N, epoch: r.epoch, at: at, of: r.records.EpochAt(at.index), chain: r.records.ChainAt(at.index), players: r.table.marks(),
		whole: r.cuts.clean,
	}
}

// seal turns a cut into a snapshot: the game's state and the table of what was
// applied at that very index, as one.
func (c *cutter) seal(res cutResult) error {
	r := c.region
	r.mu.Lock()
	cut := c.taken
	switch {
	case !r.leading || cut.n != res.head.N || cut.epoch != r.epoch:
		r.mu.Unlock()
		return errNoGame
	case !cut.whole:
		r.mu.Unlock()
		c.wake.Wake()
		return nil
	}
	at := cut.at
	snap := &buffer.Snapshot{
		Region: r.name, Epoch: r.epoch, Index: at.index, Outcome: at.end, Of: cut.of, Chain: cut.chain,
		Players: cut.players, State: res.state,
	}
	c.wanted = false
	r.mu.Unlock()

	s := c.sealer.Seal(snap.Epoch, snap) // not under the lock: it copies the state
	r.stats.snapshots.Add(1)
	r.stats.snapshotBytes.Add(s.Head.Size)

	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.leading || r.epoch != snap.Epoch {
		return nil
	}
	c.open = append(c.open, at)
	c.newest, c.fresh = s, snap
	if r.end() > at.index {
		c.wake.Wake() // a cut may trail the log: the game had not applied the rest yet
	}
	for st := range r.streams {
		switch {
		case st.role == wire.RoleEdge, st.replica.matched:
			st.snaps.offer(s)
		case st.role.Backup() && st.replica.has != nil && !st.replica.matched && st.replica.copying == 0:
			r.compare(st)
		}
	}
	r.settle()
	return nil
}

// cutAt finds the place in the log of a cut at which the game had applied all
// actions up to index: the records after it that the game is not given take effect
// on the table alone, and are in the snapshot too. It moves the rows' marks there;
// and further for a player who has left in a call with actions up to there, for the
// state is without him, though the record stands behind actions that it lacks.
func (r *region) cutAt(index uint64) (cut, bool) {
	end := r.end()
	if index == r.feed.done {
		index = max(index, r.base()) // what has been trimmed since holds no action
	}
	if index > end || index < r.base() {
		return cut{}, false
	}
	for index < end {
		rec := r.records.At(index + 1)
		if rec.Kind.Input() && !r.feed.isOmitted(index+1) {
			break
		}
		index++
	}
	r.markCut(index)
	for i := index + 1; i <= end; i++ {
		rec := r.records.At(i)
		if rec.Kind == buffer.KindDepart && rec.Number <= index || rec.Kind == buffer.KindDelivered {
			r.table.pass(rec)
		}
	}
	return cut{index, end}, true
}

// markCut moves the rows' marks of what a cut holds up to an index. They never lie
// behind the place where the game may still cut: a new game begins at a snapshot,
// and the marks with it.
func (r *region) markCut(index uint64) {
	for ; r.cutMarks < index; r.cutMarks++ {
		r.table.pass(r.records.At(r.cutMarks + 1))
	}
}

// cutDone is the game's answer to Cut. One cut is open at a time.
func (r *region) cutDone(head wire.CutDone, state []byte) {
	select {
	case <-r.cuts.done: // of a game that is gone; nobody else sends
	default:
	}
	r.cuts.done <- cutResult{head, state}
}
