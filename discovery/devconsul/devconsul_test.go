package devconsul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What devconsul shares with Consul is in the contract suite of package
// discovery. These tests are about time, exactly, and about what it alone has.

// bench is a server in a synctest bubble.
type bench struct {
	*testing.T
	s  *Server
	rt http.RoundTripper
}

func inBubble(t *testing.T, opts Options, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(opts)
		defer s.Close()
		test(&bench{t, s, Transport(s)})
	})
}

// ask returns status, body and index of an answer.
func (b *bench) ask(method, path, body string) (int, string, string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, "http://consul"+path, strings.NewReader(body))
	require.NoError(b, err)
	res, err := b.rt.RoundTrip(req)
	require.NoError(b, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	return res.StatusCode, string(text), res.Header.Get("X-Consul-Index")
}

func (b *bench) do(method, path, body string) string {
	b.Helper()
	status, text, _ := b.ask(method, path, body)
	require.Equal(b, http.StatusOK, status, text)
	return text
}

func (b *bench) session(body string) string {
	b.Helper()
	var answer struct{ ID string }
	require.NoError(b, json.Unmarshal([]byte(b.do("PUT", "/v1/session/create", body)), &answer))
	return answer.ID
}

func (b *bench) alive(session string) bool {
	b.Helper()
	return b.do("GET", "/v1/session/info/"+session, "") != "[]"
}

func (b *bench) status(service string) string {
	b.Helper()
	list := b.do("GET", "/v1/health/service/"+service, "")
	for _, s := range []string{critical, warning} {
		if strings.Contains(list, s) {
			return s
		}
	}
	if list == "[]" {
		return ""
	}
	return passing
}

const tick = time.Millisecond

func TestSessionLivesTwiceItsTTL(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		id := b.session(`{"TTL":"10s","NodeChecks":[]}`)
		time.Sleep(15 * time.Second)
		b.do("PUT", "/v1/session/renew/"+id, "")
		time.Sleep(20*time.Second - tick)
		require.True(b, b.alive(id))
		time.Sleep(2 * tick)
		require.False(b, b.alive(id))
		for _, none := range []string{`{"NodeChecks":[]}`, `{"TTL":"0s"}`, ""} {
			id = b.session(none)
			time.Sleep(48 * time.Hour)
			require.True(b, b.alive(id), "no TTL")
		}
	})
}

func TestCheckLivesItsTTL(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.do("PUT", "/v1/agent/service/register", `{"Name":"g","Check":{"CheckID":"c","TTL":"3s","Status":"passing"}}`)
		id := b.session(`{"NodeChecks":[],"ServiceChecks":[{"ID":"c"}]}`)
		time.Sleep(2 * time.Second)
		b.do("PUT", "/v1/agent/check/update/c", `{"Status":"passing"}`)
		time.Sleep(3*time.Second - tick)
		require.Equal(b, passing, b.status("g"))
		require.True(b, b.alive(id))
		time.Sleep(2 * tick)
		require.Equal(b, critical, b.status("g"))
		require.False(b, b.alive(id))
		b.do("PUT", "/v1/agent/check/update/c", `{"Status":"passing"}`)
		require.Equal(b, passing, b.status("g"))
	})
}

func TestCriticalServiceIsReaped(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		for _, after := range []string{"1s", "2m"} { // a minute is the least
			b.do("PUT", "/v1/agent/service/register",
				`{"Name":"g`+after+`","Check":{"CheckID":"c`+after+`","TTL":"3s","DeregisterCriticalServiceAfter":"`+after+`"}}`)
		}
		time.Sleep(85 * time.Second)
		require.Equal(b, critical, b.status("g1s"))
		time.Sleep(10 * time.Second)
		require.Empty(b, b.status("g1s"))
		b.do("PUT", "/v1/agent/check/update/c2m", `{"Status":"warning"}`) // and critical 3 s later
		time.Sleep(150 * time.Second)
		require.Equal(b, critical, b.status("g2m"), "the time began again")
		time.Sleep(5 * time.Second)
		require.Empty(b, b.status("g2m"))
	})
}

