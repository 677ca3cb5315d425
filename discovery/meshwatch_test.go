package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// put writes a key as any other program could.
func (b *bubble) put(path, value string) {
	b.Helper()
	_, err := b.c.calls.KV().Put(&consul.KVPair{Key: "reseat/" + path, Value: []byte(value)}, nil)
	require.NoError(b, err)
}

// TestManyRegions: two queries and one delivery for hundreds of regions.
func TestManyRegions(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		const regions = 300
		for i := range regions {
			b.put(fmt.Sprintf("r%d/epoch", i), "1")
			b.put(fmt.Sprintf(".mesh/seats/r%d", i), `{"servers":["i"],"score":3}`)
		}
		r, err := b.c.Register(b.ctx, Server{Incarnation: "i", Address: "h:1", Pool: true})
		require.NoError(b, err)
		b.run(r.Run)
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		last, _ := w.Region("r299")
		other, _ := w.Region("r298")
		b.run(w.Run)
		mesh := <-meshes
		require.Len(b, mesh.Regions, regions)
		for name, v := range mesh.Regions {
			require.Equal(b, uint64(1), v.Epoch, name)
			require.Len(b, v.Servers, 1, name)
		}
		synctest.Wait()
		require.Equal(b, int64(1), b.c.Stats().Watches)
		require.Equal(b, int64(2), b.c.Stats().Blocking)
		require.Equal(b, uint64(1), (<-last).Epoch)
		<-other

		b.put("r299/epoch", "2")
		require.Equal(b, uint64(2), (<-meshes).Region("r299").Epoch)
		require.Equal(b, uint64(2), (<-last).Epoch)
		time.Sleep(time.Minute)
		require.Empty(b, other)
		require.Empty(b, last)
		require.Empty(b, meshes, "no news, no delivery")
	})
}

// TestHugeValues: what somebody else has put into the keys of a few regions is the
// trouble of those alone.
func TestHugeValues(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		const huge, size = 14, 500_000
		require.Greater(b, huge*size*4/3, maxAnswer, "more than any other answer may have")
		for i := range huge {
			b.put(fmt.Sprintf("r%d/insync", i), strings.Repeat("x", size))
		}
		b.put("good/insync", `["i"]`)
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		b.run(w.Run)
		mesh := <-meshes
		require.Len(b, mesh.Regions, huge+1)
		require.Equal(b, []string{"i"}, mesh.Region("good").InSync)
		require.True(b, mesh.Region("r0").InSyncKnown)
		require.Empty(b, mesh.Region("r0").InSync)
	})
}

// TestManyChanges: a storm of them is delivered in few answers, and the first and
// the last of it at once.
func TestManyChanges(t *testing.T) {
	var answers atomic.Int64
	inBubble(t, Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			if r.Method == http.MethodGet && isPath("/v1/kv/")(r) {
				answers.Add(1)
			}
		})
	}, func(b *bubble) {
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		b.run(w.Run)
		<-meshes
		time.Sleep(time.Second)
		answers.Store(0)
		began := time.Now()
		for i := range 1000 {
			b.put("r/epoch", fmt.Sprint(i+1))
			if i < meshBurst-1 {
				require.Equal(b, uint64(i+1), (<-meshes).Region("r").Epoch)
				require.Equal(b, began, time.Now(), "at once")
			} else {
				time.Sleep(time.Millisecond)
			}
		}
		require.LessOrEqual(b, answers.Load(), int64(meshBurst+time.Second/meshPace))
		time.Sleep(meshPace)
		require.Equal(b, uint64(1000), (<-meshes).Region("r").Epoch)
	})
}

// TestOneDelivery: what changed in one transaction is delivered as one.
func TestOneDelivery(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		b.run(w.Run)
		<-meshes
		res, err := b.c.transact(b.ctx, op{"test", ""}, consul.TxnOps{
			kv(consul.KVTxnOp{Verb: consul.KVSet, Key: "reseat/r/epoch", Value: []byte("5")}),
			kv(consul.KVTxnOp{Verb: consul.KVSet, Key: "reseat/r/insync", Value: []byte(`["a"]`)}),
			kv(consul.KVTxnOp{Verb: consul.KVSet, Key: "reseat/.mesh/seats/r", Value: []byte(`{"score":3}`)}),
			kv(consul.KVTxnOp{Verb: consul.KVSet, Key: "reseat/.mesh/drain/a", Value: []byte(`{"by":"x"}`)}),
		})
		require.NoError(b, err)
		require.Empty(b, res.Errors)
		mesh := <-meshes
		v := mesh.Region("r")
		require.Equal(b, uint64(5), v.Epoch)
		require.Equal(b, []string{"a"}, v.InSync)
		require.Equal(b, uint64(3), v.Seats.Score)
		require.Len(b, mesh.Draining, 1)
		time.Sleep(time.Minute)
		require.Empty(b, meshes)
	})
}

