package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/hook"
)

func alert(key string) mesh.Alert {
	return mesh.Alert{Key: key, Severity: mesh.Critical, Region: "arena", Message: "it burns", Since: time.Unix(1, 0).UTC(), Active: true}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := Log{slog.New(slog.NewJSONHandler(&out, nil))}
	l.Tell(alert("unprotected/arena"))
	over := alert("unprotected/arena")
	over.Active = false
	l.Tell(over)
	dec := json.NewDecoder(&out)
	for _, level := range []string{"ERROR", "INFO"} {
		var line map[string]any
		require.NoError(t, dec.Decode(&line))
		require.Equal(t, level, line["level"])
		require.Equal(t, "it burns", line["message"])
		require.Equal(t, "unprotected/arena", line["key"])
	}
}

func run(t *testing.T, w *Webhook) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

func TestWebhookPostsInOrder(t *testing.T) {
	got := make(chan Message, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m Message
		if json.NewDecoder(r.Body).Decode(&m) != nil || m.Key == "bad" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		got <- m
	}))
	t.Cleanup(s.Close)
	w, err := NewWebhook(hook.Config{URL: s.URL}, "edge-1", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	w.Tell(alert("1"))
	w.Tell(alert("bad"))
	run(t, w)
	w.Tell(alert("2"))
	first, second := <-got, <-got
	require.Equal(t, alert("1"), first.Alert)
	require.Equal(t, "edge-1", first.From)
	require.False(t, first.At.IsZero())
	require.Equal(t, "2", second.Key, "one that is refused holds up nobody")
	require.Eventually(t, func() bool { return w.Stats() == Stats{Sent: 2, Failed: 1} }, 10*time.Second, time.Millisecond)
}

// TestWebhookHangs: telling never blocks, and what is dropped is counted.
func TestWebhookHangs(t *testing.T) {
	asked := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		hang(nil, r)
	}))
	t.Cleanup(s.Close)
	w, err := NewWebhook(hook.Config{URL: s.URL}, "edge-1", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.Tell(alert("first"))
	<-asked
	for i := range maxQueue + 10 {
		w.Tell(alert(fmt.Sprint(i)))
	}
	require.Equal(t, Stats{Dropped: 10, Waiting: maxQueue}, w.Stats())
	oldest, ok := w.next()
	require.True(t, ok)
	require.Equal(t, "10", oldest.Key)
	over := errors.New("over")
	cancel(over)
	require.ErrorIs(t, <-ended, over)
}

func TestBadWebhook(t *testing.T) {
	_, err := NewWebhook(hook.Config{URL: "x"}, "edge-1", nil)
	require.ErrorContains(t, err, "no URL")
}

// hang answers never. The server notices that a client has gone when it has read
// what the client said.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}
