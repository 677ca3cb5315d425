package proxy_test

import (
	"context"
	"net"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// raw is a player who speaks frames by hand, well or badly.
type raw struct {
	m      *mesh
	conn   *quic.Conn
	stream *quic.Stream
	reader *wire.Reader
	frames chan frame
	ended  error // why, when frames is closed
}

type frame struct {
	t    wire.Type
	body []byte
	more bool // the next one has come with it
}

// dial connects and opens the stream, without a word, and reads what comes.
func (m *mesh) dial() *raw {
	r := m.dialSilent()
	r.listen(wire.LinkEdge)
	return r
}

// dialSilent is dial by a player who does not read.
func (m *mesh) dialSilent() *raw {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	addr, err := net.ResolveUDPAddr("udp", m.addr)
	require.NoError(m.t, err)
	conn, err := m.transport().Dial(ctx, addr, m.tls, &quic.Config{EnableDatagrams: true, MaxIdleTimeout: 30 * time.Second})
	require.NoError(m.t, err)
	m.closers = append(m.closers, func() { _ = conn.CloseWithError(0, "") })
	st, err := conn.OpenStreamSync(ctx)
	require.NoError(m.t, err)
	return &raw{m: m, conn: conn, stream: st, frames: make(chan frame, 1024)}
}

// listen reads frames until the stream ends.
func (r *raw) listen(kind wire.Link) {
	r.reader = wire.NewReader(r.stream, kind)
	go func() {
		defer close(r.frames)
		for {
			t, body, err := r.reader.Next()
			if err != nil {
				r.ended = err
				return
			}
			r.frames <- frame{t, append([]byte(nil), body...), r.reader.Buffered()}
		}
	}()
}

func (r *raw) send(frames ...interface{ Append([]byte) []byte }) {
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	r.write(b)
}

func (r *raw) write(b []byte) {
	_, err := r.stream.Write(b)
	require.NoError(r.m.t, err)
}

// hello joins and waits for the welcome.
func (r *raw) hello(h wire.Hello) wire.Welcome {
	h.Version, h.Region = wire.Version, "arena"
	r.send(h)
	var w wire.Welcome
	require.NoError(r.m.t, w.Decode(r.until(wire.TypeWelcome)))
	return w
}

// until reads frames up to one of that type.
func (r *raw) until(t wire.Type) []byte {
	timeout := time.After(patience)
	for {
		select {
		case f, ok := <-r.frames:
			require.True(r.m.t, ok, "stream ended: %v", context.Cause(r.conn.Context()))
			if f.t == t {
				return f.body
			}
		case <-timeout:
			require.FailNow(r.m.t, "no frame", "waiting for type %#x", uint64(t))
		}
	}
}

// bye waits for the end of the session and returns the code and the last word.
func (r *raw) bye() (code wire.Code, bye wire.Bye) {
	for f := range r.frames {
		if f.t == wire.TypeBye {
			require.NoError(r.m.t, bye.Decode(f.body))
		}
	}
	return r.closed(), bye
}

// closed waits for the end of the connection and returns its code.
func (r *raw) closed() wire.Code {
	select {
	case <-r.conn.Context().Done():
	case <-time.After(patience):
		require.FailNow(r.m.t, "the connection stays open")
	}
	var app *quic.ApplicationError
	require.ErrorAs(r.m.t, context.Cause(r.conn.Context()), &app)
	return wire.Code(app.ErrorCode)
}
