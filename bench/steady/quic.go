package steady

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/udp"
)

// alpn is the protocol of echo servers and relays.
const alpn = "reseat-bench-echo"

// config is what a careful user of quic-go would set on connections that carry small
// messages on streams: as few streams as there are players on it, windows that a
// message fits into many times, and a keep-alive that bridges NATs.
func config(streams int64) *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           3 * time.Second,
		MaxIdleTimeout:                 15 * time.Second,
		KeepAlivePeriod:                5 * time.Second,
		MaxIncomingStreams:             streams,
		MaxIncomingUniStreams:          -1,
		InitialStreamReceiveWindow:     64 << 10,
		MaxStreamReceiveWindow:         512 << 10,
		InitialConnectionReceiveWindow: 1 << 20,
		MaxConnectionReceiveWindow:     16 << 20,
	}
}

// endpoint is a socket with QUIC on it.
type endpoint struct {
	socket    net.PacketConn
	transport *quic.Transport
}

func (e endpoint) close() {
	_ = e.transport.Close()
	_ = e.socket.Close()
}

// listen opens a socket for many connections.
func listen(addr string, conf *tls.Config, streams int64) (endpoint, *quic.Listener, error) {
	local, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return endpoint{}, nil, err
	}
	socket, err := net.ListenUDP("udp", local)
	if err != nil {
		return endpoint{}, nil, err
	}
	e := endpoint{socket, &quic.Transport{Conn: socket}}
	conf = conf.Clone()
	conf.NextProtos = []string{alpn}
	l, err := e.transport.Listen(conf, config(streams))
	if err != nil {
		e.close()
		return endpoint{}, nil, err
	}
	return e, l, nil
}

// dial opens a connection on a connected socket of its own, as package player does.
func dial(ctx context.Context, addr string, conf *tls.Config) (endpoint, *quic.Conn, error) {
	remote, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return endpoint{}, nil, err
	}
	socket, err := udp.Connect(remote)
	if err != nil {
		return endpoint{}, nil, err
	}
	e := endpoint{socket, &quic.Transport{Conn: socket}}
	conf = conf.Clone()
	conf.NextProtos = []string{alpn}
	conf.ServerName = remote.IP.String()
	conn, err := e.transport.Dial(ctx, remote, conf, config(-1))
	if err != nil {
		e.close()
		return endpoint{}, nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return e, conn, nil
}

// acceptors is how many goroutines take connections out of quic-go's queue of 32.
const acceptors = 16

// accept gives each connection to serve, in a goroutine of its own, until ctx ends.
func accept(ctx context.Context, l *quic.Listener, serve func(*quic.Conn)) {
	loop := func() {
		for {
			conn, err := l.Accept(ctx)
			if err != nil {
				return
			}
			go serve(conn)
		}
	}
	for range acceptors - 1 {
		go loop()
	}
	loop()
}

// gone closes a connection that is not needed any more.
func gone(conn *quic.Conn) { _ = conn.CloseWithError(0, "") }
