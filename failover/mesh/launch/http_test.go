package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/failover/mesh/hook"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWebhook(t *testing.T) {
	var got Request
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, json.NewDecoder(r.Body).Decode(&got))
	}))
	w, err := NewWebhook(hook.Config{URL: url})
	require.NoError(t, err)
	require.NoError(t, w.Launch(t.Context(), request))
	require.Equal(t, request, got)
}

func TestWebhookFails(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no quota left", http.StatusConflict) }))
	w, err := NewWebhook(hook.Config{URL: url})
	require.NoError(t, err)
	err = w.Launch(t.Context(), request)
	require.ErrorContains(t, err, "launch e-1 by webhook")
	require.ErrorContains(t, err, "answered 409: no quota left")
	_, err = NewWebhook(hook.Config{URL: "nowhere"})
	require.ErrorContains(t, err, "no URL")
}

func TestWebhookHangs(t *testing.T) {
	url := serve(t, http.HandlerFunc(hang))
	w, err := NewWebhook(hook.Config{URL: url, Timeout: 20 * time.Millisecond, Limit: 100 * time.Millisecond})
	require.NoError(t, err)
	began := time.Now()
	require.Error(t, w.Launch(t.Context(), request))
	require.Less(t, time.Since(began), 5*time.Second)
}

// cluster is the part of Nomad's API that is used.
type cluster struct {
	t       *testing.T
	mu      sync.Mutex
	desired int
	stopped bool
	active  bool // a deployment
	token   string
	events  []scaleRequest
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Header.Get("X-Nomad-Token") != c.token:
		http.Error(w, "Permission denied", http.StatusForbidden)
	case r.URL.EscapedPath() != "/v1/job/game%2Fpool/scale" || r.URL.Query().Get("namespace") != "games":
		http.Error(w, "job not found", http.StatusNotFound)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, `{"JobID":"game/pool","Namespace":"games","JobModifyIndex":10,"JobStopped":%v,
			"TaskGroups":{"servers":{"Desired":%d,"Placed":2,"Running":2,"Healthy":2,"Unhealthy":0,"Events":null}}}`, c.stopped, c.desired)
	case c.active:
		http.Error(w, "job scaling blocked due to active deployment", http.StatusBadRequest)
	default:
		var q scaleRequest
		require.NoError(c.t, json.NewDecoder(r.Body).Decode(&q))
		c.desired = q.Count
		c.events = append(c.events, q)
		_, _ = io.WriteString(w, `{"EvalID":"x","EvalCreateIndex":1,"JobModifyIndex":11,"Warnings":""}`)
	}
}

func nomad(t *testing.T, c *cluster, change func(*NomadConfig)) (*Nomad, error) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
	c.t, c.token = t, "secret"
	cfg := NomadConfig{
		Hook: hook.Config{URL: serve(t, c), TokenFile: token},
		Job:  "game/pool", Group: "servers", Namespace: "games", Max: 5,
	}
	if change != nil {
		change(&cfg)
	}
	return NewNomad(cfg)
}

// TestNomadScales: each launch is one server more, also when several come at once.
func TestNomadScales(t *testing.T) {
	c := &cluster{desired: 2}
	n, err := nomad(t, c, nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := n.Launch(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 5, c.desired)
	require.Equal(t, scaleRequest{
		Count: 3, Target: map[string]string{"Job": "game/pool", "Group": "servers"},
		Message: "reseat: region arena lacks servers (launch e-1)",
		Meta:    map[string]string{"reseat_launch": "e-1", "reseat_region": "arena", "reseat_zone": "z1"},
	}, c.events[0])
	require.ErrorContains(t, n.Launch(t.Context(), request),
		"job game/pool wants 5 of group servers already, of which 2 run, and more than 5 are not allowed")
	require.Equal(t, 5, c.desired)
}

func TestNomadRefuses(t *testing.T) {
	for want, test := range map[string]struct {
		c      *cluster
		change func(*NomadConfig)
	}{
		"answered 400: job scaling blocked due to active deployment": {&cluster{desired: 1, active: true}, nil},
		"job game/pool is stopped: run it again":                     {&cluster{stopped: true}, nil},
		"job game/pool has no group web":                             {&cluster{}, func(c *NomadConfig) { c.Group = "web" }},
		"answered 404: job not found":                                {&cluster{}, func(c *NomadConfig) { c.Job = "other" }},
		"answered 403: Permission denied":                            {&cluster{}, func(c *NomadConfig) { c.Hook.TokenFile = "" }},
	} {
		n, err := nomad(t, test.c, test.change)
		require.NoError(t, err)
		err = n.Launch(t.Context(), request)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "launch e-1 by nomad")
		require.Empty(t, test.c.events)
	}
}

func TestNomadTalksNonsense(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	n, err := NewNomad(NomadConfig{Hook: hook.Config{URL: url}, Job: "j", Group: "g", Max: 1})
	require.NoError(t, err)
	require.ErrorContains(t, n.Launch(t.Context(), request), "the answer is not Nomad's")
}

// TestNomadHangs: one launch that waits does not hold up another beyond its time.
func TestNomadHangs(t *testing.T) {
	asked := make(chan struct{}, 10)
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		hang(nil, r)
	}))
	n, err := NewNomad(NomadConfig{Hook: hook.Config{URL: url}, Job: "j", Group: "g", Max: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Launch(ctx, request) }()
	<-asked
	over := errors.New("over")
	late, end := context.WithCancelCause(t.Context())
	end(over)
	require.ErrorIs(t, n.Launch(late, request), over)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestBadNomad(t *testing.T) {
	good := NomadConfig{Hook: hook.Config{URL: "http://127.0.0.1:4646"}, Job: "j", Group: "g", Max: 1}
	for want, change := range map[string]func(*NomadConfig){
		"the job is empty":   func(c *NomadConfig) { c.Job = "" },
		"the group is empty": func(c *NomadConfig) { c.Group = "" },
		"max is 0":           func(c *NomadConfig) { c.Max = 0 },
		"no URL to post to":  func(c *NomadConfig) { c.Hook.URL = "nomad:4646" },
	} {
		cfg := good
		change(&cfg)
		_, err := NewNomad(cfg)
		require.ErrorContains(t, err, want)
	}
}

// hang answers never. The server notices that a client has gone when it has read
// what the client said.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}
