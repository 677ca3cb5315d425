package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// GameConfig says how the game is reached, and started if it is.
type GameConfig struct {
	// Socket is where the game connects: "unix:/path" or "tcp:127.0.0.1:port".
	Socket string
	// Command starts the game; empty: the game is started by somebody else.
	// The process finds the socket in the environment variable RESEAT_GAME.
	Command []string
	// Stdout and Stderr take what a started game prints; nil: ours.
	Stdout, Stderr io.Writer
	// BeatTimeout is how long the game may be silent before it counts as hung;
	// 0: 300 ms, six beats of the SDK and as long as a link may be silent. For a game
	// that waits for a CPU meanwhile it is up to five times that (on Linux, where it
	// has connected to a unix socket).
	BeatTimeout time.Duration
	// HelloTimeout is how long a started game may take to connect; 0: 30 s.
	HelloTimeout time.Duration
	// RestartMin and RestartMax bound the delay before the next incarnation;
	// 0: 100 ms and 10 s.
	RestartMin, RestartMax time.Duration

	// Listener takes the place of Socket in simulations.
	Listener net.Listener
}

func (c GameConfig) withDefaults() GameConfig {
	if c.BeatTimeout == 0 {
		c.BeatTimeout = 300 * time.Millisecond
	}
	if c.HelloTimeout == 0 {
		c.HelloTimeout = 30 * time.Second
	}
	if c.RestartMin == 0 {
		c.RestartMin = 100 * time.Millisecond
	}
	if c.RestartMax == 0 {
		c.RestartMax = 10 * time.Second
	}
	return c
}

// listenGame opens the local socket. A unix socket is for this user only.
func listenGame(ctx context.Context, c GameConfig) (net.Listener, error) {
	if c.Listener != nil {
		return c.Listener, nil
	}
	network, addr, ok := strings.Cut(c.Socket, ":")
	if !ok || (network != "unix" && network != "tcp") {
		return nil, fmt.Errorf("game socket %q: write unix:/path or tcp:127.0.0.1:port", c.Socket)
	}
	if network == "unix" {
		_ = os.Remove(addr) // left by a sidecar that was killed
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("game socket: %w", err)
	}
	if network == "unix" {
		if err := os.Chmod(addr, 0o600); err != nil {
			return nil, fmt.Errorf("game socket: %w", err)
		}
	}
	return ln, nil
}

// gameQueue bounds what waits for the game to read it: several snapshot chunks
// and some thousand actions. Beyond half of it, streams of edges are not read.
const gameQueue = 4 << 20

// gameLink is the connection to the game of one incarnation.
type gameLink struct {
	conn    net.Conn
	reader  *wire.Reader
	heard   *link.Heard // when it said something last
	out     *pump.Buffer
	timeout time.Duration
	standby bool                    // it can host a region as a standby
	absent  bool                    // there is no game
	ctx     context.Context         //nolint:containedctx // it is the game's life
	end     context.CancelCauseFunc // ends it, and not the incarnation
	beat    atomic.Int64            // when the last heartbeat came, UnixNano
	ours    atomic.Bool             // we do not read it now: its silence is our doing
	threads func() map[int]thread   // what its threads do now; nothing if that is not known
	spared  func()                  // it is silent for too long, and gets more time
	log     *slog.Logger
}

// nobody is the game while there is none: what is said to it goes nowhere.
func nobody(ctx context.Context) *gameLink {
	return &gameLink{absent: true, out: pump.NewBuffer(gameQueue), ctx: ctx, end: func(error) {}}
}

