package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// link is a connection to an edge: a reliable stream both ways, and datagrams
// from the edge where the transport has them. Read and Write fail with a
// *ByeError when the edge has closed the connection with a code.
type link interface {
	io.ReadWriter
	ReceiveDatagram(ctx context.Context) ([]byte, error)
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
	addr, host, err := resolve(ctx, edge)
	if err != nil {
		return nil, err
	}
	transport, free, err := socket(cfg, addr)
	if err != nil {
		return nil, err
	}
	conf := cfg.TLS
	if conf.ServerName == "" {
		conf = conf.Clone()
		conf.ServerName = host
	}
	conn, err := transport.Dial(ctx, net.UDPAddrFromAddrPort(addr), conf, quicConfig())
	if err != nil {
		free()
		return nil, said(err)
	}
	l := &quicLink{conn: conn, free: free}
	if l.stream, err = conn.OpenStreamSync(ctx); err != nil {
		l.Close(wire.CodeLeft)
		return nil, said(err)
	}
	return l, nil
}

func quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshakeTimeout,
		MaxIdleTimeout:       idleTimeout,
		KeepAlivePeriod:      keepAlive,
		EnableDatagrams:      true,
		// One update of the largest size must fit; more only serves to lag behind.
		InitialStreamReceiveWindow:     128 << 10,
		MaxStreamReceiveWindow:         512 << 10,
		InitialConnectionReceiveWindow: 128 << 10,
		MaxConnectionReceiveWindow:     512 << 10,
		MaxIncomingStreams:             -1, // an edge opens none
		MaxIncomingUniStreams:          -1,
	}
}

// resolve looks up an edge's address, with a context where the quic and net
// helpers have none.
func resolve(ctx context.Context, edge string) (addr netip.AddrPort, host string, err error) {
	host, service, err := net.SplitHostPort(edge)
	if err != nil {
		return addr, "", err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return addr, "", err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return addr, "", err
		}
		ip = ips[0]
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), host, nil
}

// socket is the shared one, or a new one of the address's family.
func socket(cfg *Config, to netip.AddrPort) (transport *quic.Transport, free func(), err error) {
	if cfg.Transport != nil {
		return cfg.Transport, func() {}, nil
	}
	network := "udp6"
	if to.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, nil)
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
