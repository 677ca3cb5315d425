package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shake connects two ends, passes a byte each way, and returns the errors of
// both. With TLS 1.3 a client hears of a refusal with its first read.
func shake(client, server *tls.Config) (clientErr, serverErr error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// A pipe has no buffer: two alerts would block each other.
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err, err
	}
	defer ln.Close()
	client = client.Clone()
	if client.ServerName == "" {
		client.ServerName = "localhost"
	}
	done := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			defer conn.Close()
			err = swap(ctx, tls.Server(conn, server))
		}
		done <- err
	}()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	if err != nil {
		return err, err
	}
	defer conn.Close()
	clientErr = swap(ctx, tls.Client(conn, client))
	return clientErr, <-done
}

func swap(ctx context.Context, conn *tls.Conn) error {
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("!")); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

func dial(t *testing.T, f Files, role string) *tls.Config {
	t.Helper()
	c, err := LinkClient(f, role)
	require.NoError(t, err)
	return c
}

func listen(t *testing.T, f Files, roles ...string) *tls.Config {
	t.Helper()
	c, err := LinkServer(f, roles...)
	require.NoError(t, err)
	return c
}

func newSet(t *testing.T) Set {
	t.Helper()
	set, err := Dev(t.TempDir())
	require.NoError(t, err)
	return set
}

func TestLinks(t *testing.T) {
	set := newSet(t)
	for name, link := range map[string][2]*tls.Config{
		"edge to server":             {dial(t, set.Edge, RoleServer), listen(t, set.Server, RoleEdge)},
		"server to server":           {dial(t, set.Server, RoleServer), listen(t, set.Server, RoleServer)},
		"either may dial, edge does": {dial(t, set.Edge, RoleServer), listen(t, set.Server, RoleEdge, RoleServer)},
		"either may dial, and does":  {dial(t, set.Server, RoleServer), listen(t, set.Server, RoleEdge, RoleServer)},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := shake(link[0], link[1])
			require.NoError(t, client)
			require.NoError(t, server)
		})
	}
}

func TestLinkRefusesAnotherRole(t *testing.T) {
	set := newSet(t)
	client, server := shake(dial(t, set.Server, RoleServer), listen(t, set.Server, RoleEdge))
	require.Error(t, client, "the client hears of it")
	require.ErrorIs(t, server, ErrRole)
	require.EqualError(t, server, "certs: the certificate is for another role: it names [server.reseat.internal], wanted is edge.reseat.internal")
	require.ErrorAs(t, server, new(*RoleError))

	client, server = shake(dial(t, set.Server, RoleServer), listen(t, set.Edge, RoleServer))
	require.ErrorAs(t, client, new(x509.HostnameError))
	require.Error(t, server, "the server hears of it")
}

// A wildcard would be every role at once.
func TestLinkRefusesWildcard(t *testing.T) {
	f := newFiles(t)
	ca := newCA(t, f.CA)
	wild := linkNames("*")
	wild.dns = append(wild.dns, roleName("other"))
	ca.issue(t, f, wild)
	client, _ := shake(dial(t, f, RoleServer), listen(t, f, "other"))
	require.ErrorIs(t, client, ErrRole)
	_, server := shake(dial(t, f, "other"), listen(t, f, RoleEdge))
	require.ErrorIs(t, server, ErrRole)

	ca.issue(t, f, linkNames("*"))
	_, err := LinkClient(f, RoleServer)
	require.ErrorIs(t, err, ErrNoRole)
}

func TestLinkRefusesAnotherCA(t *testing.T) {
	ours, other := newSet(t), newSet(t)
	client, server := shake(dial(t, other.Edge, RoleServer), listen(t, ours.Server, RoleEdge))
	require.ErrorAs(t, client, new(x509.UnknownAuthorityError))
	require.Error(t, server)

	// Trusting the server is not enough: its own certificate counts.
	stranger := dial(t, other.Edge, RoleServer)
	stranger.RootCAs = dial(t, ours.Edge, RoleServer).RootCAs
	client, server = shake(stranger, listen(t, ours.Server, RoleEdge))
	require.Error(t, client)
	require.ErrorAs(t, server, new(x509.UnknownAuthorityError))
}

func TestLinkRefusesPlayers(t *testing.T) {
	set := newSet(t)
	player, err := PlayerClient(set.Public.CA)
	require.NoError(t, err)
	player.ServerName = roleName(RoleServer)
	_, server := shake(player, listen(t, set.Server, RoleEdge))
	require.ErrorContains(t, server, "client didn't provide a certificate")

	public, err := newReloader(set.Public, set.Public.load)
	require.NoError(t, err)
	player.GetClientCertificate = public.client
	_, server = shake(player, listen(t, set.Server, RoleEdge))
	require.ErrorContains(t, server, "incompatible key usage", "the public certificate is no client's")
}

// A peer whose certificate ran out while it ran.
func TestLinkRefusesExpired(t *testing.T) {
	set := newSet(t)
	late := dial(t, set.Edge, RoleServer)
	late.Time = yearsLater
	client, _ := shake(late, listen(t, set.Server, RoleEdge))
	requireExpired(t, client)

	server := listen(t, set.Server, RoleEdge)
	server.Time = yearsLater
	_, err := shake(dial(t, set.Edge, RoleServer), server)
	requireExpired(t, err)
}

func requireExpired(t *testing.T, err error) {
	t.Helper()
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, x509.Expired, invalid.Reason)
}

func TestPlayers(t *testing.T) {
	set := newSet(t)
	server, err := PlayerServer(set.Public)
	require.NoError(t, err)
	player, err := PlayerClient(set.Public.CA)
	require.NoError(t, err)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		player.ServerName = name
		c, s := shake(player, server)
		require.NoError(t, errors.Join(c, s), name)
	}
	player.ServerName = "example.com"
	c, s := shake(player, server)
	require.ErrorAs(t, c, new(x509.HostnameError))
	require.Error(t, s)

	system, err := PlayerClient("")
	require.NoError(t, err)
	require.Nil(t, system.RootCAs)
	c, _ = shake(system, server)
	require.ErrorAs(t, c, new(x509.UnknownAuthorityError), "a development certificate is not for everybody")
}

func TestOldTLSIsRefused(t *testing.T) {
	set := newSet(t)
	public, err := PlayerServer(set.Public)
	require.NoError(t, err)
	player, err := PlayerClient(set.Public.CA)
	require.NoError(t, err)
	for name, ends := range map[string][2]*tls.Config{
		"player": {player, public},
		"link":   {dial(t, set.Edge, RoleServer), listen(t, set.Server, RoleEdge)},
	} {
		t.Run(name, func(t *testing.T) {
			old := ends[0].Clone()
			old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			c, s := shake(old, ends[1])
			require.ErrorContains(t, c, "protocol version not supported")
			require.ErrorContains(t, s, "unsupported version")

			old = ends[1].Clone()
			old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			c, s = shake(ends[0], old)
			require.ErrorContains(t, c, "protocol version not supported")
			require.Error(t, s)
			require.NotErrorIs(t, s, io.EOF)
		})
	}
}
