package player

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// link is a connection to an edge: a reliable stream both ways, and datagrams
// from the edge where the transport has them. Read and Write fail with a
// *ByeError when the edge has closed the connection with a code.
type link interface {
	io.ReadWriter
	ReceiveDatagram(ctx context.Context) ([]byte, error)
	// Heard counts all that has come from the edge, and tells for how long a
	// live one may well be silent on this network when it has been asked.
	Heard() (packets uint64, patience time.Duration)
	// Ask asks the edge for a sign of life, which Heard will count.
	Ask()
	// Done is closed when the connection has ended.
	Done() <-chan struct{}
	Close(code wire.Code)
}

// dialFunc connects to an edge. Beside dialQUIC there can be others, for
// networks where UDP does not pass.
type dialFunc func(ctx context.Context, cfg *Config, edge string) (link, error)

// quicLink is one QUIC connection with one stream.
type quicLink struct {
	conn   *quic.Conn
	stream *quic.Stream
	free   func() // closes the socket, if it is the connection's own
}

func dialQUIC(ctx context.Context, cfg *Config, edge string) (link, error) {
	host, addrs, err := resolve(ctx, edge)
	if err != nil {
		return nil, err
	}
	conf := cfg.TLS
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = host
	}
	for _, addr := range addrs {
		var l *quicLink
		if l, err = dialAddr(ctx, cfg, addr, conf); err == nil {
			return l, nil
		}
	}
	return nil, said(err)
}

// dialAddr connects to one address, from the shared socket or from a new one.
func dialAddr(ctx context.Context, cfg *Config, addr *net.UDPAddr, conf *tls.Config) (*quicLink, error) {
	transport, free, err := cfg.socket(addr)
	if err != nil {
		return nil, err
	}
	conn, err := transport.Dial(ctx, addr, conf, cfg.quic())
	if err != nil {
		free()
		return nil, err
	}
	l := &quicLink{conn: conn, free: free}
	if l.stream, err = conn.OpenStreamSync(ctx); err != nil {
		l.Close(wire.CodeLeft)
		return nil, err
	}
	return l, nil
}

// resolve looks up an edge's addresses, with a context where the quic and net
// helpers have none. IPv4 is first, as with net.Dial for UDP: "localhost" is ::1
// as well, and nothing tells quickly that nobody listens there.
func resolve(ctx context.Context, edge string) (host string, addrs []*net.UDPAddr, err error) {
	host, service, err := net.SplitHostPort(edge)
	if err != nil {
		return "", nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return "", nil, err
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return "", nil, err
	}
	for _, ip := range ips {
		addrs = append(addrs, &net.UDPAddr{IP: ip.IP, Zone: ip.Zone, Port: port})
	}
	slices.SortStableFunc(addrs, func(a, b *net.UDPAddr) int { return family(a) - family(b) })
	return host, addrs, nil
}

func family(addr *net.UDPAddr) int {
	if addr.IP.To4() != nil {
		return 4
	}
	return 6
}

// socket is the shared one, or a new one that is connected to the edge.
func (c *Config) socket(to *net.UDPAddr) (transport *quic.Transport, free func(), err error) {
	if c.Transport != nil {
		return c.Transport, func() {}, nil
	}
	conn, err := c.connect(to)
	if err != nil {
		return nil, nil, fmt.Errorf("open a socket: %w", err)
	}
	transport = &quic.Transport{Conn: conn}
	return transport, func() {
		_ = transport.Close()
		_ = conn.Close()
	}, nil
}

func (l *quicLink) Read(b []byte) (int, error) {
	n, err := l.stream.Read(b)
	return n, said(err)
}

func (l *quicLink) Write(b []byte) (int, error) {
	n, err := l.stream.Write(b)
	return n, said(err)
}

func (l *quicLink) ReceiveDatagram(ctx context.Context) ([]byte, error) {
	b, err := l.conn.ReceiveDatagram(ctx)
	return b, said(err)
}

// Heard counts the packets that could be decrypted. The patience is QUIC's own for
// an idle timeout: three times what it waits for an answer before it asks again.
func (l *quicLink) Heard() (packets uint64, patience time.Duration) {
	const ackDelay = 25 * time.Millisecond
	stats := l.conn.ConnectionStats()
	return stats.PacketsReceived, 3 * (stats.SmoothedRTT + 4*stats.MeanDeviation + ackDelay)
}

// Ask sends an empty datagram: QUIC acknowledges it, repeats the question if it or the
// answer is lost, and the edge has nothing else to do with it.
func (l *quicLink) Ask() { _ = l.conn.SendDatagram(nil) }

func (l *quicLink) Done() <-chan struct{} { return l.conn.Context().Done() }

func (l *quicLink) Close(code wire.Code) {
	_ = l.conn.CloseWithError(quic.ApplicationErrorCode(code), code.String())
	l.free()
}

// said makes a code that the edge has sent in place of a frame a *ByeError.
func said(err error) error {
	var (
		closed *quic.ApplicationError
		reset  *quic.StreamError
	)
	switch {
	case errors.As(err, &closed) && closed.Remote:
		return &ByeError{Code: wire.Code(closed.ErrorCode), Text: closed.ErrorMessage}
	case errors.As(err, &reset) && reset.Remote:
		return &ByeError{Code: wire.Code(reset.ErrorCode)}
	}
	return err
}
