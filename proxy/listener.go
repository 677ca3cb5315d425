package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/time/rate"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// acceptors is how many goroutines take connections out of quic-go's queue
	// of 32: with one of them a storm of 1000 reconnects lost 91 to 184.
	acceptors = 16
	// goodbye is how long a Bye may take to reach a player before the connection
	// is closed over it; the close carries the code too.
	goodbye = 300 * time.Millisecond
	// fullRetry is what a player is told to wait when the edge is full: players leave
	// it all the time, but not every second.
	fullRetry = 5 * time.Second
	// turning is how many players are told so at once; to the others the code of the
	// close must say enough. What is told costs a connection for half a second.
	turning = 256
)

// listener accepts players.
type listener struct {
	edge      *Edge
	socket    net.PacketConn
	transport *quic.Transport
	quic      *quic.Listener
	players   atomic.Int64
	turned    chan struct{} // a slot for each player who is being turned away
	sessions  sync.WaitGroup
}

func listenPlayers(e *Edge) (*listener, error) {
	socket, err := e.cfg.Link.Network.Listen(e.cfg.Listen)
	if err != nil {
		hint := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = ": another process has this UDP port; stop it or choose another one with listen"
		}
		return nil, fmt.Errorf("listen for players on %s: %w%s", e.cfg.Listen, err, hint)
	}
	keys := e.cfg.Keys
	if keys == (Keys{}) {
		keys = randomKeys()
	}
	limit := rate.NewLimiter(rate.Limit(e.cfg.Handshake), int(e.cfg.Handshake))
	l := &listener{edge: e, socket: socket, turned: make(chan struct{}, turning), transport: &quic.Transport{
		Conn: socket, StatelessResetKey: &keys.StatelessReset, TokenGeneratorKey: &keys.Token,
		// Above the rate a sender must first show that it has the address it says.
		VerifySourceAddress: func(net.Addr) bool { return !limit.Allow() },
	}}
	tls := e.cfg.PlayerTLS.Clone()
	tls.NextProtos = []string{wire.ALPN}
	l.quic, err = l.transport.Listen(tls, &quic.Config{
		HandshakeIdleTimeout: 3 * time.Second,
		MaxIdleTimeout:       15 * time.Second,
		KeepAlivePeriod:      5 * time.Second,
		EnableDatagrams:      true,
		// One stream carries a player; the second is for one that is being closed.
		MaxIncomingStreams:    2,
		MaxIncomingUniStreams: -1,
		// A player sends actions of a few KiB; what does not fit waits at the player.
		InitialStreamReceiveWindow:     16 << 10,
		MaxStreamReceiveWindow:         64 << 10,
		InitialConnectionReceiveWindow: 32 << 10,
		MaxConnectionReceiveWindow:     128 << 10,
	})
	if err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("listen for players on %s: %w", e.cfg.Listen, err)
	}
	return l, nil
}

func (l *listener) addr() net.Addr { return l.socket.LocalAddr() }

// run accepts until ctx ends, then waits for the goodbyes.
func (l *listener) run(ctx context.Context) {
	var loops sync.WaitGroup
	for range acceptors {
		loops.Go(func() { l.accept(ctx) })
	}
	loops.Wait()
	_ = l.quic.Close() // refuses newcomers; sessions go on
	gone := make(chan struct{})
	go func() { l.sessions.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(l.edge.cfg.Drain):
	}
}

func (l *listener) close() {
	_ = l.transport.Close()
	_ = l.socket.Close()
	l.sessions.Wait()
}

// accept returns when ctx ends; the listener is closed by nobody else.
func (l *listener) accept(ctx context.Context) {
	for {
		conn, err := l.quic.Accept(ctx)
		if err != nil {
			return
		}
		if l.players.Add(1) > int64(l.edge.cfg.Players) {
			l.players.Add(-1)
			l.turnAway(ctx, conn)
			continue
		}
		l.sessions.Go(func() {
			defer l.players.Add(-1)
			l.answer(ctx, conn)
		})
	}
}

func full() error {
	return turnAway(wire.CodeOverloaded, "this edge is full, try again later", fullRetry)
}

// turnAway tells a player that the edge is full, and when to come back. Who he is
// does not matter: whoever comes back goes to another edge at once.
func (l *listener) turnAway(ctx context.Context, conn *quic.Conn) {
	l.edge.stats.turnAway(wire.CodeOverloaded)
	bye := byeFor(full())
	select {
	case l.turned <- struct{}{}:
	default:
		_ = conn.CloseWithError(quic.ApplicationErrorCode(bye.Reason), bye.Text)
		return
	}
	l.sessions.Go(func() {
		defer func() { <-l.turned }()
		ctx, cancel := context.WithTimeout(ctx, goodbye)
		defer cancel()
		stream, err := conn.AcceptStream(ctx) // his Hello opens it: without one there is nobody to tell
		if err != nil {
			stream = nil
		}
		sayBye(conn, stream, bye)
	})
}
