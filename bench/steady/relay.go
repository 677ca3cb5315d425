package steady

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/quic-go/quic-go"
)

// RelayConfig says what a relay stands between.
type RelayConfig struct {
	Listen string      // UDP address for players
	To     string      // of the server
	Each   bool        // a connection to the server for each player, not one for all
	Server *tls.Config // shown to players
	Client *tls.Config // trusted of the server
	Log    *slog.Logger
}

// Relay is the smallest proxy between players and a server: it copies the bytes of
// each stream both ways and keeps none. It returns when ctx ends, or when the server's
// end of a shared connection does.
func Relay(ctx context.Context, cfg RelayConfig) error {
	e, l, err := listen(cfg.Listen, cfg.Server, shared)
	if err != nil {
		return err
	}
	defer e.close()
	open := func(ctx context.Context) (*quic.Stream, func(), error) { return dialEach(ctx, cfg) }
	if !cfg.Each {
		back, conn, err := dial(ctx, cfg.To, cfg.Client)
		if err != nil {
			return err
		}
		defer back.close()
		defer gone(conn)
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(conn.Context(), cancel)
		open = func(ctx context.Context) (*quic.Stream, func(), error) {
			stream, err := conn.OpenStreamSync(ctx)
			return stream, func() {}, err
		}
	}
	cfg.Log.Info("relay listens", "event", "listening", "addr", l.Addr().String())
	accept(ctx, l, func(conn *quic.Conn) { carry(ctx, conn, open, cfg.Log) })
	return nil
}

// dialEach opens a stream on a connection of its own.
func dialEach(ctx context.Context, cfg RelayConfig) (*quic.Stream, func(), error) {
	back, conn, err := dial(ctx, cfg.To, cfg.Client)
	if err != nil {
		return nil, nil, err
	}
	free := func() { gone(conn); back.close() }
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		free()
		return nil, nil, err
	}
	return stream, free, nil
}

// carry serves one player: a stream of his for each that he opens. A relay behind this
// one opens many.
func carry(ctx context.Context, conn *quic.Conn, open func(context.Context) (*quic.Stream, func(), error), log *slog.Logger) {
	defer gone(conn)
	for {
		front, err := conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		go func() {
			back, free, err := open(ctx)
			if err != nil {
				log.Warn("no way to the server", "error", err)
				gone(conn)
				return
			}
			defer free()
			var both sync.WaitGroup
			both.Go(func() { pipe(back, front) })
			both.Go(func() { pipe(front, back) })
			both.Wait()
		}()
	}
}

// pipe copies until either end has ended, and then ends the other one.
func pipe(to, from *quic.Stream) {
	defer to.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				from.CancelRead(0)
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to.CancelWrite(0)
			}
			return
		}
	}
}
