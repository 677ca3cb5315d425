package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// helloTimeout is how long a connection may take to say what it wants.
const helloTimeout = 3 * time.Second

// call is a connection until there is a session: somebody has come, and says Hello, or
// that he is at another edge and this is his spare connection. Then his Hello may come at
// any time, or never.
type call struct {
	conn   *quic.Conn
	stream *quic.Stream // nil: he has opened none yet
	reader *wire.Reader
}

// errSpareGone is the end of a spare connection that nobody has come by.
var errSpareGone = errors.New("the spare connection has ended")

// answer reads a connection's first words, and serves the player when he says Hello.
// The caller has counted him among the players.
func (l *listener) answer(ctx context.Context, conn *quic.Conn) {
	c := &call{conn: conn}
	t, body, err := c.first(ctx)
	if err == nil && t == wire.TypeSpare {
		t, body, err = l.keepSpare(ctx, c, body)
	}
	var hello wire.Hello
	switch {
	case errors.Is(err, errSpareGone):
		l.edge.log.Debug("spare connection ended", "error", err)
		sayBye(conn, c.stream, byeFor(err))
		return
	case err != nil:
	case t != wire.TypeHello:
		err = &endError{wire.CodeNotHello, "the first frame must be Hello"}
	default:
		err = hello.Decode(body)
	}
	if err != nil {
		c.refuse(l.edge, err)
		return
	}
	l.edge.serve(ctx, c, hello)
}

// refuse counts a player who is not let in, and tells him why.
func (c *call) refuse(e *Edge, err error) {
	code := codeOf(err)
	e.stats.turnAway(code)
	e.log.Debug("join refused", "reason", code.String(), "error", err)
	sayBye(c.conn, c.stream, byeFor(err))
}

// first waits for the first frame, which opens the stream.
func (c *call) first(ctx context.Context) (wire.Type, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, helloTimeout, &endError{wire.CodeJoinTimeout, "no hello in time"})
	defer cancel()
	stream, err := c.conn.AcceptStream(ctx)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return 0, nil, err
	}
	c.stream, c.reader = stream, wire.NewReader(stream, wire.LinkPlayer)
	return c.next(ctx)
}

// next waits for a frame until ctx ends.
func (c *call) next(ctx context.Context) (wire.Type, []byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.SetReadDeadline(time.Now()) })
	defer stop()
	t, body, err := c.reader.Next()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return t, body, err
}

// keepSpare counts the connection among the spare ones, not among the players, until
// the next frame. There may be as many as players, for an edge whose players come here
// has no more of them.
func (l *listener) keepSpare(ctx context.Context, c *call, body []byte) (wire.Type, []byte, error) {
	var spare wire.Spare
	if err := spare.Decode(body); err != nil {
		return 0, nil, err
	}
	spares := &l.edge.stats.spares
	defer spares.Add(-1)
	if spares.Add(1) > int64(l.edge.cfg.Players) {
		return 0, nil, &endError{wire.CodeOverloaded, "this edge keeps no more spare connections"}
	}
	l.players.Add(-1)
	t, body, err := c.next(ctx)
	crowded := l.players.Add(1) > int64(l.edge.cfg.Players)
	if bad := (*wire.Error)(nil); err != nil && !errors.As(err, &bad) {
		return 0, nil, errors.Join(errSpareGone, err)
	}
	if err == nil && crowded {
		err = full()
	}
	return t, body, err
}
