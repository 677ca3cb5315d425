package sidecar

import (
	"context"
	"errors"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// patience is how long edges may take to confirm a snapshot before the next one
	// is asked for all the same, and, where durability rests on the edges, before an
	// edge that never confirms is cut off.
	patience = 2 * time.Second
	// maxLog is how many bytes of records may gather before a snapshot is asked for
	// to trim them.
	maxLog = 16 << 20
)

// cutter asks the game for snapshots and sees them confirmed by the edges: one
// at a time, so that a slow edge slows snapshots down instead of piling them up.
//
// Where backups hold the log, snapshots are the last resort and the newcomer's
// start, and come at the longest interval of the pace. Where they do not,
// durability rests on snapshots, and they come as fast as the pace allows.
type cutter struct {
	region *region
	wake   pump.Waker // something is new in the region
	begin  pump.Waker // the region serves
	sealer link.Sealer
	n      uint64         // of the last cut that was asked for
	done   chan cutResult // from the goroutine that reads the game
	safe   pump.Waker     // a cut has been confirmed by all edges

	// Guarded by region.mu.
	open   []cut // cuts that not every edge has confirmed, oldest first
	covers cut   // the newest one that every edge has
	newest *link.Sealed
	fresh  *buffer.Snapshot // of the newest cut, until it is durable and kept
	wanted bool             // somebody waits for the next one: cut at once
	clean  bool             // no outcome of the last epoch's tail was to come when the game was asked last
	taken  taken            // what the newest head said
}

type cutResult struct {
	head  wire.CutDone
	state []byte
}

// taken is what the log and the table were when a cut's head came. The game has
// said by then all that is in the cut, and nothing that is not; later is too late
// to ask, for it plays on while its state is on the way.
type taken struct {
	n       uint64
	epoch   uint64
	at      cut
	chain   uint64
	players []buffer.PlayerMark
	of      uint64 // epoch of the record at its place
	whole   bool   // no outcome of the last epoch's tail was still to come
}

// cut is a snapshot: all actions up to index are in it, none after; and what all
// other records up to end say.
type cut struct{ index, end uint64 }

func newCutter(r *region) *cutter {
	return &cutter{
		region: r, wake: pump.NewWaker(), begin: pump.NewWaker(),
		done: make(chan cutResult, 1), safe: pump.NewWaker(),
	}
}

// start begins an epoch: what edges confirmed in another one does not count.
func (c *cutter) start() {
	c.region.mu.Lock()
	c.open, c.covers, c.newest, c.fresh = nil, cut{}, nil, nil
	c.region.mu.Unlock()
	c.begin.Wake()
}

// errNoGame ends an epoch's cuts: the region does not serve any more.
var errNoGame = errors.New("no game to cut")

// run cuts in one epoch after the other.
func (c *cutter) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.begin:
		}
		if err := c.epoch(ctx); !errors.Is(err, errNoGame) {
			return err
		}
	}
}

// epoch cuts whenever there is anything new while the region serves, as often as
// the pace allows.
func (c *cutter) epoch(ctx context.Context) error {
	var last time.Duration
	for {
		asked := time.Now()
		size, took, err := c.take(ctx)
		if err != nil {
			return err
		}
		// The game's clock ran on while the game did not: of two cuts the shorter
		// one says how long it takes.
		busy := min(took, last)
		last = took
		if err := c.confirmed(ctx); err != nil {
			return err
		}
		if err := c.pause(ctx, asked, size, busy); err != nil {
			return err
		}
	}
}

// pause waits until it is time for the next cut, and there is anything new.
func (c *cutter) pause(ctx context.Context, asked time.Time, size int, busy time.Duration) error {
	for {
		wait := c.interval(size, busy) - time.Since(asked)
		if wait <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		case <-c.wake: // perhaps it is urgent now
			c.wake.Wake()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(min(wait, c.region.life.sc.cfg.Snapshot.Min)):
			}
		}
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.wake:
	case <-c.begin:
	}
	return nil
}

