package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
)

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, NextProtos: []string{"relay"}, MinVersion: tls.VersionTLS13,
	}
}

// quicEcho is a QUIC server that echoes one stream of each connection. It tells
// each connection.
func quicEcho(t *testing.T, tlsConf *tls.Config, conf *quic.Config) (addr string, conns <-chan *quic.Conn) {
	t.Helper()
	ln, err := quic.ListenAddr("127.0.0.1:0", tlsConf, conf)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	accepted := make(chan *quic.Conn, 1)
	go func() {
		for {
			conn, err := ln.Accept(context.Background())
			if err != nil {
				return
			}
			accepted <- conn
			go func() {
				s, err := conn.AcceptStream(context.Background())
				if err == nil {
					_, _ = io.Copy(s, s)
				}
			}()
		}
	}()
	return ln.Addr().String(), accepted
}

// A real QUIC connection lives through loss, doubles and reordering, and through
// a NAT that forgets it.
func TestQUICSurvives(t *testing.T) {
	tlsConf, conf := selfSigned(t), &quic.Config{MaxIdleTimeout: patience, HandshakeIdleTimeout: patience}
	addr, conns := quicEcho(t, tlsConf, conf)
	r := start(t, Config{Target: addr, Seed: 1})
	require.NoError(t, r.Set(Both(Way{
		Loss: 0.2, Duplicate: 0.1, Reorder: 0.2, HoldBack: 3 * time.Millisecond, Delay: time.Millisecond, Jitter: time.Millisecond / 2,
	})))
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer socket.Close()
	tr := &quic.Transport{Conn: socket}
	defer tr.Close()
	conn, err := tr.Dial(t.Context(), net.UDPAddrFromAddrPort(r.Addr()), tlsConf, conf)
	require.NoError(t, err)
	defer func() { _ = conn.CloseWithError(0, "") }()
	stream, err := conn.OpenStreamSync(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.SetDeadline(time.Now().Add(2*patience)))

	exchange := func() {
		t.Helper()
		sent, got := make([]byte, 1000), make([]byte, 1000)
		for i := range 30 {
			sent[0] = byte(i)
			_, err := stream.Write(sent)
			require.NoError(t, err)
			_, err = io.ReadFull(stream, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(sent, got))
		}
	}
	exchange()
	server := <-conns
	before := server.RemoteAddr().String()
	require.Equal(t, r.Flows()[0].Upstream.String(), before)
	n, err := r.Rebind()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	exchange()
	eventually(t, func() bool { return server.RemoteAddr().String() == r.Flows()[0].Upstream.String() }, "the server has not followed")
	require.NotEqual(t, before, server.RemoteAddr().String())

	s := r.Stats()
	for _, p := range []Packets{s.ToTarget, s.ToClient} {
		require.NotZero(t, p.Lost)
		require.NotZero(t, p.Duplicated)
		require.NotZero(t, p.Reordered)
		require.Zero(t, p.Failed)
	}
	require.Len(t, conns, 0, "one connection all the time")
}
