package game_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// firehose is a connection with a sidecar that sends n actions as fast as they
// are read, and reads at once what it is sent.
type firehose struct {
	net.Conn // nil: only what is below is called
	n, sent  uint64
	payload  []byte
	pending  []byte
	closed   chan struct{}
	once     sync.Once
}

func newFirehose(n int) *firehose {
	f := &firehose{n: uint64(n), payload: make([]byte, 32), closed: make(chan struct{})}
	f.pending = wire.GameWelcome{Version: wire.Version, Incarnation: "i"}.Append(nil)
	f.pending = wire.Host{ID: 1, New: true, Region: "town"}.Append(f.pending)
	f.pending = wire.Join{ID: 1, Handle: 1, Here: true, Player: "ann"}.Append(f.pending)
	return f
}

func (f *firehose) Read(b []byte) (int, error) {
	for len(f.pending) < 16<<10 && f.sent < f.n {
		f.sent++
		f.pending = wire.Do{ID: 1, Index: f.sent, Handle: 1, Seq: f.sent, Payload: f.payload}.Append(f.pending)
		if f.sent == f.n {
			f.pending = wire.Cut{ID: 1, N: 1}.Append(f.pending)
		}
	}
	if len(f.pending) == 0 {
		<-f.closed
		return 0, net.ErrClosed
	}
	n := copy(b, f.pending)
	f.pending = f.pending[:copy(f.pending, f.pending[n:])]
	return n, nil
}

func (f *firehose) Write(b []byte) (int, error) { return len(b), nil }
func (f *firehose) SetDeadline(time.Time) error { return nil }
func (f *firehose) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// serve runs a game until the firehose is empty; w must then call stop.
func serve(b *testing.B, make func(stop func()) game.World) {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cfg := of(make(stop))
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.Tick = time.Millisecond
	conn := newFirehose(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	if err := game.Serve(ctx, conn, cfg); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAction is the way of an action through the game: read, Apply, one
// update, written.
func BenchmarkAction(b *testing.B) {
	serve(b, func(stop func()) game.World {
		return &world{
			apply:    func(out *game.Out, a game.Action) { out.Send(a.Player, a.Payload) },
			snapshot: func(dst []byte) []byte { stop(); return dst },
		}
	})
}

// BenchmarkCommit is the same with an outcome of each action.
func BenchmarkCommit(b *testing.B) {
	serve(b, func(stop func()) game.World {
		return &lucky{world{
			apply:    func(out *game.Out, a game.Action) { out.Commit(a.Payload); out.Send(a.Player, a.Payload) },
			snapshot: func(dst []byte) []byte { stop(); return dst },
		}}
	})
}

type lucky struct{ world }

func (*lucky) ApplyOutcome([]byte) error { return nil }

// BenchmarkTick is the same for a game in tick style, which waits for ticks.
func BenchmarkTick(b *testing.B) {
	serve(b, func(stop func()) game.World { return &echo{left: b.N, done: stop} })
}

// echo answers each action in the next tick, until it has answered all.
type echo struct {
	world
	left int
	done func()
}

func (e *echo) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		out.Send(a.Player, a.Payload)
	}
	if e.left -= len(actions); e.left == 0 {
		e.done()
	}
}
