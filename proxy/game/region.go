package game

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// region is a World with its goroutine.
type region struct {
	cfg   *Config
	head  wire.Host // as the sidecar announced it
	log   *slog.Logger
	inbox *inbox

	calls  atomic.Uint64 // calls of game code begun and ended: odd while one is in progress
	failed atomic.Bool   // could not be hosted; whatever comes for it is dropped

	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended

	// The goroutine's own:

	out      Out
	world    World
	ticker   Ticker // the World, if it is one
	joiner   Joiner // the World, if it is one
	players  map[uint64]string
	applied  uint64 // log index that the World has got to
	snapshot []byte // memory of the last one

	// Tick style only:

	last     uint64   // log index of the last action gathered
	gathered []Action // for the next tick
	memory   []byte   // their payloads
	leaving  []string // to be told after the next tick
}

func newRegion(cfg *Config, head wire.Host, to *outbox) *region {
	log := cfg.Log.With("region", head.Region)
	handles := map[string]uint64{}
	return &region{
		cfg: cfg, head: head, log: log, inbox: newInbox(), done: make(chan struct{}),
		out:     Out{region: head.ID, to: to, log: log, handles: handles, warned: map[string]bool{}},
		players: map[uint64]string{}, applied: head.Index, last: head.Index,
	}
}

// run hosts the region and works until ctx ends.
func (r *region) run(ctx context.Context, state []byte) error {
	hosted := wire.Hosted{ID: r.head.ID, Epoch: r.head.Epoch, OK: true}
	if err := r.host(state); err != nil {
		r.log.Error("game: cannot host the region", "err", err)
		r.failed.Store(true)
		hosted.OK, hosted.Text = false, err.Error()
	}
	if err := send(r.out.to, hosted); err != nil {
		return err
	}
	var tick <-chan time.Time
	if r.ticker != nil {
		t := time.NewTicker(r.cfg.Tick)
		defer t.Stop()
		tick = t.C
	}
	return r.loop(ctx, tick)
}

func (r *region) loop(ctx context.Context, tick <-chan time.Time) error {
	var work batch
	for {
		wake := r.inbox.wake
		if r.full() {
			wake = nil // a tick must come first
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
			r.tick()
		case <-wake:
			work = r.inbox.take(work)
			if err := r.handle(ctx, work.events); err != nil {
				return err
			}
		}
	}
}

// full bounds what a tick is given, for the reason that bounds an inbox.
func (r *region) full() bool { return len(r.gathered) >= maxEvents || len(r.memory) >= maxBytes }

