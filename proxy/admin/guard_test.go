package admin

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const token = "0123456789abcdef0123456789abcdef"

// Without a token only this machine may ask, and no page of another site by way of
// its browser.
func TestLocalGuard(t *testing.T) {
	r := newRig(t)
	drain := `{"server":"one"}`
	for _, tt := range []struct {
		name    string
		req     *http.Request
		code    int
		problem string
	}{
		{"by address", request("GET", "/mesh/status", ""), 200, ""},
		{"by name", hosted(request("GET", "/mesh/status", ""), "LOCALHOST:7700"), 200, ""},
		{"by IPv6 address", hosted(request("GET", "/mesh/status", ""), "[::1]:7700"), 200, ""},
		{"without port", hosted(request("GET", "/mesh/status", ""), "127.0.0.1"), 200, ""},
		{"another loopback address", hosted(request("GET", "/mesh/status", ""), "127.8.8.8:1"), 200, ""},
		{"rebound name", hosted(request("GET", "/mesh/status", ""), "evil.example:7700"), 403, "host"},
		{"rebound name, page", hosted(request("GET", "/", ""), "evil.example:7700"), 403, "host"},
		{"name that begins well", hosted(request("GET", "/mesh/status", ""), "localhost.evil.example"), 403, "host"},
		{"address of this machine", hosted(request("GET", "/mesh/status", ""), "10.0.0.5:7700"), 403, "host"},
		{"no host", hosted(request("GET", "/mesh/status", ""), ""), 403, "host"},
		{"our page reads", request("GET", "/mesh/events", "", "Sec-Fetch-Site", "same-origin", "Last-Event-ID", "x"), 400, "last_event_id"},
		{"a page of another site reads", request("GET", "/mesh/events", "", "Sec-Fetch-Site", "cross-site"), 403, "origin"},
		{"a page of another port reads", request("GET", "/mesh/status", "", "Sec-Fetch-Site", "same-site"), 403, "origin"},
		{"a link to the page", request("GET", "/", "", "Sec-Fetch-Site", "cross-site"), 200, ""},
		{"a program commands", request("POST", "/mesh/drain", drain), 202, ""},
		{"our page commands", request("POST", "/mesh/drain", drain, "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:7700"), 202, ""},
		{"our page in an old browser", request("POST", "/mesh/drain", drain, "Origin", "http://127.0.0.1:7700"), 202, ""},
		{"a page of another site commands", request("POST", "/mesh/drain", drain, "Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"), 403, "origin"},
		{"in an old browser", request("POST", "/mesh/drain", drain, "Origin", "http://evil.example"), 403, "origin"},
		{"of a sandboxed frame", request("POST", "/mesh/drain", drain, "Origin", "null"), 403, "origin"},
		{"of another port", request("POST", "/mesh/drain", drain, "Origin", "http://127.0.0.1:8080"), 403, "origin"},
		{"a form commands", request("POST", "/mesh/drain", drain, "Content-Type", "text/plain"), 415, "content_type"},
		{"a form commands", request("POST", "/mesh/drain", "server=one", "Content-Type", "application/x-www-form-urlencoded"), 415, "content_type"},
	} {
		w := r.do(tt.req)
		require.Equal(t, tt.code, w.Code, "%s: %s", tt.name, w.Body)
		if tt.problem != "" {
			require.Equal(t, tt.problem, decoded[Problem](t, w).Code, tt.name)
			require.Empty(t, r.ctl.heard(), tt.name)
		}
		r.ctl.heard()
	}
}

func hosted(req *http.Request, host string) *http.Request {
	req.Host = host
	return req
}

// With a token it is what counts, from wherever one asks.
func TestToken(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Token = token })
	for _, rt := range routes {
		if rt.open {
			continue
		}
		method, path, body := "GET", strings.Replace(rt.path, "{region_id}", "arena", 1), ""
		if rt.post != nil {
			method, body = "POST", "{}"
		}
		for name, header := range map[string]string{
			"none": "", "wrong": "Bearer " + strings.Repeat("x", len(token)), "too short": "Bearer " + token[:31],
			"too long": "Bearer " + token + "0", "other scheme": "Basic " + token, "bare": token, "empty": "Bearer ",
		} {
			w := r.do(request(method, path, body, "Authorization", header))
			require.Equal(t, 401, w.Code, "%s, %s", path, name)
			require.Equal(t, `Bearer realm="reseat"`, w.Header().Get("WWW-Authenticate"))
			require.NotContains(t, w.Body.String(), token)
		}
	}
	require.Empty(t, r.ctl.heard())
	w := r.do(hosted(request("GET", "/mesh/status", "", "Authorization", "Bearer "+token), "edge-1.internal"))
	require.Equal(t, 200, w.Code)
	w = r.do(request("POST", "/mesh/drain", `{"server":"one"}`, "Authorization", "bearer  "+token))
	require.Equal(t, 202, w.Code)

	for _, path := range []string{"/livez", "/readyz", "/openapi.json", "/"} {
		require.Equal(t, 200, r.do(hosted(request("GET", path, ""), "edge-1.internal")).Code, path)
	}
	require.Equal(t, 401, r.do(request("GET", "/readyz?verbose", "")).Code)
	require.Equal(t, 200, r.do(request("GET", "/readyz?verbose", "", "Authorization", "Bearer "+token)).Code)
}

