package game

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// region is a World with its goroutine.
type region struct {
	cfg   *Config
	head  wire.Host // as the sidecar announced it
	mode  wire.Mode // of the mesh, at that time
	log   *slog.Logger
	inbox *inbox

	calls  atomic.Uint64 // calls of game code begun and ended: odd while one is in progress
	failed atomic.Bool   // could not be hosted; whatever comes for it is dropped

	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended

	// The goroutine's own:

	out      Out
	world    World
	ticker   Ticker            // the World, if it is one
	joiner   Joiner            // the World, if it is one
	outcomer Outcomer          // the World, if it is one
	arriver  Arriver           // the World, if it is one
	leveler  Leveler           // the World, if it is one
	standby  bool              // until Promote
	players  map[uint64]string // by their handles, also of those who have left
	here     map[string]uint64 // who is there, and the handle that says so
	last     uint64            // log index of the last action or outcome that came
	applied  uint64            // log index that the World has got to
	told     uint64            // log index of the last Done
	outcome  wire.Outcome      // the last one's From and To
	snapshot []byte            // memory of the last one

	// Tick style only:

	first    uint64   // log index of the first action gathered
	gathered []Action // for the next tick
	memory   []byte   // their payloads
	leaving  []string // to be told after the next tick
}

func newRegion(cfg *Config, head wire.Host, mode wire.Mode, to *outbox) *region {
	log := cfg.Log.With("region", head.Region)
	handles := map[string]uint64{}
	return &region{
		cfg: cfg, head: head, mode: mode, log: log, inbox: newInbox(), done: make(chan struct{}),
		out: Out{
			region: head.ID, name: head.Region, to: to, log: log, handles: handles, gone: map[string]bool{},
			muted: head.Standby, warned: map[string]bool{}, mode: wire.Normal(),
		},
		standby: head.Standby, players: map[uint64]string{}, here: map[string]uint64{},
		applied: head.Index, last: head.Index, told: head.Index,
	}
}

// run hosts the region and works until ctx ends.
func (r *region) run(ctx context.Context, state []byte) error {
	hosted := wire.Hosted{ID: r.head.ID, Epoch: r.head.Epoch}
	if err := r.host(state); err != nil {
		r.log.Error("game: cannot host the region", "err", err)
		r.failed.Store(true)
		hosted.Text = err.Error()
	} else {
		hosted.OK, hosted.Outcomes, hosted.Arrivals = true, r.outcomer != nil, r.arriver != nil
	}
	if err := send(r.out.to, hosted); err != nil {
		return err
	}
	if hosted.OK {
		if err := r.setMode(r.mode); err != nil {
			return err
		}
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
			if err := r.timer(); err != nil {
				return err
			}
		case <-wake:
			work = r.inbox.take(work)
			if err := r.handle(ctx, work.events); err != nil {
				return err
			}
		}
	}
}

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
	r.outcomer, r.out.committer = world.(Outcomer)
	r.arriver, _ = world.(Arriver)
	r.leveler, _ = world.(Leveler)
	return nil
}

func (r *region) handle(ctx context.Context, events []event) error {
	for i := 0; i < len(events) && ctx.Err() == nil; i++ {
		if err := r.event(&events[i]); err != nil {
			return err
		}
		if r.applied-r.told >= maxUntold {
			if err := r.tell(); err != nil {
				return err
			}
		}
	}
	return r.tell()
}

// maxUntold is how many actions are applied without a word: what the first of
// them caused may be waiting for it.
const maxUntold = 64

// tell says what has been applied, once for all that is new.
func (r *region) tell() error {
	if r.told == r.applied {
		return nil
	}
	r.told = r.applied
	return send(r.out.to, wire.Done{ID: r.head.ID, Index: r.applied})
}

func (r *region) event(ev *event) error {
	if r.failed.Load() && ev.kind != wire.TypePromote {
		return nil
	}
	switch ev.kind {
	case wire.TypeDo:
		return r.do(ev)
	case wire.TypeOutcome:
		return r.apply(ev)
	case wire.TypeArrive:
		return r.arrive(ev)
	case wire.TypePromote:
		return r.promote(ev.number)
	case wire.TypeJoin:
		return r.join(ev)
	case wire.TypeLeave:
		return r.leave(ev.handle)
	case wire.TypeMode:
		return r.setMode(wire.Mode{Level: wire.Level(ev.number), Fidelity: ev.seq})
	default:
		return r.cut(ev.number)
	}
}

// do applies an action, or keeps it for the next tick.
func (r *region) do(ev *event) error {
	player, known := r.players[ev.handle]
	switch {
	case !known:
		return r.broken(wire.CodeBadHandle, "action of unknown handle %d", ev.handle)
	case ev.number <= r.last:
		return r.broken(wire.CodeProtocol, "action %d after %d", ev.number, r.last)
	}
	r.last = ev.number
	if r.out.gone[player] { // it goes to the other region, too
		if len(r.gathered) == 0 {
			r.applied = ev.number
		}
		return nil
	}
	action := Action{Player: player, Seq: ev.seq, Payload: ev.payload}
	if r.ticker != nil {
		r.gather(ev.number, action)
		return nil
	}
	r.begin(ev.number, ev.number)
	r.world.Apply(&r.out, action)
	r.applied = ev.number
	return r.end()
}

// begin opens Out for a call with the actions from..to of the log, and marks for
// the heartbeat that game code runs. There is no defer: when game code panics,
// the process ends.
func (r *region) begin(from, to uint64) {
	r.out.from, r.out.after, r.out.open = from, to, true
	r.calls.Add(1)
}

// beginIdle is begin for a call without an action.
func (r *region) beginIdle() { r.begin(r.applied+1, r.applied) }

func (r *region) end() error {
	r.calls.Add(1)
	r.out.open = false
	if r.out.err == nil {
		return nil
	}
	return fmt.Errorf("region %q: %w", r.head.Region, r.out.err)
}

// broken is the error for a frame that the sidecar must not send.
func (r *region) broken(code wire.Code, format string, args ...any) error {
	return broken(code, "region %q: "+format, append([]any{r.head.Region}, args...)...)
}

func broken(code wire.Code, format string, args ...any) error {
	return &wire.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