// host makes the World. A panic is an error here: nothing runs yet that could
// be torn, and the sidecar can let another process try.
func (r *region) host(state []byte) (err error) {
	r.calls.Add(1)
	defer r.calls.Add(1)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	world := r.cfg.New(r.head.Region)
	if world == nil {
		return errors.New("Config.New returned no World")
	}
	if !r.head.New {
		if err := world.Restore(state); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	r.world = world
	r.ticker, _ = world.(Ticker)
	r.joiner, _ = world.(Joiner)
	return nil
}

func (r *region) handle(ctx context.Context, events []event) error {
	if r.failed.Load() {
		return nil
	}
	for i := 0; i < len(events) && ctx.Err() == nil; i++ {
		if err := r.event(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *region) event(ev *event) error {
	switch ev.kind {
	case wire.TypeDo:
		return r.do(ev)
	case wire.TypeJoin:
		return r.join(ev.handle, ev.player)
	case wire.TypeLeave:
		return r.leave(ev.handle)
	default:
		return r.cut(ev.number)
	}
}

// do applies an action, or keeps it for the next tick.
func (r *region) do(ev *event) error {
	player, there := r.players[ev.handle]
	switch {
	case !there:
		return r.broken(wire.CodeBadHandle, "action of unknown handle %d", ev.handle)
	case ev.number <= r.last:
		return r.broken(wire.CodeProtocol, "action %d after %d", ev.number, r.last)
	}
	r.last = ev.number
	action := Action{Player: player, Seq: ev.seq, Payload: ev.payload}
	if r.ticker != nil {
		start := len(r.memory)
		r.memory = append(r.memory, ev.payload...)
		action.Payload = r.memory[start:len(r.memory):len(r.memory)]
		r.gathered = append(r.gathered, action)
		return nil
	}
	r.begin(ev.number)
	r.world.Apply(&r.out, action)
	r.end()
	r.applied = ev.number
	return nil
}

// tick gives the World what was gathered, and then tells who has left.
func (r *region) tick() {
	r.begin(r.last)
	r.ticker.Tick(&r.out, r.gathered)
	r.end()
	r.applied = r.last
	r.gathered, r.memory = r.gathered[:0], r.memory[:0]
	for _, player := range r.leaving {
		r.tellLeave(player)
	}
	r.leaving = r.leaving[:0]
}

func (r *region) join(handle uint64, player string) error {
	if known, there := r.players[handle]; handle == everybody || there && known != player {
		return r.broken(wire.CodeBadHandle, "handle %d for %q is %q", handle, player, known)
	}
	r.players[handle] = player
	r.out.handles[player] = handle
	// Back before the tick that would have told of the leave: there was none.
	r.leaving = slices.DeleteFunc(r.leaving, func(p string) bool { return p == player })
	if r.joiner != nil {
		r.begin(r.applied)
		r.joiner.Join(&r.out, player)
		r.end()
	}
	return nil
}

func (r *region) leave(handle uint64) error {
	player, there := r.players[handle]
	if !there {
		return r.broken(wire.CodeBadHandle, "leave of unknown handle %d", handle)
	}
	delete(r.players, handle)
	if r.out.handles[player] != handle {
		return nil // has come back under another handle
	}
	delete(r.out.handles, player)
	if len(r.gathered) > 0 {
		r.leaving = append(r.leaving, player)
		return nil
	}
	r.tellLeave(player)
	return nil
}

func (r *region) tellLeave(player string) {
	if r.joiner != nil {
		r.begin(r.applied)
		r.joiner.Leave(&r.out, player)
		r.end()
	}
}

// cut sends a snapshot of all that the World has been given.
func (r *region) cut(n uint64) error {
	began := time.Now()
	r.begin(r.applied)
	r.snapshot = r.world.Snapshot(r.snapshot[:0])
	r.end()
	took := time.Since(began)
	if len(r.snapshot) > wire.MaxSnapshot {
		return fmt.Errorf("%w: region %q wrote %d bytes, the limit is %d",
			ErrSnapshotTooLarge, r.head.Region, len(r.snapshot), wire.MaxSnapshot)
	}
	head := wire.CutDone{
		ID: r.head.ID, N: n, Index: r.applied, Micros: uint64(took.Microseconds()), Size: uint64(len(r.snapshot)),
	}
	if err := send(r.out.to, head); err != nil {
		return err
	}
	for offset := 0; offset < len(r.snapshot); offset += wire.MaxChunk {
		chunk := r.snapshot[offset:min(offset+wire.MaxChunk, len(r.snapshot))]
		if err := send(r.out.to, wire.State{ID: r.head.ID, Offset: uint64(offset), Data: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// begin opens Out for a call whose output depends on log index after, and marks
// for the heartbeat that game code runs. There is no defer: when game code
// panics, the process ends.
func (r *region) begin(after uint64) {
	r.out.after, r.out.open = after, true
	r.calls.Add(1)
}

func (r *region) end() {
	r.calls.Add(1)
	r.out.open = false
}

// broken is the error for a frame that the sidecar must not send.
func (r *region) broken(code wire.Code, format string, args ...any) error {
	return broken(code, "region %q: "+format, append([]any{r.head.Region}, args...)...)
}

func broken(code wire.Code, format string, args ...any) error {
	return &wire.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
