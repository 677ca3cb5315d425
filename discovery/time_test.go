package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// The tests of this file run in virtual time, on devconsul without a network.

// bubble is a registry and a client in a synctest bubble.
type bubble struct {
	*testing.T
	consul *devconsul.Server
	c      *Client
	ctx    context.Context //nolint:containedctx // the test's own, ended before the bubble
	wg     sync.WaitGroup  // what run has started
}

func inBubble(t *testing.T, cfg Config, wrap func(http.Handler) http.Handler, test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := devconsul.New(devconsul.Options{SyncDelay: time.Millisecond})
		defer s.Close()
		var h http.Handler = s
		if wrap != nil {
			h = wrap(s)
		}
		cfg.Transport = devconsul.Transport(h)
		c, err := New(cfg, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		b := &bubble{T: t, consul: s, c: c, ctx: ctx}
		defer b.wg.Wait()
		defer cancel()
		test(b)
	})
}

func (b *bubble) register() *Registration {
	b.Helper()
	r, err := b.c.Register(b.ctx, Server{Incarnation: "i", Address: "h:1", Regions: []string{"r"}})
	require.NoError(b, err)
	return r
}

func (b *bubble) run(fn func(context.Context) error) <-chan error {
	ended := make(chan error, 1)
	b.wg.Go(func() { ended <- fn(b.ctx) })
	return ended
}

func (b *bubble) takeOver(r *Registration) {
	b.Helper()
	_, err := b.c.TakeOver(b.ctx, "r", r.Session(), Holder{Incarnation: "i"}, 0)
	require.NoError(b, err)
}

func (b *bubble) held() bool {
	b.Helper()
	now, err := b.c.readNow(b.ctx, "test", b.c.keys("r"))
	require.NoError(b, err)
	return now.session != ""
}

func isPath(prefix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }
}

func TestLockIsFreeAfterCheckTTL(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		r := b.register()
		b.takeOver(r)
		time.Sleep(time.Until(r.RenewedAt().Add(DefaultCheckTTL)))
		require.True(b, b.held(), "not a moment before")
		time.Sleep(10 * time.Millisecond)
		require.False(b, b.held())
	})
}

func TestLockIsFreeAfterTwiceSessionTTL(t *testing.T) {
	inBubble(t, Config{SessionTTL: 10 * time.Second, CheckTTL: 10 * time.Second}, nil, func(b *bubble) {
		r := b.register()
		b.takeOver(r)
		renewed := time.Now()
		b.run(r.Run)
		synctest.Wait()
		b.consul.Break(devconsul.NoLeader, isPath("/v1/session/renew/"))
		time.Sleep(time.Until(renewed.Add(2*DefaultSessionTTL - 100*time.Millisecond)))
		require.True(b, b.held())
		time.Sleep(200 * time.Millisecond)
		require.False(b, b.held(), "the check passes still, the session has expired")
	})
}

// TestLeaseCountsFromSending: answers that are slow make a lease no younger. The
// slow one of the two is looked at when the other one is younger.
func TestLeaseCountsFromSending(t *testing.T) {
	for _, test := range []struct {
		slow       string
		look, sent time.Duration // after the first beat
	}{
		{"/v1/session/renew/", 3200 * time.Millisecond, 2 * time.Second},
		{"/v1/agent/check/update/", 4100 * time.Millisecond, 3 * time.Second},
	} {
		inBubble(t, Config{}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if isPath(test.slow)(r) {
					time.Sleep(700 * time.Millisecond)
				}
				next.ServeHTTP(w, r)
			})
		}, func(b *bubble) {
			r := b.register()
			began := r.RenewedAt()
			b.run(r.Run)
			time.Sleep(time.Until(began.Add(test.look)))
			require.Equal(b, began.Add(test.sent), r.RenewedAt(), test.slow)
		})
	}
}