// TestMeshWatchRunsAgain: what was known belongs to the Run before.
func TestMeshWatchRunsAgain(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		b.put("r/epoch", "1")
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		region, _ := w.Region("r")
		for range 2 {
			reason := errors.New("enough")
			ctx, cancel := context.WithCancelCause(b.ctx)
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			require.Equal(b, uint64(1), (<-meshes).Region("r").Epoch)
			require.Equal(b, uint64(1), (<-region).Epoch)
			cancel(reason)
			require.ErrorIs(b, <-ended, reason)
			require.Zero(b, b.c.Stats().Watches)
			require.Zero(b, b.c.Stats().Blocking)
		}
		b.consul.Break(devconsul.NoLeader, nil)
		b.run(w.Run)
		synctest.Wait()
		late, _ := w.Subscribe()
		time.Sleep(time.Minute)
		require.Empty(b, late, "nothing rather than what another Run knew")
		require.Empty(b, meshes)
	})
}

// TestMeshWatchesAreCounted together with those of one region.
func TestMeshWatchesAreCounted(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		for i := range maxWatches - 1 {
			b.run(b.c.Watch(fmt.Sprint("r", i)).Run)
		}
		b.run(b.c.WatchMesh().Run)
		synctest.Wait()
		require.ErrorIs(b, b.c.WatchMesh().Run(b.ctx), ErrTooManyWatches)
		require.Equal(b, int64(2*maxWatches), b.c.Stats().Blocking)
	})
}

// TestMeshPace: while Consul is down it is asked as seldom as for one region.
func TestMeshPace(t *testing.T) {
	var asked atomic.Int64
	inBubble(t, Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			next.ServeHTTP(w, r)
		})
	}, func(b *bubble) {
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		b.run(w.Run)
		<-meshes
		asked.Store(0)
		b.consul.Break(devconsul.NoLeader, nil)
		time.Sleep(time.Minute)
		require.Greater(b, asked.Load(), int64(2*60/3))
		require.Less(b, asked.Load(), int64(2*(60/1+8)))
		require.True(b, (<-meshes).Stale)
		require.Empty(b, meshes, "it became stale once")
		b.consul.Heal()
		time.Sleep(3 * time.Second)
		require.False(b, (<-meshes).Stale)
	})
}

// TestOdditiesAreLoggedOnce, each region's for itself.
func TestOdditiesAreLoggedOnce(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		var log bytes.Buffer
		b.c.log = slog.New(slog.NewTextHandler(&log, nil))
		b.put("r/epoch", "x")
		b.put("s/epoch", "y")
		w := b.c.WatchMesh()
		b.run(w.Run)
		for i := range 10 {
			b.put("t/epoch", fmt.Sprint(i))
			time.Sleep(2 * meshPace)
		}
		synctest.Wait()
		require.Equal(b, 1, strings.Count(log.String(), "region=r"), log.String())
		require.Equal(b, 1, strings.Count(log.String(), "region=s"))
		require.NotContains(b, log.String(), "region=t")
		b.put("r/epoch", "z")
		time.Sleep(2 * meshPace)
		synctest.Wait()
		require.Equal(b, 2, strings.Count(log.String(), "region=r"))
		require.Equal(b, 1, strings.Count(log.String(), "region=s"))
	})
}

// TestControllerIsFreeAfterCheckTTL, as a primary's lock is.
func TestControllerIsFreeAfterCheckTTL(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		r, err := b.c.RegisterEdge(b.ctx, EdgeServer{Incarnation: "e", Address: "h:1"})
		require.NoError(b, err)
		won, err := b.c.LeadMesh(b.ctx, r.Session(), Controller{Incarnation: "e"})
		require.NoError(b, err)
		require.True(b, won)
		w := b.c.WatchMesh()
		meshes, _ := w.Subscribe()
		b.run(w.Run)
		require.NotNil(b, (<-meshes).Controller)
		time.Sleep(time.Until(r.RenewedAt().Add(DefaultCheckTTL)) - time.Millisecond)
		require.Empty(b, meshes, "not a moment before")
		time.Sleep(10 * time.Millisecond)
		require.Nil(b, (<-meshes).Controller)
	})
}
