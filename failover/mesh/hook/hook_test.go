package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	require.NoError(t, err)
	return c
}

func TestPosts(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("first\n"), 0o600))
	var got []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body))
		_, _ = io.WriteString(w, "done")
	})
	c := client(t, Config{URL: url + "/in", TokenFile: token})
	answer, err := c.Post(t.Context(), "", map[string]int{"a": 1})
	require.NoError(t, err)
	require.Equal(t, "done", string(answer))
	require.NoError(t, os.WriteFile(token, []byte("second"), 0o600))
	_, err = c.Get(t.Context(), "/more?x=y")
	require.NoError(t, err)
	require.Equal(t, []string{
		"POST", "/in", "Bearer first", "application/json", `{"a":1}`,
		"GET", "/in/more?x=y", "Bearer second", "", "",
	}, got, "the token is read anew")
}

func TestTriesAgain(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	_, err := client(t, Config{URL: url}).Post(t.Context(), "", nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, n.Load())
}

func TestRefusalIsFinal(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "who are you? "+strings.Repeat("x", 100_000))
	})
	_, err := client(t, Config{URL: url}).Post(t.Context(), "", nil)
	var status *StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, http.StatusForbidden, status.Code)
	require.ErrorContains(t, err, "who are you?")
	require.Less(t, len(err.Error()), 500)
	require.EqualValues(t, 1, n.Load())
}

// TestHangs: a server that does not answer, or does not end its answer, costs the
// time of the limit and no more.
func TestHangs(t *testing.T) {
	for name, handle := range map[string]func(http.ResponseWriter, *http.Request){
		"silent":   hang,
		"trickles": trickle,
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, handle)
			began := time.Now()
			_, err := client(t, Config{URL: url, Timeout: 50 * time.Millisecond, Limit: 300 * time.Millisecond}).Post(t.Context(), "", nil)
			require.ErrorIs(t, err, errLimit)
			require.ErrorIs(t, err, context.DeadlineExceeded, "what the tries ended with is told, too")
			require.Less(t, time.Since(began), 3*time.Second)
		})
	}
}

// trickle never ends its answer.
func trickle(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, "x"); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func TestEndlessAnswer(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, endless{}, 64<<20)
	})
	_, err := client(t, Config{URL: url}).Get(t.Context(), "")
	require.ErrorContains(t, err, "more than 1048576 bytes")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestCancelled(t *testing.T) {
	url := serve(t, hang)
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	context.AfterFunc(ctx, func() {})
	time.AfterFunc(20*time.Millisecond, func() { cancel(over) })
	_, err := client(t, Config{URL: url}).Get(ctx, "")
	require.ErrorIs(t, err, over)
}

// TestNoRedirect: a token goes to whom it is for.
func TestNoRedirect(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret"), 0o600))
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) })
	_, err := client(t, Config{URL: url, TokenFile: token}).Post(t.Context(), "", nil)
	require.ErrorContains(t, err, "307")
	require.Zero(t, elsewhere.Load())
}

func TestBadConfig(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for want, cfg := range map[string]Config{
		`"" is no URL`:                   {},
		`"example.com/x" is no URL`:      {URL: "example.com/x"},
		`"ftp://example.com" is no URL`:  {URL: "ftp://example.com"},
		`":" is no URL`:                  {URL: ":"},
		"must not be negative":           {URL: "http://h", Timeout: -1},
		"no such file":                   {URL: "http://h", TokenFile: filepath.Join(dir, "none")},
		"must hold one line":             {URL: "http://h", TokenFile: file("empty", " \n")},
		"one line of at most 4096 bytes": {URL: "http://h", TokenFile: file("long", strings.Repeat("x", 5000))},
		"one line of":                    {URL: "http://h", TokenFile: file("two", "a\nb")},
		"CA file":                        {URL: "http://h", CAFile: filepath.Join(dir, "none")},
		"has no certificate in it":       {URL: "http://h", CAFile: file("ca", "hello")},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	_, err := client(t, Config{URL: strings.Replace(url, "http://", "http://user:hunter2@", 1)}).Get(t.Context(), "")
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "hunter2")
	_, err = client(t, Config{URL: "http://user:hunter2@127.0.0.1:1", Limit: 50 * time.Millisecond}).Get(t.Context(), "")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestBodyThatCannotBe(t *testing.T) {
	_, err := client(t, Config{URL: "http://h"}).Post(t.Context(), "", func() {})
	var unsupported *json.UnsupportedTypeError
	require.ErrorAs(t, err, &unsupported)
}

// hang answers never. The server notices that a client has gone when it has read
// what the client said.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}