// greet reads the game's hello and answers it.
func greet(
	ctx context.Context, end context.CancelCauseFunc, conn net.Conn, cfg GameConfig, incarnation string, log *slog.Logger,
) (*gameLink, error) {
	heard := link.NewHeard(conn)
	g := &gameLink{
		conn: conn, reader: wire.NewReader(heard, wire.LinkGame), heard: heard,
		out: pump.NewBuffer(gameQueue), timeout: cfg.BeatTimeout, log: log, ctx: ctx, end: end,
		threads: threadsOf(conn), spared: func() {},
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	t, body, err := g.reader.Next()
	if err != nil {
		return nil, fmt.Errorf("game hello: %w", err)
	}
	if t != wire.TypeGameHello {
		return nil, &wire.Error{Code: wire.CodeNotHello, Detail: "the game's first frame must be GameHello"}
	}
	var hello wire.GameHello
	if err := hello.Decode(body); err != nil {
		return nil, fmt.Errorf("game hello: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	g.standby = hello.Standby
	log.Info("game connected", "event", "game", "name", hello.Name, "pid", hello.PID)
	return g, pump.Add(g.out, wire.GameWelcome{Version: wire.Version, Incarnation: incarnation})
}

// gameHandler takes what a game says about a region.
type gameHandler interface {
	hasHosted(wire.Hosted)
	finished(index uint64)
	outcome(wire.Outcome)
	transfer(wire.Transfer)
	cutBegun(head wire.CutDone)
	cutDone(head wire.CutDone, state []byte)
	emit(wire.Emit)
}

// run reads, writes and watches the heartbeat until the game is gone or ctx
// ends. The error tells which.
func (g *gameLink) run(ctx context.Context, find func(id uint64) gameHandler) error {
	eg, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { _ = g.conn.Close() })
	defer stop()
	g.beat.Store(time.Now().UnixNano())
	eg.Go(func() error { return g.read(find) })
	eg.Go(func() error {
		err := pump.Run(ctx, g.conn, g.out.Waker, g.out)
		if ctx.Err() == nil {
			err = &endError{wire.CodeGameExit, err}
		}
		return err
	})
	eg.Go(func() error { return g.watch(ctx) })
	return eg.Wait()
}

func (g *gameLink) read(find func(id uint64) gameHandler) error {
	var states assemblies
	for {
		t, body, err := g.reader.Next()
		if err == nil {
			err = g.dispatch(t, body, find, &states)
		}
		var bad *wire.Error
		switch {
		case err == nil:
		case errors.As(err, &bad) && !errors.Is(err, io.ErrUnexpectedEOF):
			return &endError{wire.CodeGameFault, err}
		default:
			return &endError{wire.CodeGameExit, err}
		}
	}
}

func (g *gameLink) dispatch(t wire.Type, body []byte, find func(uint64) gameHandler, states *assemblies) error {
	var id uint64
	var deliver func(gameHandler)
	var err error
	switch t {
	case wire.TypeEmit: // the hot one: no closure
		var f wire.Emit
		if err := f.Decode(body); err != nil {
			return err
		}
		if h := find(f.ID); h != nil {
			h.emit(f)
		}
		return nil
	case wire.TypeDone:
		var f wire.Done
		if err := f.Decode(body); err != nil {
			return err
		}
		if h := find(f.ID); h != nil {
			h.finished(f.Index)
		}
		return nil
	case wire.TypeOutcome:
		var f wire.Outcome
		if err := f.Decode(body); err != nil {
			return err
		}
		if h := find(f.ID); h != nil {
			h.outcome(f)
		}
		return nil
	case wire.TypeTransfer:
		var f wire.Transfer
		if err := f.Decode(body); err != nil {
			return err
		}
		if h := find(f.ID); h != nil {
			h.transfer(f)
		}
		return nil
	case wire.TypeBeat:
		g.beat.Store(time.Now().UnixNano())
		return nil
	case wire.TypeHosted:
		var f wire.Hosted
		err = f.Decode(body)
		id, deliver = f.ID, func(h gameHandler) { h.hasHosted(f) }
	case wire.TypeCutDone:
		var f wire.CutDone
		if err = f.Decode(body); err == nil {
			err = states.begin(f)
		}
		id, deliver = f.ID, func(h gameHandler) {
			h.cutBegun(f)
			if f.Size == 0 {
				h.cutDone(states.take(f.ID))
			}
		}
	case wire.TypeState:
		var f wire.State
		var whole bool
		if err = f.Decode(body); err == nil {
			whole, err = states.add(f)
		}
		if whole {
			id, deliver = f.ID, func(h gameHandler) { h.cutDone(states.take(f.ID)) }
		}
	default:
		return &wire.Error{Code: wire.CodeUnknownType, Detail: fmt.Sprintf("frame %#x from the game", uint64(t))}
	}
	if err != nil || deliver == nil {
		return err
	}
	if h := find(id); h != nil {
		deliver(h)
	}
	return nil
}

// assemblies holds the snapshots that are on their way from the game, one for
// each region at the most.
type assemblies struct{ open map[uint64]*assembly }

type assembly struct {
	head  wire.CutDone
	state []byte
}

func (a *assemblies) begin(head wire.CutDone) error {
	if head.Size > wire.MaxSnapshot {
		return &wire.Error{Code: wire.CodeTooLarge, Detail: fmt.Sprintf("snapshot of %d bytes, the limit is %d", head.Size, wire.MaxSnapshot)}
	}
	if a.open[head.ID] != nil {
		return &wire.Error{Code: wire.CodeBadSnapshot, Detail: "a snapshot began before the last one was whole"}
	}
	if a.open == nil {
		a.open = map[uint64]*assembly{}
	}
	a.open[head.ID] = &assembly{head: head}
	return nil
}

// add takes a chunk and tells whether the snapshot is whole now.
func (a *assemblies) add(f wire.State) (bool, error) {
	as := a.open[f.ID]
	if as == nil || f.Offset != uint64(len(as.state)) || f.Offset+uint64(len(f.Data)) > as.head.Size {
		return false, &wire.Error{Code: wire.CodeBadSnapshot, Detail: "a state chunk that was not announced or is out of order"}
	}
	if as.state == nil {
		as.state = make([]byte, 0, as.head.Size) // bounded by MaxSnapshot, and from our own game
	}
	as.state = append(as.state, f.Data...)
	return uint64(len(as.state)) == as.head.Size, nil
}

func (a *assemblies) take(id uint64) (wire.CutDone, []byte) {
	as := a.open[id]
	delete(a.open, id)
	return as.head, as.state
}

// room waits until the game has read most of what waits for it, or is gone.
func (g *gameLink) room(ctx context.Context) error {
	if g.out.Len() <= gameQueue/2 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(g.ctx, cancel)
	defer stop()
	if err := g.out.Room(ctx); err != nil && g.ctx.Err() == nil {
		return err
	}
	return nil
}
