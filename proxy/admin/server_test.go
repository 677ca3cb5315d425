package admin

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/controller"
)

// run serves the rig's API until the test ends, or stop is called; which returns
// what Run did.
func (r *rig) run() (address string, stop func() error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.server.Run(ctx) }()
	addr, err := r.server.Addr(r.t.Context())
	require.NoError(r.t, err)
	var ended error
	stop = func() error {
		if cancel != nil {
			cancel()
			cancel, ended = nil, <-done
		}
		return ended
	}
	r.t.Cleanup(func() { _ = stop() })
	return addr.String(), stop
}

func anyPort(c *Config) { c.Listen = "127.0.0.1:0" }

// An end is an end in good order: streams end, and Run returns.
func TestRun(t *testing.T) {
	r := newRig(t, anyPort)
	asked := make(chan struct{}, 1)
	r.server.cfg.Edges = func(context.Context) ([]discovery.EdgeServer, error) {
		select {
		case asked <- struct{}{}:
		default:
		}
		return []discovery.EdgeServer{{Name: "edge-1", Incarnation: "e1", Passing: true}}, nil
	}
	address, stop := r.run()
	<-asked
	client, err := NewClient(address, "", nil)
	require.NoError(t, err)
	defer client.Close()
	require.Eventually(t, func() bool {
		s, err := client.Status(t.Context())
		require.NoError(t, err)
		return len(s.Edges) == 1
	}, 5*time.Second, time.Millisecond)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/mesh/events", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	require.True(t, lines.Scan())
	require.True(t, strings.HasPrefix(lines.Text(), ": events of the mesh"), lines.Text())
	m := aMesh()
	m.State.Level = "severe"
	r.source <- m
	for lines.Scan() && lines.Text() != "event: level" {
	}
	require.Equal(t, "event: level", lines.Text())
	began := time.Now()
	require.NoError(t, stop())
	require.Less(t, time.Since(began), 5*time.Second)
	_, err = io.Copy(io.Discard, res.Body)
	_ = err // however it ends
	_, err = client.Status(t.Context())
	require.ErrorContains(t, err, "nothing listens at http://"+address)
}

func TestAddressInUse(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	r := newRig(t, func(c *Config) { c.Listen = ln.Addr().String() })
	var op *net.OpError
	require.ErrorAs(t, r.server.Run(t.Context()), &op)
	require.Equal(t, "listen", op.Op)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.server.Addr(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// Somebody who connects and says nothing, or not all, is cut off.
func TestSilentClient(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a timeout")
	}
	r := newRig(t, anyPort)
	address, _ := r.run()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /mesh/drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*readTimeout)))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	require.Empty(t, r.ctl.heard())
}

// Other machines need TLS and the token.
func TestTLS(t *testing.T) {
	cert, pool := selfSigned(t)
	r := newRig(t, func(c *Config) {
		c.Listen, c.Token, c.TLS = "0.0.0.0:0", token, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	})
	address, _ := r.run()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	base := "https://localhost:" + port
	for name, tt := range map[string]struct {
		token string
		trust *tls.Config
		says  string
	}{
		"good":        {token, &tls.Config{RootCAs: pool}, ""},
		"no token":    {"", &tls.Config{RootCAs: pool}, "Authorization: Bearer"},
		"not trusted": {token, &tls.Config{RootCAs: x509.NewCertPool()}, "give its CA with --ca-file"},
	} {
		client, err := NewClient(base, tt.token, tt.trust)
		require.NoError(t, err)
		_, err = client.Status(t.Context())
		client.Close()
		if tt.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, tt.says, name)
		}
	}
	plain, err := NewClient("http://127.0.0.1:"+port, "", nil)
	require.NoError(t, err)
	_, err = plain.Status(t.Context())
	require.ErrorContains(t, err, "not as an edge's API does: check the address")
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// A command goes on to the controller, once.
func TestClientFollowsToTheController(t *testing.T) {
	there := newRig(t, anyPort)
	leader, _ := there.run()
	here := newRig(t, anyPort)
	here.ctl.err = &controller.ElsewhereError{Edge: "edge-2", Admin: "http://" + leader}
	address, _ := here.run()
	client, err := NewClient(address, "", nil)
	require.NoError(t, err)
	defer client.Close()
	_, err = client.Move(t.Context(), MoveRequest{Region: "arena", To: "three"})
	require.NoError(t, err)
	require.Equal(t, []string{"move arena to c1"}, there.ctl.heard())

	there.ctl.err = &controller.ElsewhereError{Edge: "edge-1", Admin: "http://" + address} // and back
	var p *Problem
	_, err = client.Drain(t.Context(), DrainRequest{Server: "one"})
	require.ErrorAs(t, err, &p)
	require.Equal(t, "not_controller", p.Code)
	require.Len(t, there.ctl.heard(), 1)

	here.ctl.err = &controller.ElsewhereError{Edge: "edge-2"}
	_, err = client.Drain(t.Context(), DrainRequest{Server: "one"})
	require.ErrorContains(t, err, "the controller is edge-2, whose API is not known")
}

func TestNewClient(t *testing.T) {
	for base, says := range map[string]string{
		"127.0.0.1:7700":        "",
		"https://edge:1":        "",
		"http://localhost:7700": "",
		"http://edge:7700":      "in the clear: use https://",
		"ftp://edge":            "is not the address of an edge's API",
		"http://":               "is not the address",
		"%":                     "is not the address",
	} {
		_, err := NewClient(base, token, nil)
		if says == "" {
			require.NoError(t, err, base)
		} else {
			require.ErrorContains(t, err, says, base)
		}
	}
}