// TestLeaseIsTheOlderOne: beats go to the agent, which answers them whether it
// has servers or not; a lease needs the renewals as well, and the other way round.
func TestLeaseIsTheOlderOne(t *testing.T) {
	for _, path := range []string{"/v1/session/renew/", "/v1/agent/check/update/"} {
		inBubble(t, Config{CheckTTL: 10 * time.Second}, nil, func(b *bubble) {
			r := b.register()
			b.run(r.Run)
			time.Sleep(time.Second)
			b.consul.Break(devconsul.NoLeader, isPath(path))
			time.Sleep(time.Millisecond)
			at := r.RenewedAt()
			time.Sleep(5 * time.Second)
			require.LessOrEqual(b, r.RenewedAt().Sub(at), 4*time.Second, path)
			require.GreaterOrEqual(b, time.Since(r.RenewedAt()), 4*time.Second, path)
			b.consul.Heal()
			time.Sleep(3500 * time.Millisecond)
			require.Less(b, time.Since(r.RenewedAt()), 4*time.Second, path)
		})
	}
}

// TestLeaseStaysYoung: a primary that asks before it speaks is never silent while
// Consul is well, though it takes its time.
func TestLeaseStaysYoung(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{CheckTTL: 10 * time.Second, Timeout: 3 * time.Second},
		{CheckTTL: 600 * time.Millisecond, Timeout: 200 * time.Millisecond},
	} {
		ttl := cfg.WithDefaults().CheckTTL
		inBubble(t, cfg, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(ttl / 4)
				next.ServeHTTP(w, r)
			})
		}, func(b *bubble) {
			require.Equal(b, ttl, b.c.CheckTTL())
			r := b.register()
			b.run(r.Run)
			time.Sleep(ttl / 2) // registering took its time as well
			for end := time.Now().Add(20 * ttl); time.Now().Before(end); time.Sleep(ttl / 100) {
				require.Less(b, time.Since(r.RenewedAt()), 2*ttl/3)
			}
		})
	}
}

// TestLossIsConfirmed: a server that has just become leader may not know a
// session that exists.
func TestLossIsConfirmed(t *testing.T) {
	var forget atomic.Bool
	inBubble(t, Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if forget.Load() && isPath("/v1/session/renew/")(r) {
				http.Error(w, "Session id 'x' not found", http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, func(b *bubble) {
		r := b.register()
		ended := b.run(r.Run)
		forget.Store(true)
		time.Sleep(15 * time.Second)
		require.Empty(b, ended, "it is asked consistently before it is given up")
		forget.Store(false)
		time.Sleep(3 * time.Second)
		require.Less(b, time.Since(r.RenewedAt()), 3*time.Second)

		require.NoError(b, b.c.DestroySession(b.ctx, r.Session()))
		b.consul.Break(devconsul.Filtered, isPath("/v1/session/info/"))
		time.Sleep(10 * time.Second)
		require.Empty(b, ended, "nothing is certain when things are left out")
		b.consul.Heal()
		require.ErrorIs(b, <-ended, ErrSessionLost)
	})
}

// TestForgottenCheck: an agent that was started again without its data does not
// know the check, while the servers still have the session.
func TestForgottenCheck(t *testing.T) {
	var forget atomic.Bool
	var registered atomic.Int64
	inBubble(t, Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case isPath("/v1/agent/service/register")(r):
				registered.Add(1)
				forget.Store(false)
			case forget.Load() && isPath("/v1/agent/check/update/")(r):
				http.Error(w, "Unknown check ID", http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, func(b *bubble) {
		r := b.register()
		ended := b.run(r.Run)
		require.Equal(b, int64(1), registered.Load())
		forget.Store(true)
		time.Sleep(DefaultCheckTTL / 2)
		require.Equal(b, int64(2), registered.Load())
		time.Sleep(10 * time.Second)
		require.Empty(b, ended)
		require.Equal(b, int64(2), registered.Load())

		require.NoError(b, r.Close(b.ctx))
		require.NoError(b, <-ended)
		forget.Store(true)
		require.ErrorIs(b, r.sendBeat(b.ctx), errClosed)
		require.Equal(b, int64(2), registered.Load(), "nobody comes back after Close")
	})
}

// TestRetryPace: when Consul is down, it is asked again soon, but not all the time.
func TestRetryPace(t *testing.T) {
	var asked atomic.Int64
	inBubble(t, Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			next.ServeHTTP(w, r)
		})
	}, func(b *bubble) {
		w := b.c.Watch("r")
		b.run(w.Run)
		synctest.Wait()
		<-w.Views()
		asked.Store(0)
		b.consul.Break(devconsul.NoLeader, nil)
		time.Sleep(time.Minute)
		// At most 2 s, jittered by half, between tries of each of two queries.
		require.Greater(b, asked.Load(), int64(2*60/3))
		require.Less(b, asked.Load(), int64(2*(60/1+8)))
		v := <-w.Views()
		require.True(b, v.Stale)
		b.consul.Heal()
		time.Sleep(3 * time.Second) // the longest pause; nothing has changed in Consul
		require.NotEmpty(b, w.Views(), "the first question after that does not block")
		require.False(b, (<-w.Views()).Stale)
	})
}

