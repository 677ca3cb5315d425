package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// started runs a command until the test ends, and returns a field of the first
// record with that event.
func started(t *testing.T, event, field string, args ...string) (value string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	logs, stderr := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, slices.Insert(args, 1, "--log-format=json"), strings.NewReader(""), io.Discard, stderr)
		_ = stderr.Close()
		done <- err
	}()
	stop = func() error {
		if cancel == nil {
			return nil
		}
		cancel()
		cancel = nil
		return <-done
	}
	t.Cleanup(func() { _ = stop() })
	scan := bufio.NewScanner(logs)
	for scan.Scan() {
		var record map[string]any
		require.NoError(t, json.Unmarshal(scan.Bytes(), &record), "%s", scan.Bytes())
		if record["event"] == event {
			go func() { _, _ = io.Copy(io.Discard, logs) }()
			value, _ = record[field].(string)
			return value, stop
		}
	}
	require.FailNow(t, "no event "+event, "%v", <-done)
	return "", stop
}

// eventually looks at the status until it is good.
func eventually(t *testing.T, what string, good func(admin.Status) bool) (s admin.Status) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		out, err := call(t, "status", "--json")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(out), &s))
		if good(s) {
			return s
		}
		require.True(t, time.Now().Before(deadline), "%s: %s", what, out)
		time.Sleep(50 * time.Millisecond) // real time: there are real processes
	}
}

// A mesh is seen and steered through the API of an edge: with real commands, a
// registry, and games in processes of their own.
func TestControl(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv(asReseat, "1") // for the games
	registry := devconsul.New(devconsul.Options{})
	t.Cleanup(registry.Close)
	consul := httptest.NewServer(registry)
	t.Cleanup(consul.Close)
	at := "--consul=" + consul.URL

	url, stopEdge := started(t, "admin", "url", "edge", at, "--region=arena", "--name=edge-1", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--enable-test-endpoints", "--enable-pprof")
	t.Setenv("RESEAT_ADMIN", url)
	sidecar := "" // where the last one shows itself
	for _, name := range []string{"one", "two", "three"} {
		sidecar, _ = started(t, "admin", "url", "sidecar", at, "--region=arena", "--name="+name, "--enable-test-endpoints",
			"--admin=127.0.0.1:0", "--enable-pprof", "--", os.Args[0], "demo-game")
	}
	s := eventually(t, "covered", func(s admin.Status) bool {
		return len(s.Regions) == 1 && s.Regions[0].State == admin.Serving && s.Coverage.Percent == 100 && s.Coverage.Regions == 1 &&
			s.Controller != nil && s.Controller.Here && len(s.Edges) == 1
	})
	require.Equal(t, url, s.Controller.Admin)
	require.Equal(t, url, s.Edges[0].Admin)
	require.True(t, s.TestEndpoints)
	require.True(t, s.Regions[0].Protected)
	require.Equal(t, 1, s.Regions[0].Rank)

	for path, want := range map[string]string{
		"/": "<!doctype html>", "/readyz?verbose": "[+] region arena: serving", "/metrics": "reseat_mesh_coverage_ratio 1",
		"/openapi.json": `"openapi": "3.1.0"`, "/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		require.Contains(t, strings.ToLower(fetch(t, url+path)), strings.ToLower(want), path)
	}
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz?verbose": "[+] game: is connected", "/metrics": "reseat_sidecar_registered 1",
		"/debug/pprof/goroutine?debug=1": "goroutine profile",
	} {
		require.Contains(t, fetch(t, sidecar+path), want, path)
	}

	events := subscribe(t, url)
	first := s.Regions[0].Primary.Name
	target := "one"
	if first == target {
		target = "two"
	}
	out, err := call(t, "move", "arena", target, "--wait")
	require.NoError(t, err)
	require.Contains(t, out, "arena is led by "+target)
	awaitEvents(t, events, admin.EventMove, admin.EventSwitch)

	out, err = call(t, "drain", target, "--wait")
	require.NoError(t, err)
	require.Contains(t, out, target+" is empty: it may be stopped")
	awaitEvents(t, events, admin.EventDrain)
	_, err = call(t, "drain", target, "--undo")
	require.NoError(t, err)
	_, err = call(t, "drain", "nobody")
	require.ErrorContains(t, err, `there is no server "nobody": there is one, three, two`)

	s = eventually(t, "led by another one", func(s admin.Status) bool {
		return s.Regions[0].State == admin.Serving && s.Regions[0].Primary.Name != target && s.Coverage.Percent == 100
	})
	require.NotEmpty(t, s.Failovers)
	require.NoError(t, stopEdge())
	_, err = call(t, "status")
	require.ErrorContains(t, err, "nothing listens")
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, "%s", body)
	return string(body)
}

// subscribe reads the types of events as they come.
func subscribe(t *testing.T, url string) <-chan admin.EventType {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/mesh/events", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	types := make(chan admin.EventType, 1000)
	go func() {
		defer close(types)
		scan := bufio.NewScanner(res.Body)
		for scan.Scan() {
			if name, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
				types <- admin.EventType(name)
			}
		}
	}()
	return types
}

func awaitEvents(t *testing.T, events <-chan admin.EventType, want ...admin.EventType) {
	t.Helper()
	late := time.After(20 * time.Second)
	for _, one := range want {
		for {
			select {
			case got, open := <-events:
				require.True(t, open)
				if got != one {
					continue
				}
			case <-late:
				require.FailNow(t, "no event", "%s", one)
			}
			break
		}
	}
}

// A second edge of a machine goes without an API where the default is taken, and
// says so.
func TestSecondEdgeGoesWithout(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	ln, err := listenLocal(admin.DefaultListen)
	if err == nil {
		defer ln.Close()
	}
	addr, stop := started(t, "no_admin", "addr", "edge", nowhere, "--region=arena", "--listen=127.0.0.1:0")
	require.Equal(t, admin.DefaultListen, addr)
	require.NoError(t, stop())

	taken, err := listenLocal("127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = call(t, "edge", nowhere, "--region=arena", "--listen=127.0.0.1:0", "--admin="+taken.Addr().String())
	require.ErrorContains(t, err, "is in use by another process: stop it, or choose another address with --admin or RESEAT_EDGE_ADMIN_LISTEN")
}

func listenLocal(address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", address)
}

// From other machines the API is asked with its token, over TLS.
func TestControlFromElsewhere(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dev, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(strings.Repeat("k", 32)), 0o600))
	t.Setenv("RESEAT_EDGE_ADMIN_TLS_CERT", dev.Public.Cert)
	t.Setenv("RESEAT_EDGE_ADMIN_TLS_KEY", dev.Public.Key)
	url, _ := started(t, "admin", "url", "edge", nowhere, "--region=arena", "--listen=127.0.0.1:0", "--admin=0.0.0.0:0", "--admin-token-file="+token)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "https://"))
	require.NoError(t, err)
	t.Setenv("RESEAT_ADMIN", "https://127.0.0.1:"+port)

	_, err = call(t, "status")
	require.ErrorContains(t, err, "give its CA with --ca-file")
	_, err = call(t, "status", "--ca-file", dev.Public.CA)
	require.ErrorContains(t, err, "send the token of admin.token_file")
	out, err := call(t, "status", "--ca-file", dev.Public.CA, "--token-file", token)
	require.NoError(t, err)
	require.Contains(t, out, "STALE: Consul does not answer")
	t.Setenv("RESEAT_ADMIN_TOKEN_FILE", token)
	_, err = call(t, "drain", "one", "--ca-file", dev.Public.CA)
	require.ErrorContains(t, err, "consul has not said yet which servers there are")
}