func TestLockDelayEnds(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		for body, delay := range map[string]time.Duration{
			`{"NodeChecks":[]}`:                        15 * time.Second,
			`{"NodeChecks":[],"LockDelay":"3s"}`:       3 * time.Second,
			`{"NodeChecks":[],"LockDelay":4000000000}`: 4 * time.Second,
			`{"NodeChecks":[],"LockDelay":"5ns"}`:      5 * time.Second,
			`{"NodeChecks":[],"LockDelay":"10m"}`:      time.Minute,
			`{"NodeChecks":[],"LockDelay":"1ms"}`:      time.Millisecond,
			`{"NodeChecks":[],"LockDelay":"0s"}`:       0,
			`{"NodeChecks":[],"LockDelay":null}`:       15 * time.Second,
		} {
			first, second := b.session(body), b.session(`{"NodeChecks":[],"LockDelay":"0s"}`)
			require.Equal(b, "true", b.do("PUT", "/v1/kv/k?acquire="+first, ""))
			b.do("PUT", "/v1/session/destroy/"+first, "")
			if delay > 0 {
				time.Sleep(delay - 100*time.Microsecond)
				require.Equal(b, "false", b.do("PUT", "/v1/kv/k?acquire="+second, ""), body)
				time.Sleep(200 * time.Microsecond)
			}
			require.Equal(b, "true", b.do("PUT", "/v1/kv/k?acquire="+second, ""), body)
			b.do("PUT", "/v1/session/destroy/"+second, "")
		}
	})
}

func TestSyncDelay(t *testing.T) {
	inBubble(t, Options{SyncDelay: 50 * time.Millisecond}, func(b *bench) {
		b.do("PUT", "/v1/agent/service/register", `{"Name":"g","Check":{"CheckID":"c","TTL":"3s","Status":"passing"}}`)
		b.do("PUT", "/v1/agent/check/update/c", `{"Status":"passing"}`)
		_, text, _ := b.ask("PUT", "/v1/session/create", `{"ServiceChecks":[{"ID":"c"}]}`)
		require.Equal(b, "apply failed: Missing check 'c' registration", text, "the agent knows it, the catalog does not")
		require.Empty(b, b.status("g"))
		time.Sleep(51 * time.Millisecond)
		id := b.session(`{"ServiceChecks":[{"ID":"c"}]}`)
		b.do("PUT", "/v1/agent/check/update/c", `{"Status":"critical"}`)
		require.True(b, b.alive(id))
		time.Sleep(51 * time.Millisecond)
		require.False(b, b.alive(id))
	})
}

func TestBlockingQueryWaits(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.do("PUT", "/v1/kv/k", "1")
		_, _, index := b.ask("GET", "/v1/kv/k", "")
		for param, wait := range map[string]time.Duration{"&wait=8s": 8 * time.Second, "": 5 * time.Minute, "&wait=1h": 10 * time.Minute} {
			began := time.Now()
			b.ask("GET", "/v1/kv/k?index="+index+param, "")
			require.GreaterOrEqual(b, time.Since(began), wait)
			require.LessOrEqual(b, time.Since(began), wait+wait/16)
		}
		began := time.Now()
		time.AfterFunc(time.Second, func() { b.do("PUT", "/v1/kv/k", "2") })
		_, text, _ := b.ask("GET", "/v1/kv/k?index="+index+"&wait=8s", "")
		require.Contains(b, text, "Mg==")
		require.Equal(b, time.Second, time.Since(began))

		// A key that is not there, and one that comes.
		for _, path := range []string{"/v1/kv/absent", "/v1/kv/absent/?recurse"} {
			_, _, index = b.ask("GET", path, "")
			time.AfterFunc(time.Second, func() { b.do("PUT", "/v1/kv/other"+fmt.Sprint(time.Now().UnixNano()), "x") })
			time.AfterFunc(2*time.Second, func() { b.do("PUT", "/v1/kv/absent/"+fmt.Sprint(time.Now().UnixNano()), "x") })
			began = time.Now()
			b.ask("GET", path+map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]+"index="+index+"&wait=8s", "")
			require.GreaterOrEqual(b, time.Since(began), time.Second)
		}
		for _, bad := range []string{"?index=x", "?wait=x"} {
			status, _, _ := b.ask("GET", "/v1/kv/k"+bad, "")
			require.Equal(b, http.StatusBadRequest, status)
		}
		ctx, cancel := context.WithCancel(b.Context())
		time.AfterFunc(time.Second, cancel)
		require.ErrorIs(b, givesUp(ctx, b.rt, "/v1/kv/k?index=99"), context.Canceled)
	})
}

