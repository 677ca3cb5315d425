package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	o := op{"do it", "a right"}
	answered := func(status int) exchange { return exchange{status: status, body: "in Consul's words"} }
	statusError := consul.StatusError{Code: 500, Body: "in Consul's words"}
	for _, test := range []struct {
		name string
		x    exchange
		late bool
		err  error
		kind Kind
		is   error
	}{
		{"refused", exchange{}, false, &url.Error{Op: "Get", Err: errors.New("connection refused")}, KindNetwork, ErrUnavailable},
		{"late", exchange{}, true, context.DeadlineExceeded, KindTimeout, ErrUnavailable},
		{"late with a body", answered(200), true, io.ErrUnexpectedEOF, KindTimeout, ErrUnavailable},
		{"dial timeout", exchange{}, false, &net.OpError{Err: os.ErrDeadlineExceeded}, KindTimeout, ErrUnavailable},
		{"500", answered(500), false, statusError, KindServer, ErrUnavailable},
		{"503", answered(503), false, errors.New("Unexpected response code: 503"), KindServer, ErrUnavailable},
		{"429", answered(429), false, errors.New("x"), KindLimit, ErrUnavailable},
		{"403", answered(403), false, errors.New("x"), KindAccess, ErrAccess},
		{"no body", answered(200), false, io.EOF, KindGarbled, ErrUnavailable},
		{"cut conflict", answered(409), false, io.ErrUnexpectedEOF, KindGarbled, ErrUnavailable},
		{"400", answered(400), false, statusError, KindOther, statusError},
	} {
		t.Run(test.name, func(t *testing.T) {
			kind, err := classify(o, test.x, test.late, test.err)
			require.Equal(t, test.kind, kind)
			require.ErrorIs(t, err, test.is)
			require.ErrorContains(t, err, "discovery: do it")
			if test.kind != KindAccess {
				require.ErrorIs(t, err, test.err)
			}
			if test.x.status >= 400 && test.x.status != 409 {
				require.Equal(t, 1, strings.Count(err.Error(), "in Consul's words"), "%v", err)
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	require.EqualError(t, &AccessError{Op: "watch", Right: "x", Silent: true},
		"discovery: watch was answered with things left out by consul: the token needs x")
	require.EqualError(t, &HeldError{Region: "r", Delay: true}, "discovery: the lock of region r is in its lock delay")
	require.EqualError(t, &HeldError{Region: "r"}, "discovery: the lock of region r is held by another")
	require.EqualError(t, &HeldError{Region: "r", Holder: Holder{Incarnation: "i", Epoch: 3}},
		"discovery: the lock of region r is held by i in epoch 3")
	require.Equal(t, "unknown", Kind(99).String())
}

// unhurried is for a machine that has other things to do as well.
func unhurried(address string) Config {
	return Config{Address: address, Timeout: 20 * time.Second, CheckTTL: time.Minute, SessionTTL: time.Minute}
}

// TestAnswersAreBounded: a huge answer is an unreadable one, and a huge error
// text is cut.
func TestAnswersAreBounded(t *testing.T) {
	var status atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, `{"Results":[`+strings.Repeat(" ", maxAnswer)+`],"Errors":null}`)
	}))
	defer srv.Close()
	c, err := New(unhurried(srv.URL), nil)
	require.NoError(t, err)
	defer c.Close()
	for code, kind := range map[int]Kind{200: KindGarbled, 500: KindServer} {
		status.Store(int64(code))
		_, err = c.InSync(t.Context(), "r")
		var unavailable *UnavailableError
		require.ErrorAs(t, err, &unavailable)
		require.Equal(t, kind, unavailable.Kind)
		require.Less(t, len(err.Error()), 2*maxErrorText)
	}
}

// TestConnectionsAreBounded: many calls share few connections, so that we never
// meet Consul's limit; and calls do not wait behind blocking queries.
func TestConnectionsAreBounded(t *testing.T) {
	var open, most atomic.Int64
	release := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/kv/") {
			<-release
		}
		_, _ = fmt.Fprint(w, `{"Results":[],"Errors":null}`)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed:
			open.Add(-1)
		default:
		}
	}
	srv.Start()
	defer srv.Close()
	c, err := New(unhurried(srv.URL), nil)
	require.NoError(t, err)
	defer c.Close()
	var wg sync.WaitGroup
	for range 3 * maxBlockingConns {
		wg.Go(func() { _, _, _ = c.blocking.KV().List("x", nil) })
	}
	for range 100 {
		wg.Go(func() { _, _ = c.InSync(t.Context(), "r") })
	}
	_, err = c.InSync(t.Context(), "r")
	require.ErrorIs(t, err, ErrAccess, "answered, with nothing in it")
	close(release)
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(maxBlockingConns+maxCallConns))
	require.Less(t, maxBlockingConns+maxCallConns, 200/2, "room for two processes")
}

// TestSettings: where requests go, and with which token.
func TestSettings(t *testing.T) {
	type seen struct{ host, token string }
	var last atomic.Pointer[seen]
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last.Store(&seen{r.Host, r.Header.Get("X-Consul-Token")})
		_, _ = fmt.Fprint(w, "true")
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()
	address := strings.TrimPrefix(srv.URL, "http://")
	socket := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	unix := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	unix.Start()
	defer unix.Close()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for _, test := range []struct {
		name string
		cfg  Config
		env  map[string]string
		want seen
	}{
		{"host and port", Config{Address: address}, nil, seen{address, ""}},
		{"URL", Config{Address: srv.URL, Token: "t"}, nil, seen{address, "t"}},
		{"environment", Config{}, map[string]string{"CONSUL_HTTP_ADDR": address, "CONSUL_HTTP_TOKEN": "e"}, seen{address, "e"}},
		{"unix", Config{Address: "unix://" + socket}, nil, seen{"localhost", ""}},
		{"token file", Config{Address: address, TokenFile: file(" f\n")}, map[string]string{"CONSUL_HTTP_TOKEN": "e"}, seen{address, "f"}},
		{
			"token above the environment's file",
			Config{Address: address, Token: "t"},
			map[string]string{"CONSUL_HTTP_TOKEN_FILE": file("f"), "CONSUL_HTTP_TOKEN": "e"},
			seen{address, "t"},
		},
		{"environment's file", Config{Address: address}, map[string]string{"CONSUL_HTTP_TOKEN_FILE": file("f")}, seen{address, "f"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for k, v := range test.env {
				t.Setenv(k, v)
			}
			c, err := New(test.cfg, nil)
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.DestroySession(t.Context(), "x"))
			require.Equal(t, test.want, *last.Load())
		})
	}
	for name, cfg := range map[string]Config{
		"no token file":    {TokenFile: "/does/not/exist"},
		"empty token file": {TokenFile: file(" \n")},
		"no CA file":       {CAFile: "/does/not/exist"},
		"scheme":           {Address: "gopher://x"},
	} {
		_, err := New(cfg, nil)
		require.Error(t, err, name)
	}
}
