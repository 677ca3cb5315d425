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

func newCutter(r *region) *cutter {
	return &cutter{
		region: r, wake: pump.NewWaker(), begin: pump.NewWaker(),
		done: make(chan cutResult, 1), safe: pump.NewWaker(),
	}
}

// forget begins an epoch: what edges confirmed in another one does not count. The
// caller holds region.mu.
func (c *cutter) forget() {
	c.open, c.covers, c.newest, c.fresh = nil, cut{}, nil, nil
	for s := range c.region.streams {
		s.holds, s.confirmed = false, 0
	}
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
		case <-c.begin: // the game has got the region anew since, and does not answer
			c.begin.Wake()
			return 0, 0, errNoGame
		case res = <-c.done:
		}
	}
	return len(res.state), time.Duration(res.head.Micros) * time.Microsecond, c.seal(res)
}
