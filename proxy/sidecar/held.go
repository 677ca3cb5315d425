package sidecar

import (
	"slices"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// maxHeld bounds the updates of a region that wait to become durable. Beyond it
// the game is not read: it waits in its Send, as its players wait for it.
const maxHeld = 8 << 20

// maxBacklog bounds what waits for one player to attach again, and maxJoining for
// one whose attachment is about to be durable: as much as his edge keeps for him.
const (
	maxBacklog = 64 << 10
	maxJoining = 256 << 10
)

// held is the queue of output commit: reliable updates leave for their players
// in order, each when what it depends on is durable. The zero value is empty. It
// is guarded by region.mu.
type held struct {
	queue    []heldUpdate
	first    int // of the queue that is still held
	resolved int // before it, the dependencies are final
	memory   []byte
	start    int // of memory that is still needed

	floor       uint64 // all of them need this index: that of the epoch's seal
	added, left uint64 // updates so far
}

type heldUpdate struct {
	needs uint64 // log index that must be durable
	row   *row   // nil: everybody
	size  int
}

func (h *held) empty() bool { return h.first == len(h.queue) }

func (h *held) bytes() int { return len(h.memory) - h.start }

// add queues an update. The payload is copied.
func (h *held) add(needs uint64, row *row, payload []byte) {
	h.added++
	h.memory = append(h.memory, payload...)
	h.queue = append(h.queue, heldUpdate{needs, row, len(payload)})
}

// resolve makes the dependencies of updates of actions up to done final: what
// the game has committed for these actions is in the log up to outcome.
func (h *held) resolve(done, outcome uint64) {
	for h.resolved < len(h.queue) && h.queue[h.resolved].needs <= done {
		h.queue[h.resolved].needs = max(h.queue[h.resolved].needs, outcome)
		h.resolved++
	}
}

// next takes out the first update if it depends on nothing above commit. The
// payload is valid until the next call of add.
func (h *held) next(commit uint64, unresolved bool) (row *row, payload []byte, ok bool) {
	if h.first == len(h.queue) || max(h.floor, h.queue[h.first].needs) > commit || !unresolved && h.first >= h.resolved {
		return nil, nil, false
	}
	u := h.queue[h.first]
	payload = h.memory[h.start : h.start+u.size]
	h.first++
	h.left++
	h.start += u.size
	h.resolved = max(h.resolved, h.first)
	h.compact()
	return u.row, payload, true
}

// compact gives back the memory of what has left: at once when nothing is held,
// else when it is more than what is.
func (h *held) compact() {
	switch {
	case h.empty():
		// The payload that next returns lies in memory still; add may overwrite it.
		h.queue, h.first, h.resolved = h.queue[:0], 0, 0
		h.memory, h.start = h.memory[:0], 0
		if cap(h.memory) > 256<<10 {
			h.memory = nil
		}
	case h.first > 1024 && h.first > len(h.queue)/2:
		h.queue = slices.Delete(h.queue, 0, h.first)
		h.resolved -= h.first
		h.first = 0
		h.memory = append([]byte(nil), h.memory[h.start:]...)
		h.start = 0
	}
}

// emit passes an update of the game on. Called by the one goroutine that reads
// the game; it waits while too much is held.
func (r *region) emit(e wire.Emit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.held.bytes() > maxHeld && r.leading && r.game().ctx.Err() == nil {
		r.waitForRoom()
	}
	if !r.leading || !r.promoted || !r.hosted || r.isMuted() {
		return
	}
	var to *row
	if e.Handle != 0 {
		if to = r.table.get(e.Handle); to == nil {
			return
		}
	}
	switch {
	case !e.Reliable:
		if r.serving && r.maySpeak() {
			r.send(to, e.Payload, false)
		}
	case r.held.empty() && r.serving && !r.holds() && r.maySpeak():
		r.send(to, e.Payload, true)
	default:
		r.stats.held.Add(1)
		r.held.floor = r.sealed
		r.held.add(e.After, to, e.Payload)
		switch {
		case !r.outcomes:
			r.held.resolve(^uint64(0), 0)
		case e.After <= r.feed.done: // of a call without actions: what it has committed is here
			r.held.resolve(r.feed.done, r.lastOutcome)
		}
		r.release()
	}
}

// holds tells whether output commit is in force: where durability comes from the
// edges' snapshots alone it is off, and the players know.
func (r *region) holds() bool { return r.life.sc.cfg.OutputCommit != OutputNone && !r.cold }

// resolve makes final what updates depend on: what the game said before it was done
// with an action, and what it says with nothing left to do. It commits first, and
// tells then. The caller holds r.mu.
func (r *region) resolve() {
	if r.outcomes {
		r.held.resolve(r.feed.quiet(), r.lastOutcome)
	} else {
		r.held.resolve(^uint64(0), 0)
	}
}

// release sends the updates whose time has come. The caller holds r.mu.
func (r *region) release() {
	if !r.serving || !r.maySpeak() {
		return
	}
	r.resolve()
	commit := r.commit
	if !r.holds() {
		commit = ^uint64(0)
	}
	for {
		row, payload, ok := r.held.next(commit, !r.holds())
		if !ok {
			break
		}
		r.send(row, payload, true)
	}
	r.tellDeparts()
	r.room.Wake()
}

// waitForRoom gives the lock up until something was released.
func (r *region) waitForRoom() {
	game := r.game()
	game.ours.Store(true) // the game's silence is our doing
	r.mu.Unlock()
	select {
	case <-r.room:
	case <-game.ctx.Done():
	}
	game.ours.Store(false)
	r.mu.Lock()
}

// send passes an update to a player's edge, or to all edges.
func (r *region) send(to *row, payload []byte, reliable bool) {
	out := wire.Output{Epoch: r.epoch, Reliable: reliable, Payload: payload}
	switch {
	case to == nil:
		for s := range r.streams {
			if s.role == wire.RoleEdge {
				s.send(out)
			}
		}
	case to.stream != nil && (!reliable || !to.joining):
		out.Handle = to.handle
		to.stream.send(out)
	case reliable && r.waits(to, to.waiting+len(payload)):
		to.backlog = append(to.backlog, slices.Clone(payload))
		to.waiting += len(payload)
	}
}

// waits tells whether so many bytes may wait for a player.
func (r *region) waits(to *row, size int) bool {
	if to.joining {
		return size <= maxJoining
	}
	return size <= maxBacklog && r.reattach.After(r.now())
}

// catchUp sends what has waited for a player to attach.
func (r *region) catchUp(to *row) {
	for _, payload := range to.backlog {
		r.send(to, payload, true)
	}
	to.backlog, to.waiting = nil, 0
	r.tellRefused(to)
}
