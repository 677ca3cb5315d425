package certs

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shake does a handshake and returns the errors of both ends.
func shake(client, server *tls.Config) (clientErr, serverErr error) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		return err, err
	}
	defer ln.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			defer conn.Close()
			_, err = conn.Write([]byte("!")) // a client hears of a refusal with its first read
		}
		done <- err
	}()
	client = client.Clone()
	if client.ServerName == "" {
		client.ServerName = "localhost"
	}
	conn, clientErr := tls.Dial("tcp", ln.Addr().String(), client)
	if clientErr == nil {
		_, clientErr = conn.Read(make([]byte, 1))
		conn.Close()
	}
	return clientErr, <-done
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { t.Helper(); require.NoError(t, err); return v }
}

func TestRoles(t *testing.T) {
	set := must(Dev(t.TempDir()))(t)
	other := must(Dev(t.TempDir()))(t)
	mixed := other.Edge
	mixed.CA = set.Edge.CA
	for name, tc := range map[string]struct {
		client, server Files
		role           string
		roles          []string
		refused        bool
	}{
		"edge to server":          {set.Edge, set.Server, RoleServer, []string{RoleEdge, RoleServer}, false},
		"server to server":        {set.Server, set.Server, RoleServer, []string{RoleEdge, RoleServer}, false},
		"server where edges go":   {set.Server, set.Server, RoleServer, []string{RoleEdge}, true},
		"edge poses as server":    {set.Edge, set.Edge, RoleServer, []string{RoleEdge}, true},
		"public certificate":      {set.Public, set.Server, RoleServer, []string{RoleEdge, RoleServer}, true},
		"certificate of other CA": {mixed, set.Server, RoleServer, []string{RoleEdge}, true},
		"server of other CA":      {set.Edge, other.Server, RoleServer, []string{RoleEdge}, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := must(LinkClient(tc.client, tc.role))(t)
			server := must(LinkServer(tc.server, tc.roles...))(t)
			c, s := shake(client, server)
			if tc.refused {
				require.True(t, c != nil && s != nil, "client: %v, server: %v", c, s)
				return
			}
			require.NoError(t, c)
			require.NoError(t, s)
		})
	}
}

func TestPlayers(t *testing.T) {
	set := must(Dev(t.TempDir()))(t)
	server := must(PlayerServer(set.Public))(t)
	client := must(PlayerClient(set.Public.CA))(t)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		client.ServerName = name
		c, s := shake(client, server)
		require.NoError(t, c)
		require.NoError(t, s)
	}
	client.ServerName = "example.com"
	c, _ := shake(client, server)
	require.ErrorAs(t, c, &x509.HostnameError{})

	client.ServerName, client.MinVersion, client.MaxVersion = "localhost", tls.VersionTLS12, tls.VersionTLS12
	c, s := shake(client, server)
	require.True(t, c != nil && s != nil, "TLS 1.2 is refused")
	_, s = shake(must(PlayerClient(set.Public.CA))(t), must(LinkServer(set.Server, RoleEdge))(t))
	require.Error(t, s, "no certificate, no link")
}

func TestDevStartedByManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	sets := make([]Set, 8)
	var wg sync.WaitGroup
	for i := range sets {
		wg.Go(func() { sets[i], _ = Dev(dir) })
	}
	wg.Wait()
	for _, s := range sets {
		require.Equal(t, sets[0], s)
		c, err := shake(must(LinkClient(s.Edge, RoleServer))(t), must(LinkServer(sets[0].Server, RoleEdge))(t))
		require.NoError(t, c)
		require.NoError(t, err)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left behind")
}

func TestDevRenews(t *testing.T) {
	dir := t.TempDir()
	set := must(Dev(dir))(t)
	before, err := os.ReadFile(set.Edge.Cert)
	require.NoError(t, err)
	ca := must(newAuthority(filepath.Join(t.TempDir(), "ca")))(t)
	ca.cert.NotAfter = time.Now().Add(time.Hour)
	leaf := template("old")
	leaf.NotAfter = time.Now().Add(time.Hour)
	writeLeaf(t, set.Edge, leaf)
	again := must(Dev(dir))(t)
	after, err := os.ReadFile(again.Edge.Cert)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	require.NoError(t, again.check())
}

// writeLeaf replaces a certificate by one of its own making.
func writeLeaf(t *testing.T, f Files, leaf *x509.Certificate) {
	dir := t.TempDir()
	ca := must(newAuthority(filepath.Join(dir, "ca.pem")))(t)
	require.NoError(t, ca.issue(filepath.Join(dir, "leaf"), leaf))
	if !leaf.NotAfter.IsZero() {
		reissue(t, ca, dir, leaf.NotAfter)
	}
	for from, to := range map[string]string{"leaf.pem": f.Cert, "leaf.key": f.Key} {
		text, err := os.ReadFile(filepath.Join(dir, from))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
}

// reissue signs the leaf's key again with another end.
func reissue(t *testing.T, ca *authority, dir string, end time.Time) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "leaf.pem"), filepath.Join(dir, "leaf.key"))
	require.NoError(t, err)
	leaf := *pair.Leaf
	leaf.NotAfter = end
	der, err := x509.CreateCertificate(nil, &leaf, ca.cert, leaf.PublicKey, ca.key)
	require.NoError(t, err)
	require.NoError(t, writePEM(filepath.Join(dir, "leaf.pem"), "CERTIFICATE", der, 0o644))
}

func TestReload(t *testing.T) {
	set := must(Dev(t.TempDir()))(t)
	p := must(newPair(set.Public))(t)
	first := p.get()
	require.Same(t, first, p.get())

	require.NoError(t, os.WriteFile(set.Public.Cert, []byte("not a certificate"), 0o644))
	p.checked = time.Time{}
	require.Same(t, first, p.get(), "the old one serves on")

	writeLeaf(t, set.Public, &x509.Certificate{DNSNames: []string{"new.example.com"}})
	require.Same(t, first, p.get(), "files are looked at once a second at most")
	p.checked = time.Time{}
	require.Equal(t, []string{"new.example.com"}, p.get().Leaf.DNSNames)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	set := must(Dev(t.TempDir()))(t)
	require.NoError(t, os.Chmod(set.Edge.Key, 0o644))
	_, err := LinkClient(set.Edge, RoleServer)
	require.ErrorContains(t, err, "chmod 0600")
	_, err = PlayerServer(Files{Cert: "/nowhere.pem", Key: "/nowhere.key"})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = PlayerClient(set.Server.Key)
	require.ErrorContains(t, err, "holds no PEM certificate")
	expired := set.Server
	writeLeaf(t, expired, &x509.Certificate{NotAfter: time.Now().Add(-time.Minute)})
	_, err = LinkServer(expired, RoleEdge)
	require.ErrorContains(t, err, "has expired on")
}