// interval is the time between two cuts: as the pace has it, or its longest
// where nothing waits for a snapshot.
func (c *cutter) interval(size int, busy time.Duration) time.Duration {
	r := c.region
	r.mu.Lock()
	defer r.mu.Unlock()
	pace := r.life.sc.cfg.Snapshot
	if c.wanted || r.cold || r.set.WantsCover() || r.records.Bytes() > maxLog {
		return pace.Interval(size, busy)
	}
	return pace.Max
}

// take gets one snapshot from the game and hands it to the edges. It returns its
// size and how long it kept the game busy.
func (c *cutter) take(ctx context.Context) (size int, took time.Duration, err error) {
	r := c.region
	game := r.game()
	if err := game.room(ctx); err != nil {
		return 0, 0, err
	}
	c.n++
	if !r.ask(game, wire.Cut{ID: r.id, N: c.n}) {
		return 0, 0, errNoGame
	}
	var res cutResult
	for res.head.N != c.n {
		select {
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		case <-game.ctx.Done():
			return 0, 0, errNoGame
		case res = <-c.done:
		}
	}
	return len(res.state), time.Duration(res.head.Micros) * time.Microsecond, c.seal(res)
}

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
// actions up to index: the records after it that are no actions take effect on
// the table alone, and are in the snapshot too. It moves the rows' marks there.
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
		if rec.Kind == buffer.KindAction && !r.feed.isQuarantined(index+1) {
			break
		}
		index++
	}
	r.markCut(index)
	return cut{index, end}, true
}

// markCut moves the rows' marks of what a cut holds to an index.
func (r *region) markCut(index uint64) {
	for ; r.cutMarks < index; r.cutMarks++ {
		rec := r.records.At(r.cutMarks + 1)
		if rec.Kind != buffer.KindAction && rec.Kind != buffer.KindQuarantine {
			continue
		}
		if row := r.table.get(rec.ID); row != nil {
			row.cut = max(row.cut, rec.Seq)
		}
	}
}

// confirmedByAll finds the newest cut that every edge keeps. An edge that has
// confirmed nothing yet counts: it may be the one that survives. The caller
// holds region.mu.
func (c *cutter) confirmedByAll() {
	least, edges := ^uint64(0), 0
	for s := range c.region.streams {
		if s.role != wire.RoleEdge {
			continue
		}
		edges++
		if !s.holds {
			return
		}
		least = min(least, s.confirmed)
	}
	if edges == 0 {
		return
	}
	n := 0
	for n < len(c.open) && c.open[n].end <= least {
		c.covers = c.open[n]
		n++
	}
	c.open = append(c.open[:0], c.open[n:]...)
	if len(c.open) == 0 {
		c.safe.Wake()
	}
}

// confirmed waits until all cuts are confirmed. Edges that do not confirm in
// time are cut off if they hold up durability for everybody.
func (c *cutter) confirmed(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for c.unconfirmed() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.safe:
		case <-c.begin:
			c.begin.Wake()
			return nil // another epoch has begun
		case <-timer.C:
			c.dropSlow()
			return nil
		}
	}
	return nil
}

func (c *cutter) unconfirmed() bool {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	return len(c.open) > 0 && c.region.edges() > 0 && (c.region.cold || c.region.set.WantsCover())
}

func (c *cutter) dropSlow() {
	r := c.region
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(c.open) == 0 {
		return
	}
	for s := range r.streams {
		if s.role == wire.RoleEdge && (!s.holds || s.confirmed < c.open[0].end) {
			s.slow()
		}
	}
}

// join gives a new edge the newest snapshot.
func (c *cutter) join(s *stream) {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	if c.newest != nil && c.region.serving {
		s.snaps.offer(c.newest)
	}
	c.wake.Wake()
}

// edges counts the edges that have the region open. The caller holds r.mu.
func (r *region) edges() int {
	n := 0
	for s := range r.streams {
		if s.role == wire.RoleEdge {
			n++
		}
	}
	return n
}

// cutDone is the game's answer to Cut. One cut is open at a time.
func (r *region) cutDone(head wire.CutDone, state []byte) {
	select {
	case <-r.cuts.done: // of a game that is gone; nobody else sends
	default:
	}
	r.cuts.done <- cutResult{head, state}
}
