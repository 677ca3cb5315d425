package admin

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

// ask is a GET of this machine.
func ask(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(http.MethodGet, path, "", headers...))
	return w
}

func TestSidecarServerIsReady(t *testing.T) {
	meshes := make(source, 1)
	s, fake := newSidecarServer(t, func(c *SidecarConfig) { c.Source = meshes })
	h := s.Handler()
	require.Equal(t, "ok\n", ask(h, "/livez").Body.String())
	require.Contains(t, ask(h, "/readyz?verbose").Body.String(), "[!] consul: has not answered")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.follow(ctx) }()
	meshes <- discovery.Mesh{At: start}
	require.Eventually(t, func() bool { return s.stale() == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, `[+] game: is connected
[+] mesh: registered as a1
[+] consul: answers
[+] region arena: primary
[+] region plaza: copying
ok
`, ask(h, "/readyz?verbose").Body.String())
	require.Equal(t, "ok\n", ask(h, "/readyz").Body.String())

	meshes <- discovery.Mesh{Stale: true, Since: time.Now().Add(-time.Minute)}
	require.Eventually(t, func() bool { return s.stale() >= time.Minute }, 5*time.Second, time.Millisecond)
	w := ask(h, "/readyz?verbose")
	require.Equal(t, 200, w.Code, "play goes on without Consul")
	require.Contains(t, w.Body.String(), "[!] consul: has not answered for 1m0s")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)

	fake.status.Regions[0].Leased = false
	require.Contains(t, ask(h, "/readyz?verbose").Body.String(), "[!] region arena: primary whose lease is over")
	fake.status = sidecar.Status{Name: "one"}
	w = ask(h, "/readyz")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "not ready: game\n", w.Body.String())
	fake.status.Game = true
	require.Equal(t, "not ready: mesh\n", ask(h, "/readyz").Body.String())
}

// It asks for the same as an edge's server does, and has nothing that steers.
func TestSidecarServerIsGuarded(t *testing.T) {
	s, _ := newSidecarServer(t)
	h := s.Handler()
	for _, path := range []string{"/mesh/status", "/mesh/drain", "/", "/debug/pprof/"} {
		w := ask(h, path)
		require.Equal(t, 404, w.Code, path)
		require.Contains(t, w.Body.String(), "steered at an edge")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(http.MethodPost, "/metrics", "{}"))
	require.Equal(t, 405, w.Code)
	require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	require.Equal(t, 403, ask(h, "/metrics", "Sec-Fetch-Site", "cross-site").Code, "a page of another site")

	token := strings.Repeat("t", minToken)
	s, _ = newSidecarServer(t, func(c *SidecarConfig) {
		c.Listen, c.Token, c.TLS, c.Pprof = "0.0.0.0:7701", token, &tls.Config{MinVersion: tls.VersionTLS13}, true
	})
	h = s.Handler()
	for path, want := range map[string]int{"/metrics": 401, "/debug/pprof/": 401, "/readyz?verbose": 401, "/readyz": 200, "/livez": 200} {
		require.Equal(t, want, ask(h, path).Code, path)
	}
	for path, want := range map[string]int{"/metrics": 200, "/debug/pprof/goroutine": 200, "/debug/pprof/cmdline": 404} {
		require.Equal(t, want, ask(h, path, "Authorization", "Bearer "+token).Code, path)
	}
	for _, change := range []func(*SidecarConfig){
		func(c *SidecarConfig) { c.Listen = "0.0.0.0:7701" },
		func(c *SidecarConfig) { c.Listen, c.Token = "0.0.0.0:7701", token },
		func(c *SidecarConfig) { c.Sidecar = nil },
		func(c *SidecarConfig) { c.Source = nil },
	} {
		cfg := SidecarConfig{Sidecar: newFakeSidecar(), Source: make(source)}
		change(&cfg)
		_, err := NewSidecar(cfg)
		require.Error(t, err)
	}
}

func TestSidecarServerRuns(t *testing.T) {
	s, _ := newSidecarServer(t, func(c *SidecarConfig) { c.Listen = "127.0.0.1:0" })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	addr, err := s.Addr(t.Context())
	require.NoError(t, err)
	res, err := http.Get("http://" + addr.String() + "/metrics") //nolint:noctx // it is bounded by the server
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	require.NoError(t, res.Body.Close())
	second, _ := newSidecarServer(t, func(c *SidecarConfig) { c.Listen = addr.String() })
	require.ErrorContains(t, second.Run(t.Context()), "in use")
	cancel()
	require.NoError(t, <-done)
}
