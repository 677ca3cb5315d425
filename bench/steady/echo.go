package steady

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/quic-go/quic-go"
)

// shared is how many streams a connection may have that carries all players.
const shared = maxPlayers

// Echo is a game server without a proxy: it answers each frame of each stream with the
// same one, in order. It returns when ctx ends.
func Echo(ctx context.Context, addr string, conf *tls.Config, log *slog.Logger) error {
	e, l, err := listen(addr, conf, shared)
	if err != nil {
		return err
	}
	defer e.close()
	log.Info("echo server listens", "event", "listening", "addr", l.Addr().String())
	accept(ctx, l, func(conn *quic.Conn) {
		defer gone(conn)
		for {
			stream, err := conn.AcceptStream(ctx)
			if err != nil {
				return
			}
			go echo(stream)
		}
	})
	return nil
}

// echo answers what has come together with one write, so that it leaves together.
func echo(stream *quic.Stream) {
	defer stream.Close()
	in := frames{r: stream}
	var out []byte
	for {
		out = out[:0]
		err := in.next(func(payload []byte) { out = appendFrame(out, payload) })
		if len(out) > 0 {
			if _, err := stream.Write(out); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
