// Package link holds the QUIC connections between our own processes: edge to
// sidecar, and backup to primary. It decides one thing: how the death of the
// peer shows, as fast and as surely as the kernel tells it.
//
//   - Each dialed link has a *connected* UDP socket of its own. A dead process is
//     then told by ICMP as ECONNREFUSED on the next packet sent, within a
//     keep-alive interval at most. The socket that players reach must never be
//     connected or read ICMP: one stray packet would close every player.
//   - A frozen or cut-off process is told by the idle timeout.
//   - A process that still can says why it closes, with a wire.Code as the
//     application error code of the connection.
//
// Cause turns all of these into a wire.Code.
//
// Snapshots go over streams of their own: a [Sealer] makes of them what links can
// send, whole or as a delta to what the receiver holds, and a [Receiver] reads
// either. Compressing takes milliseconds, and memory of the size of the snapshot:
// none of it is for a goroutine that holds a lock.
package link

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// ALPN is the protocol on links. It is not the players', so a connection to the
// wrong port fails in its handshake.
const ALPN = "reseat-link/1"

// Network opens sockets. The zero value of Config uses the operating system's;
// a simulation brings its own.
type Network interface {
	// Listen opens an unconnected socket.
	Listen(addr string) (net.PacketConn, error)
	// Dial opens a socket that exchanges packets with addr only.
	Dial(addr string) (net.PacketConn, net.Addr, error)
}

// Config is common to both ends of a link.
type Config struct {
	TLS       *tls.Config   // LinkClient to dial, LinkServer to listen
	Idle      time.Duration // silence after which the peer counts as lost; 0: 300 ms
	KeepAlive time.Duration // how often a packet is sent at least; 0: Idle/3
	Network   Network       // nil: UDP sockets of the operating system
}

// IdleTime is how long a peer may be silent.
func (c Config) IdleTime() time.Duration {
	if c.Idle == 0 {
		return 300 * time.Millisecond
	}
	return c.Idle
}

// Stood is how long before its end a link certainly stood, by the code of its cause:
// else a packet would have been refused, or silence noticed, earlier. A refusal has a
// quarter of a keep-alive for its way.
func (c Config) Stood(cause wire.Code) time.Duration {
	switch cause {
	case wire.CodeSilence:
		return c.IdleTime()
	case wire.CodeRefusedUDP:
		return c.keepAlive() * 5 / 4
	default:
		return 0
	}
}

func (c Config) keepAlive() time.Duration {
	if c.KeepAlive == 0 {
		return c.IdleTime() / 3
	}
	return c.KeepAlive
}

func (c Config) withDefaults() Config {
	c.Idle, c.KeepAlive = c.IdleTime(), c.keepAlive()
	if c.Network == nil {
		c.Network = UDP{}
	}
	c.TLS = c.TLS.Clone()
	c.TLS.NextProtos = []string{ALPN}
	return c
}

func (c Config) quic() *quic.Config {
	return &quic.Config{
		// A handshake with a frozen process must fail about as fast as a link to
		// it would; retries are the dialer's business.
		HandshakeIdleTimeout: max(c.Idle, 500*time.Millisecond),
		MaxIdleTimeout:       c.Idle,
		KeepAlivePeriod:      c.KeepAlive,
		EnableDatagrams:      true,
		MaxIncomingStreams:   1024, // one for each region
		// Snapshots: one under way for each region, and one that is being closed.
		MaxIncomingUniStreams: 2048,
		// A snapshot should need no window update round trips on a fast network.
		InitialStreamReceiveWindow:     1 << 20,
		MaxStreamReceiveWindow:         8 << 20,
		InitialConnectionReceiveWindow: 4 << 20,
		MaxConnectionReceiveWindow:     32 << 20,
	}
}

// Conn is one link.
type Conn struct {
	*quic.Conn
	transport *quic.Transport // nil at the accepting end
	socket    net.PacketConn
}

// Dial opens a link. Errors name the address and unwrap to the cause; Cause
// tells their code.
func Dial(ctx context.Context, addr string, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	socket, remote, err := cfg.Network.Dial(addr)
	if err != nil {
		return nil, fmt.Errorf("link to %s: %w", addr, err)
	}
	tr := &quic.Transport{Conn: socket}
	conn, err := tr.Dial(ctx, remote, cfg.TLS, cfg.quic())
	if err != nil {
		_ = tr.Close()
		_ = socket.Close()
		return nil, fmt.Errorf("link to %s: %w", addr, err)
	}
	return &Conn{Conn: conn, transport: tr, socket: socket}, nil
}

// Close ends the link, tells the peer why, and frees the socket.
func (c *Conn) Close(why wire.Code) {
	_ = c.CloseWithError(quic.ApplicationErrorCode(why), why.String())
	if c.transport != nil {
		_ = c.transport.Close()
		_ = c.socket.Close()
	}
}

// Listener accepts links.
type Listener struct {
	transport *quic.Transport
	listener  *quic.Listener
	socket    net.PacketConn
}

// Listen opens the socket on which other processes reach this one. The secret,
// if there is one, lets peers learn at once that this process has replaced
// another one on the same port, which had the same secret.
func Listen(addr string, resetSecret []byte, cfg Config) (*Listener, error) {
	cfg = cfg.withDefaults()
	socket, err := cfg.Network.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("listen for links on %s: %w", addr, err)
	}
	tr := &quic.Transport{Conn: socket}
	if len(resetSecret) > 0 {
		key := quic.StatelessResetKey(sha256.Sum256(append([]byte("reseat link reset "), resetSecret...)))
		tr.StatelessResetKey = &key
	}
	ln, err := tr.Listen(cfg.TLS, cfg.quic())
	if err != nil {
		_ = tr.Close()
		_ = socket.Close()
		return nil, fmt.Errorf("listen for links on %s: %w", addr, err)
	}
	return &Listener{transport: tr, listener: ln, socket: socket}, nil
}

// Addr is the address that the listener is bound to.
func (l *Listener) Addr() net.Addr { return l.socket.LocalAddr() }

// Accept waits for the next link.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	conn, err := l.listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: conn}, nil
}

// Close frees the socket. Links should have been closed with their reason
// before: what is left ends without a word to the peers.
func (l *Listener) Close() {
	_ = l.listener.Close()
	_ = l.transport.Close()
	_ = l.socket.Close()
}

// Cause is the code of the error with which a connection or a dial ended.
func Cause(err error) wire.Code {
	var (
		app   *quic.ApplicationError
		idle  *quic.IdleTimeoutError
		shake *quic.HandshakeTimeoutError
		reset *quic.StatelessResetError
		ours  *wire.Error
	)
	switch {
	case err == nil:
		return wire.CodeNone
	case errors.As(err, &app):
		return wire.Code(app.ErrorCode)
	case errors.As(err, &idle), errors.As(err, &shake):
		return wire.CodeSilence
	case errors.As(err, &reset), errors.Is(err, syscall.ECONNREFUSED):
		return wire.CodeRefusedUDP
	case errors.As(err, &ours):
		return ours.Code
	}
	return wire.CodeLinkClosed
}

// Left tells whether a stream's error says that the peer has closed just that
// stream, because what it carried is not there (yet, or any more), and not because
// anything is broken.
func Left(err error) bool {
	var stream *quic.StreamError
	return errors.As(err, &stream) && stream.Remote && stream.ErrorCode == quic.StreamErrorCode(wire.CodeLeft)
}
