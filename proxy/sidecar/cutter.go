package sidecar

import (
	"context"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// patience is how long edges may take to confirm a snapshot before the next one
// is asked for all the same, and before an edge that never confirms is cut off.
const patience = 2 * time.Second

// cutter asks the game for snapshots and sees them confirmed by the edges: one
// at a time, so that a slow edge slows snapshots down instead of piling them up.
type cutter struct {
	region *region
	wake   pump.Waker     // something is new in the region
	begin  chan struct{}  // closed when the region serves
	done   chan cutResult // from the goroutine that reads the game
	safe   chan struct{}  // one slot: a cut has been confirmed by all edges

	// Guarded by region.mu.
	open   []openCut // cuts that not every edge has confirmed, oldest first
	newest *link.Sealed
}

type cutResult struct {
	head  wire.CutDone
	state []byte
}

// openCut is what becomes durable with a cut.
type openCut struct {
	index uint64
	marks []mark
}

func newCutter(r *region) *cutter {
	return &cutter{
		region: r, wake: pump.NewWaker(), begin: make(chan struct{}),
		done: make(chan cutResult, 1), safe: make(chan struct{}, 1),
	}
}

func (c *cutter) start() { close(c.begin) }

// run waits until the region serves and then cuts whenever there is anything
// new, as often as the pace allows.
func (c *cutter) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.begin:
	}
	pace := c.region.life.sc.cfg.Snapshot
	var last time.Duration
	for n := uint64(1); ; n++ {
		asked := time.Now()
		size, took, err := c.cut(ctx, n)
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
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(asked.Add(pace.Interval(size, busy)))):
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.wake:
		}
	}
}

// cut gets one snapshot from the game and hands it to the edges. It returns its
// size and how long it kept the game busy.
func (c *cutter) cut(ctx context.Context, n uint64) (size int, took time.Duration, err error) {
	r := c.region
	out := r.life.game.out
	if err := out.Room(ctx); err != nil {
		return 0, 0, err
	}
	if err := pump.Add(out, wire.Cut{ID: r.id, N: n}); err != nil {
		return 0, 0, &endError{wire.CodeGameHang, err}
	}
	var res cutResult
	for res.head.N != n {
		select {
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		case res = <-c.done:
		}
	}
	return len(res.state), time.Duration(res.head.Micros) * time.Microsecond, c.seal(res)
}

// seal turns a cut into a snapshot: the game's state and the table of what is
// applied at that very index, as one.
func (c *cutter) seal(res cutResult) error {
	r := c.region
	r.mu.Lock()
	marks, ok := r.table.cutAt(res.head.Index)
	if !ok {
		r.mu.Unlock()
		return &endError{wire.CodeGameFault, &wire.Error{
			Code: wire.CodeBadSnapshot, Detail: "the game cut at an index outside the region log",
		}}
	}
	snap := &buffer.Snapshot{Region: r.name, Epoch: r.epoch, Index: res.head.Index, Players: r.table.marks(), State: res.state}
	r.mu.Unlock()

	s := link.Seal(snap.Epoch, snap) // not under the lock: it copies the state
	r.stats.snapshots.Add(1)
	r.stats.snapshotBytes.Add(s.Head.Size)

	r.mu.Lock()
	defer r.mu.Unlock()
	c.open = append(c.open, openCut{res.head.Index, marks})
	if r.table.index > res.head.Index {
		c.wake.Wake() // a cut may trail the log: the game had not applied the rest yet
	}
	c.newest = s
	for st := range r.streams {
		if st.role == wire.RoleEdge {
			st.snaps.offer(s)
		}
	}
	return nil
}

// covered returns the marks of all cuts up to index and forgets those cuts.
// The caller holds region.mu.
func (c *cutter) covered(index uint64) []mark {
	n := 0
	for n < len(c.open) && c.open[n].index <= index {
		n++
	}
	if n == 0 {
		return nil
	}
	var marks []mark
	for _, cut := range c.open[:n] {
		marks = append(marks, cut.marks...)
	}
	c.open = append(c.open[:0], c.open[n:]...)
	if len(c.open) == 0 {
		select {
		case c.safe <- struct{}{}:
		default:
		}
	}
	return marks
}

// confirmed waits until all cuts are confirmed. Edges that do not confirm in
// time are cut off: they hold up durability for everybody.
func (c *cutter) confirmed(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for c.unconfirmed() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.safe:
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
	return len(c.open) > 0 && c.region.edges() > 0
}

func (c *cutter) dropSlow() {
	r := c.region
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(c.open) == 0 {
		return
	}
	for s := range r.streams {
		if s.role == wire.RoleEdge && (!s.holds || s.confirmed < c.open[0].index) {
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
	case r.cuts.done <- cutResult{head, state}:
	case <-r.life.ctx.Done():
	}
}