// TestHangIsNoticed: a blocking query that is never answered is given up when
// Consul's own limit, and a second, have passed.
func TestHangIsNoticed(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		w := b.c.Watch("r")
		b.run(w.Run)
		synctest.Wait()
		<-w.Views()
		require.Equal(b, int64(2), b.c.Stats().Blocking)
		hung := time.Now()
		b.consul.Break(devconsul.Hang, nil)
		v := <-w.Views()
		require.True(b, v.Stale)
		require.Equal(b, 10*time.Second+10*time.Second/15+time.Second, time.Since(hung))
		require.Equal(b, time.Now(), v.Since)
		b.consul.Heal()
		require.False(b, (<-w.Views()).Stale)
	})
}

// TestNoBusyLoop: something between us and Consul answers blocking queries at
// once, with nothing new, or loses the index.
func TestNoBusyLoop(t *testing.T) {
	for _, index := range []string{"7", "", "0", "-1", "x"} {
		var asked atomic.Int64
		inBubble(t, Config{}, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("X-Consul-Index", index)
				_, _ = fmt.Fprint(w, "[]")
			})
		}, func(b *bubble) {
			b.run(b.c.Watch("r").Run)
			time.Sleep(time.Minute)
			require.Less(b, asked.Load(), int64(200), "index %q", index)
			require.Greater(b, asked.Load(), int64(20), "index %q", index)
		})
	}
}

func TestWatchEnds(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		reason := errors.New("enough")
		ctx, cancel := context.WithCancelCause(b.ctx)
		ended := make(chan error, 1)
		go func() { ended <- b.c.Watch("r").Run(ctx) }()
		time.Sleep(time.Second)
		require.Equal(b, int64(1), b.c.Stats().Watches)
		require.Equal(b, int64(2), b.c.Stats().Blocking)
		cancel(reason)
		require.ErrorIs(b, <-ended, reason)
		require.Zero(b, b.c.Stats().Watches)
		require.Zero(b, b.c.Stats().Blocking)
		require.Zero(b, b.c.Stats().Errors["network"], "giving up is no error of Consul's")

		require.ErrorIs(b, b.c.Watch("a/b").Run(ctx), ErrName)
		for i := range maxWatches {
			b.run(b.c.Watch(fmt.Sprint("r", i)).Run)
		}
		synctest.Wait()
		require.ErrorIs(b, b.c.Watch("one-more").Run(b.ctx), ErrTooManyWatches)
		require.Equal(b, int64(maxWatches), b.c.Stats().Watches)
	})
}

// TestFailCutsBeatsOff: a beat that is on its way when the game dies must not
// make the check pass again for long, nor keep Run.
func TestFailCutsBeatsOff(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		r := b.register()
		b.takeOver(r)
		ended := b.run(r.Run)
		b.consul.Break(devconsul.Hang, isPath("/v1/agent/check/update/"))
		time.Sleep(DefaultCheckTTL/3 + time.Millisecond) // a beat hangs now
		began := time.Now()
		require.NoError(b, r.Fail(b.ctx, "game exit", nil), "one of the two ways has worked")
		require.LessOrEqual(b, time.Since(began), DefaultTimeout)
		err := <-ended
		require.ErrorIs(b, err, ErrSessionLost)
		require.ErrorContains(b, err, "game exit")
		require.False(b, b.held())

		b.consul.Break(devconsul.NoLeader, nil)
		require.NoError(b, r.Fail(b.ctx, "again", nil), "it has worked")
	})
}