func TestWipe(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		id := b.session(`{"TTL":"10s","NodeChecks":[]}`)
		b.do("PUT", "/v1/kv/k?acquire="+id, "x")
		_, _, index := b.ask("GET", "/v1/kv/k", "")
		time.AfterFunc(time.Second, b.s.Wipe)
		status, _, _ := b.ask("GET", "/v1/kv/k?index="+index, "")
		require.Equal(b, http.StatusInternalServerError, status, "blocked queries end")
		require.False(b, b.alive(id))
		status, _, _ = b.ask("GET", "/v1/kv/k", "")
		require.Equal(b, http.StatusNotFound, status)
		b.do("PUT", "/v1/kv/k", "x")
		_, _, now := b.ask("GET", "/v1/kv/k", "")
		require.Less(b, now, index)
		time.Sleep(time.Minute) // timers of the life before change nothing
	})
}

func TestRestart(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		id := b.session(`{"TTL":"10s","NodeChecks":[]}`)
		b.do("PUT", "/v1/agent/service/register", `{"Name":"s","Check":{"TTL":"10s","Status":"passing"}}`)
		b.do("PUT", "/v1/kv/k?acquire="+id, "x")
		_, _, index := b.ask("GET", "/v1/kv/k", "")
		time.AfterFunc(9*time.Second, b.s.Restart)
		status, _, _ := b.ask("GET", "/v1/kv/k?index="+index, "")
		require.Equal(b, http.StatusInternalServerError, status, "blocked queries end")
		_, text, now := b.ask("GET", "/v1/kv/k", "")
		require.Equal(b, index, now)
		require.Contains(b, text, id)
		time.Sleep(10*time.Second - tick)
		require.Equal(b, passing, b.status("s"), "its time has started again")
		time.Sleep(2 * tick)
		require.Equal(b, critical, b.status("s"))
		time.Sleep(10*time.Second - 2*tick)
		require.True(b, b.alive(id), "so has that of the session")
		time.Sleep(2 * tick)
		require.False(b, b.alive(id))
	})
}

func TestFaults(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.do("PUT", "/v1/kv/k", "x")
		gets := func(r *http.Request) bool { return r.Method == http.MethodGet }
		for _, test := range []struct {
			fault  Fault
			status int
			body   string
		}{
			{NoLeader, 500, "No cluster leader"},
			{TooMany, 429, "Too many requests"},
			{Forbidden, 403, "Permission denied"},
			{NotFound, 404, "404 page not found"},
			{Empty, 200, ""},
			{Filtered, 404, ""},
			{Hidden, 404, ""},
		} {
			b.s.Break(test.fault, gets)
			status, text, _ := b.ask("GET", "/v1/kv/k", "")
			require.Equal(b, test.status, status)
			require.Equal(b, test.body, strings.TrimSpace(text))
			b.do("PUT", "/v1/kv/k", "y") // does not match
			b.s.Heal()
			b.do("GET", "/v1/kv/k", "")
		}

		whole := b.do("GET", "/v1/kv/k", "")
		b.s.Break(Cut, gets)
		require.Equal(b, whole[:len(whole)/2], b.do("GET", "/v1/kv/k", ""))
		b.s.Heal()

		// A query that is blocked when things go wrong, goes wrong, and one that
		// hangs when they are healed, is answered.
		_, _, index := b.ask("GET", "/v1/kv/k", "")
		began := time.Now()
		time.AfterFunc(time.Second, func() { b.s.Break(NoLeader, gets) })
		status, _, _ := b.ask("GET", "/v1/kv/k?index="+index+"&wait=5s", "")
		require.Equal(b, http.StatusInternalServerError, status)
		require.Equal(b, time.Second, time.Since(began))
		b.s.Heal()
		b.s.Break(Hang, nil)
		time.AfterFunc(time.Second, b.s.Heal)
		began = time.Now()
		b.do("PUT", "/v1/kv/k", "z")
		require.Equal(b, time.Second, time.Since(began))

		// One that is asked again because of a fault for others, waits no longer for that.
		_, _, index = b.ask("GET", "/v1/kv/k", "")
		began = time.Now()
		time.AfterFunc(3*time.Second, func() { b.s.Break(NoLeader, func(*http.Request) bool { return false }) })
		b.ask("GET", "/v1/kv/k?index="+index+"&wait=5s", "")
		require.LessOrEqual(b, time.Since(began), 5*time.Second+5*time.Second/16)
	})
}