// Each endpoint against wrong methods, bodies and sizes.
func TestBadRequests(t *testing.T) {
	r := newRig(t)
	for _, rt := range routes {
		path := strings.Replace(rt.path, "{region_id}", "arena", 1)
		good := []string{"POST"}
		if rt.get != nil {
			good = []string{"GET", "HEAD"}
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			if slices.Contains(good, method) {
				continue
			}
			w := r.do(request(method, path, ""))
			require.Equal(t, 405, w.Code, "%s %s", method, path)
			require.Equal(t, strings.Join(good, ", "), w.Header().Get("Allow"))
		}
		if rt.post == nil {
			continue
		}
		for body, want := range map[string]int{
			"":                                      415, // no type either
			"nothing":                               400,
			"{":                                     400,
			"[]":                                    400,
			`{"unknown":1}`:                         400,
			`{} {}`:                                 400,
			`{}x`:                                   400,
			`"` + strings.Repeat("x", 65<<10) + `"`: 413,
			`{"server":"` + strings.Repeat("x", 65<<10) + `"}`: 413,
		} {
			w := r.do(request("POST", path, body))
			if want == 413 && w.Code == 400 { // refused at a byte before that
				continue
			}
			require.Equal(t, want, w.Code, "%s %.40s: %s", path, body, w.Body)
		}
	}
	require.Empty(t, r.ctl.heard(), "nothing was done")
}

// What is named must be there, and make sense.
func TestUnknownNames(t *testing.T) {
	r := newRig(t)
	twins := aMesh()
	twins.Servers = append(twins.Servers, twins.Servers[2])
	twins.Servers[3].Incarnation = "d1"
	r.server.view.see(twins)
	for _, tt := range []struct {
		path, body string
		status     int
		code       string
		says       string
	}{
		{"/mesh/drain", `{"server":"four"}`, 404, "unknown_server", `there is no server "four": there is one, three, two`},
		{"/mesh/drain", `{"server":""}`, 404, "unknown_server", "there is no server"},
		{"/mesh/drain", `{"server":7}`, 400, "body", "see /mesh/drain in GET /openapi.json"},
		{"/mesh/drain", `{"server":"three"}`, 409, "ambiguous_server", "give the incarnation"},
		{"/mesh/drain", `{"server":"one","undo":"yes"}`, 400, "body", "undo"},
		{"/mesh/move", `{"region":"nowhere","to":"one"}`, 404, "unknown_region", `there is no region "nowhere": there is arena, plaza`},
		{"/mesh/move", `{"to":"one"}`, 404, "unknown_region", "there is no region"},
		{"/mesh/move", `{"region":"arena","to":"four"}`, 404, "unknown_server", "there is no server"},
		{"/mesh/simulate_failure", `{"server":"four","kind":"kill"}`, 404, "unknown_server", "there is no server"},
		{"/mesh/simulate_failure", `{"server":"one"}`, 400, "kind", "give kill, freeze, cut or drain"},
		{"/mesh/simulate_failure", `{"server":"one","kind":"explode"}`, 400, "kind", `"explode" is no kind of failure`},
		{"/mesh/simulate_failure", `{"server":"one","kind":"kill","duration_ms":5}`, 400, "duration", "for good"},
		{"/mesh/simulate_failure", `{"server":"one","kind":"cut","duration_ms":-1}`, 400, "duration", "give 1 to 60000"},
		{"/mesh/simulate_failure", `{"server":"one","kind":"freeze","duration_ms":60001}`, 400, "duration", "give 1 to 60000"},
		{"/mesh/simulate_failure", `{"server":"one","kind":"freeze","duration_ms":9223372036854775807}`, 400, "duration", "give 1 to 60000"},
		{"/mesh/simulate_failure", `{"server":"two","kind":"kill"}`, 409, "server_dead", "it has failed already"},
		{"/mesh/setup_test", `{}`, 400, "regions", "name 1 to 256"},
		{"/mesh/setup_test", `{"regions":[{"name":"../x"}]}`, 400, "regions", "cannot be a region"},
		{"/mesh/setup_test", `{"regions":[{"name":"arena"}],"servers":-1}`, 400, "servers", "servers is -1"},
	} {
		w := r.do(request("POST", tt.path, tt.body))
		require.Equal(t, tt.status, w.Code, "%s %s: %s", tt.path, tt.body, w.Body)
		p := decoded[Problem](t, w)
		require.Equal(t, tt.code, p.Code, tt.body)
		require.Contains(t, p.Detail, tt.says)
		require.Equal(t, "urn:reseat:problem:"+tt.code, p.Type)
	}
	require.Empty(t, r.ctl.heard(), "nothing was done")

	for _, path := range []string{"/mesh/replication/nowhere", "/mesh/replication/" + strings.Repeat("x", 5000)} {
		w := r.do(request("GET", path, ""))
		require.Equal(t, 404, w.Code)
		require.Less(t, w.Body.Len(), 500)
	}
	require.Equal(t, 404, r.do(request("GET", "/nothing", "")).Code)
	require.Contains(t, r.do(request("POST", "/mesh/nothing", "{}")).Body.String(), "/mesh/status")
	require.Equal(t, 404, r.do(request("GET", "/debug/pprof/", "")).Code, "off by default")
}