// TestFailFails: nothing is known to have worked, so it can be tried again.
func TestFailFails(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		r := b.register()
		b.takeOver(r)
		b.consul.Break(devconsul.NoLeader, nil)
		require.ErrorIs(b, r.Fail(b.ctx, "game exit", nil), ErrUnavailable, "both have failed")
		b.consul.Heal()
		require.NoError(b, r.Fail(b.ctx, "game exit", nil))
		require.False(b, b.held())
	})
}

// TestFailLeavesRoom: when somebody is to take a lock, nothing is written for a while,
// neither by Fail nor by a Close that comes meanwhile.
func TestFailLeavesRoom(t *testing.T) {
	for name, taken := range map[string]bool{"to be taken": true, "nobody waits": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Config{}, nil, func(b *bubble) {
				r := b.register()
				b.takeOver(r)
				began := time.Now()
				closed := make(chan error, 1)
				require.NoError(b, r.Fail(b.ctx, "game exit", func() bool {
					require.False(b, b.held())
					if taken {
						go func() { closed <- r.Close(b.ctx) }()
						synctest.Wait()
						require.Empty(b, closed)
					}
					return taken
				}))
				require.Equal(b, taken, time.Since(began) >= lull)
				if !taken {
					closed <- r.Close(b.ctx)
				}
				require.NoError(b, <-closed)
				require.Equal(b, taken, time.Since(began) >= lull)
			})
		})
	}
}

// TestRegisterUndoes: what a Register began that failed is not left behind.
func TestRegisterUndoes(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		var err error
		for _, path := range []string{"/v1/agent/check/update/", "/v1/session/create"} {
			b.consul.Break(devconsul.Forbidden, isPath(path))
			_, err = b.c.Register(b.ctx, Server{Incarnation: "i", Address: "h:1", Regions: []string{"r"}})
			require.ErrorIs(b, err, ErrAccess)
			time.Sleep(10 * time.Millisecond)
			require.ErrorIs(b, b.c.see(b.ctx, b.c.service(Server{Incarnation: "i", Address: "h:1"})), ErrAccess, "it is not there")
			b.consul.Heal()
		}

		ctx, cancel := context.WithCancelCause(b.ctx)
		reason := errors.New("enough")
		b.consul.Break(devconsul.Hang, isPath("/v1/health/"))
		time.AfterFunc(time.Millisecond*300, func() { cancel(reason) })
		_, err = b.c.Register(ctx, Server{Incarnation: "i", Address: "h:1", Regions: []string{"r"}})
		require.ErrorIs(b, err, reason)
		b.consul.Heal()
		require.ErrorIs(b, b.c.see(b.ctx, b.c.service(Server{Incarnation: "i", Address: "h:1"})), ErrAccess, "nor is it now")
	})
}

func TestNextIndex(t *testing.T) {
	for _, test := range []struct{ last, got, want uint64 }{
		{0, 7, 7}, {7, 7, 7}, {7, 8, 8}, {8, 7, 0}, {1, 1, 1}, {9, 1, 0},
	} {
		require.Equal(t, test.want, nextIndex(test.last, test.got), "%+v", test)
	}
}

func TestQueryTimeout(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, 10 * time.Second, 10 * time.Minute} {
		require.Greater(t, queryTimeout(wait), wait+wait/16, "Consul may take that long")
		require.Less(t, queryTimeout(wait), wait+wait/10+2*time.Second)
	}
	require.Equal(t, 11666666666*time.Nanosecond, queryTimeout(10*time.Second))
}

func TestPause(t *testing.T) {
	p := newPause(minPause, maxPause)
	for i, ms := range []int64{50, 100, 200, 400, 800, 1600, 2000, 2000} {
		base := time.Duration(ms) * time.Millisecond
		d := p.NextBackOff()
		require.GreaterOrEqual(t, d, base/2, i)
		require.LessOrEqual(t, d, base*3/2, i)
	}
	for range 1000 {
		require.Positive(t, p.NextBackOff(), "it never stops")
	}
}