func TestRewind(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		for i := range 10 {
			b.do("PUT", "/v1/kv/k", fmt.Sprint(i))
		}
		_, _, index := b.ask("GET", "/v1/kv/k", "")
		time.AfterFunc(time.Second, func() { b.s.Rewind(5) })
		time.AfterFunc(2*time.Second, func() { b.do("PUT", "/v1/kv/k", "news") })
		began := time.Now()
		_, text, low := b.ask("GET", "/v1/kv/k?index="+index+"&wait=10s", "")
		require.GreaterOrEqual(b, time.Since(began), 10*time.Second, "news are held back")
		require.Contains(b, text, "bmV3cw==")
		require.Less(b, low, index)
		b.s.Rewind(1000)
		_, _, low = b.ask("GET", "/v1/kv/k", "")
		require.Equal(b, "1", low, "never 0")
	})
}

func TestBadRequests(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		many := strings.TrimSuffix(strings.Repeat(`{"KV":{"Verb":"get","Key":"k"}},`, 129), ",")
		for _, test := range []struct {
			method, path, body string
			status             int
		}{
			{"GET", "/", "", 404},
			{"GET", "/v1/kv", "", 404},
			{"GET", "/v1/session/listing", "", 404},
			{"GET", "/v1/txn", "", 405},
			{"POST", "/v1/kv/k", "", 405},
			{"GET", "/v1/kv/", "", 400},
			{"PUT", "/v1/kv/", "", 400},
			{"DELETE", "/v1/kv/", "", 400},
			{"PUT", "/v1/kv/k", strings.Repeat("x", maxBody+1), 413},
			{"PUT", "/v1/kv/k?cas=x", "", 500},
			{"PUT", "/v1/kv/k?flags=x", "", 500},
			{"PUT", "/v1/kv/k?acquire=", "", 500},
			{"DELETE", "/v1/kv/k?cas=x", "", 500},
			{"PUT", "/v1/txn", "{", 400},
			{"PUT", "/v1/txn", `[{"Node":{}}]`, 400},
			{"PUT", "/v1/txn", "[" + many + "]", 413},
			{"PUT", "/v1/txn", `[{"KV":{"Verb":"get"}}]`, 409},
			{"PUT", "/v1/session/create", "{", 400},
			{"PUT", "/v1/session/create", `{"LockDelay":"x"}`, 400},
			{"PUT", "/v1/session/create", `{"TTL":"x"}`, 500},
			{"PUT", "/v1/session/create", `{"NodeChecks":["x"]}`, 500},
			{"PUT", "/v1/session/destroy/", "", 400},
			{"PUT", "/v1/session/renew/x", "", 404},
			{"GET", "/v1/health/service/", "", 400},
			{"PUT", "/v1/agent/service/register", "{", 400},
			{"PUT", "/v1/agent/service/register", `{"ID":"x"}`, 400},
			{"PUT", "/v1/agent/service/register", `{"Name":"x","Check":{"TTL":"0s"}}`, 400},
			{"PUT", "/v1/agent/service/register", `{"Name":"x","Check":{"HTTP":"http://x"}}`, 400},
			{"PUT", "/v1/agent/service/register", `{"Name":"x","Check":{"TTL":"1s","Status":"odd"}}`, 400},
			{"PUT", "/v1/agent/service/register", `{"Name":"x","Check":{"TTL":"1s","DeregisterCriticalServiceAfter":"x"}}`, 400},
			{"PUT", "/v1/agent/check/update/x", `{"Status":"passing"}`, 404},
			{"PUT", "/v1/agent/check/update/x", `{"Status":"odd"}`, 400},
			{"PUT", "/v1/agent/service/deregister/x", "", 404},
		} {
			status, text, _ := b.ask(test.method, test.path, test.body)
			require.Equal(b, test.status, status, "%s %s %.40s: %s", test.method, test.path, test.body, text)
		}
		require.Equal(b, `"127.0.0.1:8300"`, b.do("GET", "/v1/status/leader", ""))
		require.Equal(b, "[]", b.do("GET", "/v1/session/list", ""))
	})
}

func TestTransportOfAClientThatGaveUp(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	require.ErrorIs(t, givesUp(ctx, Transport(s), "/v1/kv/k"), context.Canceled)
}

func givesUp(ctx context.Context, rt http.RoundTripper, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://consul"+path, nil)
	if err != nil {
		return err
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