// What breaks things is there only when it was asked for.
func TestTestEndpoints(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Test = false })
	for _, path := range []string{"/mesh/setup_test", "/mesh/reset", "/mesh/simulate_failure"} {
		w := r.do(request("POST", path, `{}`))
		require.Equal(t, 404, w.Code)
		require.Contains(t, decoded[Problem](t, w).Detail, "--enable-test-endpoints")
	}
	require.NotContains(t, r.do(request("GET", "/nothing", "")).Body.String(), "reset")
	require.Empty(t, r.ctl.heard())
}

func TestPprof(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Pprof = true })
	handler := r.server.Handler()
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/goroutine": 200, "/debug/pprof/cmdline": 404} {
		w := newRecorder()
		handler.ServeHTTP(w, request("GET", path, ""))
		require.Equal(t, want, w.Code, path)
	}
}

func TestCheckReach(t *testing.T) {
	for _, tt := range []struct {
		listen     string
		token, tls bool
		says       string
	}{
		{"127.0.0.1:7700", false, false, ""},
		{"[::1]:7700", false, false, ""},
		{"localhost:0", false, false, ""},
		{"0.0.0.0:7700", true, true, ""},
		{":7700", false, false, "set admin.token_file and admin.tls_cert with admin.tls_key, or listen on 127.0.0.1"},
		{"10.0.0.1:7700", false, true, "set admin.token_file"},
		{"edge.internal:7700", true, false, "set admin.tls_cert and admin.tls_key"},
		{"7700", false, false, "is not an address"},
	} {
		err := CheckReach(tt.listen, tt.token, tt.tls)
		if tt.says == "" {
			require.NoError(t, err, tt.listen)
			continue
		}
		require.ErrorContains(t, err, tt.says, tt.listen)
	}
	_, err := New(Config{})
	require.ErrorContains(t, err, "are required")
}

func TestReadToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	_, err := ReadToken(file)
	require.ErrorIs(t, err, os.ErrNotExist)
	for text, says := range map[string]string{
		token + "\n":        "",
		"short":             "openssl rand -hex 32",
		"":                  "openssl rand -hex 32",
		token + " " + token: "one word",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		got, err := ReadToken(file)
		if says != "" {
			require.ErrorContains(t, err, says)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, token, got)
	}
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = ReadToken(file)
	require.ErrorContains(t, err, "chmod 600")
}

// Nothing secret is logged.
func TestLogHasNoToken(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(c *Config) { c.Token, c.Log = token, slog.New(slog.NewTextHandler(&log, nil)) })
	w := r.do(request("POST", "/mesh/drain", `{"server":"one"}`, "Authorization", "Bearer "+token))
	_, _ = io.Copy(io.Discard, w.Body)
	require.Contains(t, log.String(), "event=drain server=one")
	require.NotContains(t, log.String(), token)
}
