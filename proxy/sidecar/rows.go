package sidecar

import (
	"slices"
	"strings"

	"github.com/reseat-proxy/reseat/buffer"
)

// row is what a region knows of a player. It outlives the player's sessions: it
// is part of the region's replicated state and of every snapshot.
type row struct {
	id      uint64 // the player's handle towards the game
	player  string
	attach  uint64 // the highest attach number
	have    uint64 // the last seq in the region log
	cut     uint64 // the last seq in the newest cut
	durable uint64

	stream *stream // where the player is attached; nil: nowhere
	handle uint64  // the player's handle on that stream
}

// table holds the rows of a region and the part of its log that no cut covers.
type table struct {
	byName map[string]*row
	byID   []*row // id 1 is byID[0]
	sorted []*row // by player, as snapshots list them
	index  uint64 // of the last action in the region log
	base   uint64 // index that the newest cut covers
	log    []entry
}

// entry is one action of the region log. Payloads are kept by the edges until a
// snapshot covers them; the log needs to know only what a cut at any index holds.
type entry struct {
	row *row
	seq uint64
}

// mark says that a cut holds a player's actions up to seq.
type mark struct {
	row *row
	seq uint64
}

func newTable() *table { return &table{byName: map[string]*row{}} }

// find returns the player's row, a new one if there is none.
func (t *table) find(player string) *row {
	if r := t.byName[player]; r != nil {
		return r
	}
	r := &row{player: player, id: uint64(len(t.byID) + 1)}
	t.byName[player] = r
	t.byID = append(t.byID, r)
	at, _ := slices.BinarySearchFunc(t.sorted, player, func(r *row, p string) int { return strings.Compare(r.player, p) })
	t.sorted = slices.Insert(t.sorted, at, r)
	return r
}

// get returns the row of a game handle, or nil.
func (t *table) get(id uint64) *row {
	if id == 0 || id > uint64(len(t.byID)) {
		return nil
	}
	return t.byID[id-1]
}

// append adds the row's next action and returns its index.
func (t *table) append(r *row) uint64 {
	r.have++
	t.index++
	t.log = append(t.log, entry{r, r.have})
	return t.index
}

// cutAt moves the newest cut to index and returns what that makes covered: one
// mark for each player who has actions between the two cuts. It is false when
// index is not between the last cut and the end of the log.
func (t *table) cutAt(index uint64) ([]mark, bool) {
	if index < t.base || index > t.index {
		return nil, false
	}
	n := int(index - t.base)
	changed := make([]mark, 0, min(n, len(t.byID)))
	for _, e := range t.log[:n] {
		e.row.cut = e.seq
	}
	// Entries of one player rise, so the last one is the player's mark.
	for _, e := range t.log[:n] {
		if e.row.cut == e.seq {
			changed = append(changed, mark(e))
		}
	}
	t.log = append(t.log[:0], t.log[n:]...)
	t.base = index
	return changed, true
}

// marks lists every player for a snapshot of the newest cut.
func (t *table) marks() []buffer.PlayerMark {
	out := make([]buffer.PlayerMark, len(t.sorted))
	for i, r := range t.sorted {
		out[i] = buffer.PlayerMark{Player: r.player, Attach: r.attach, Applied: r.cut}
	}
	return out
}

// install replaces everything by what a snapshot says. What it covers is
// durable: the edge that keeps it said so.
func (t *table) install(s *buffer.Snapshot) {
	*t = *newTable()
	t.index, t.base = s.Index, s.Index
	for _, m := range s.Players {
		r := t.find(m.Player)
		r.attach, r.have, r.cut, r.durable = m.Attach, m.Applied, m.Applied, m.Applied
	}
}
