package link_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// ends opens a listener on loopback and a link to it.
func ends(t *testing.T, secret []byte) (*link.Listener, *link.Conn, *link.Conn) {
	t.Helper()
	set, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	server, err := certs.LinkServer(set.Server, certs.RoleEdge)
	require.NoError(t, err)
	client, err := certs.LinkClient(set.Edge, certs.RoleServer)
	require.NoError(t, err)
	// The idle time is long: what these tests see, they do not see by silence.
	ln, err := link.Listen("127.0.0.1:0", secret, link.Config{TLS: server, Idle: time.Minute, KeepAlive: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(ln.Close)
	ours, err := link.Dial(t.Context(), ln.Addr().String(), link.Config{TLS: client, Idle: time.Minute, KeepAlive: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { ours.Close(wire.CodeLeft) })
	theirs, err := ln.Accept(t.Context())
	require.NoError(t, err)
	return ln, ours, theirs
}

func cause(c *link.Conn) wire.Code {
	<-c.Context().Done()
	return link.Cause(context.Cause(c.Context()))
}

// A process that dies leaves a closed port: the kernel says so to a connected
// socket with the next packet.
func TestDeadProcessIsRefused(t *testing.T) {
	ln, ours, _ := ends(t, nil)
	ln.Close() // without a word to the peer, as by SIGKILL
	require.Equal(t, wire.CodeRefusedUDP, cause(ours))
}

func TestReasonOfACloseArrives(t *testing.T) {
	_, ours, theirs := ends(t, nil)
	theirs.Close(wire.CodeGameExit)
	require.Equal(t, wire.CodeGameExit, cause(ours))
}

func TestDialToNobodyIsRefused(t *testing.T) {
	ln, ours, _ := ends(t, nil)
	addr := ln.Addr().String()
	ours.Close(wire.CodeLeft)
	ln.Close()
	set, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	client, err := certs.LinkClient(set.Edge, certs.RoleServer)
	require.NoError(t, err)
	_, err = link.Dial(t.Context(), addr, link.Config{TLS: client})
	require.Equal(t, wire.CodeRefusedUDP, link.Cause(err))
	require.ErrorContains(t, err, addr)
}

func TestCauses(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want wire.Code
	}{
		{nil, wire.CodeNone},
		{&quic.ApplicationError{ErrorCode: quic.ApplicationErrorCode(wire.CodeDrain), Remote: true}, wire.CodeDrain},
		{&quic.IdleTimeoutError{}, wire.CodeSilence},
		{&quic.HandshakeTimeoutError{}, wire.CodeSilence},
		{&quic.StatelessResetError{}, wire.CodeRefusedUDP},
		{&wire.Error{Code: wire.CodeTooLarge}, wire.CodeTooLarge},
		{errors.New("anything else"), wire.CodeLinkClosed},
	} {
		require.Equal(t, tc.want, link.Cause(tc.err), "%v", tc.err)
	}
}

func TestDatagramNamesItsStream(t *testing.T) {
	b := append(link.AppendDatagram(nil, 400), "frames"...)
	id, frames, ok := link.SplitDatagram(b)
	require.True(t, ok)
	require.Equal(t, quic.StreamID(400), id)
	require.Equal(t, "frames", string(frames))
	_, _, ok = link.SplitDatagram(nil)
	require.False(t, ok)
}
