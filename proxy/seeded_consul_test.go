//go:build fault

package proxy_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// What is taken from Consul must be what it means.
var seededConsul = []seeded{
	{fault.LockIndexAsEpoch, "somebody writes the lock's key between two take-overs", "epochs rise", epochsRise},
	{fault.LeaseFromReceiveTime, "Consul takes its time to answer", "a lease begins when a renewal was sent", leaseIsSent},
	{fault.BlockingQueryNotReset, "Consul's index falls", "changes are seen within a second", changesAreSeen},
}

// registry is Consul alone, in virtual time.
func registry(t *testing.T, wrap func(http.Handler) http.Handler, play func(ctx context.Context, s *devconsul.Server, c *discovery.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := devconsul.New(devconsul.Options{})
		defer s.Close()
		c, err := discovery.New(discovery.Config{Address: "http://consul", Transport: devconsul.Transport(wrap(s))}, nil)
		require.NoError(t, err)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		play(ctx, s, c)
	})
}

func plain(h http.Handler) http.Handler { return h }

func register(ctx context.Context, t *testing.T, c *discovery.Client, inc string) *discovery.Registration {
	t.Helper()
	r, err := c.Register(ctx, discovery.Server{Incarnation: inc, Address: "h:1", Regions: []string{"arena"}})
	require.NoError(t, err)
	return r
}

func epochsRise(t *testing.T, v *verdict) {
	registry(t, plain, func(ctx context.Context, s *devconsul.Server, c *discovery.Client) {
		var last uint64
		for i, inc := range []string{"a", "b", "c"} {
			r := register(ctx, t, c, inc)
			grant, err := c.TakeOver(ctx, "arena", r.Session(), discovery.Holder{Incarnation: inc, Address: "h:1"}, 0)
			require.NoError(t, err)
			v.check(grant.Epoch > last, "epoch %d after epoch %d", grant.Epoch, last)
			last = grant.Epoch
			require.NoError(t, r.Close(ctx))
			if i == 1 {
				overwrite(ctx, t, s)
			}
		}
	})
}

// overwrite is a person who writes the lock's key: Consul forgets how often it
// was taken.
func overwrite(ctx context.Context, t *testing.T, s *devconsul.Server) {
	t.Helper()
	url := "http://consul/v1/kv/" + discovery.DefaultPrefix + "/arena/lock"
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader("mine"))
	require.NoError(t, err)
	res, err := devconsul.Transport(s).RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
}

func leaseIsSent(t *testing.T, v *verdict) {
	var mu sync.Mutex
	asked := map[time.Time]bool{}
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked[time.Now()] = true
			mu.Unlock()
			if strings.HasPrefix(r.URL.Path, "/v1/session/renew/") || strings.HasPrefix(r.URL.Path, "/v1/agent/check/update/") {
				time.Sleep(700 * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		})
	}
	registry(t, slow, func(ctx context.Context, _ *devconsul.Server, c *discovery.Client) {
		r := register(ctx, t, c, "a")
		go func() { _ = r.Run(ctx) }()
		for range 50 {
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			sent := asked[r.RenewedAt().Round(0)] || asked[r.RenewedAt()]
			mu.Unlock()
			if !v.check(sent, "a lease began at a time at which nothing was sent") {
				return
			}
		}
	})
}

func changesAreSeen(t *testing.T, v *verdict) {
	registry(t, plain, func(ctx context.Context, s *devconsul.Server, c *discovery.Client) {
		register(ctx, t, c, "a")
		watch := c.Watch("arena")
		go func() { _ = watch.Run(ctx) }()
		require.Len(t, (<-watch.Views()).Servers, 1)
		for range 5 { // a history that can be shorter
			require.NoError(t, register(ctx, t, c, "x").Close(ctx))
		}
		time.Sleep(time.Second)
		s.Rewind(8)
		time.Sleep(13 * time.Second) // a query that was under way has ended
		for len(watch.Views()) > 0 {
			<-watch.Views()
		}
		register(ctx, t, c, "b")
		seen := false
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && !seen; time.Sleep(10 * time.Millisecond) {
			select {
			case view := <-watch.Views():
				_, seen = view.Server("b")
			default:
			}
		}
		v.check(seen, "a server that has registered is not seen for a second")
	})
}
