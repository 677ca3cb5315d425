package proxy_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A broadcast to a crowd comes to everybody who is still there, over some time; one of
// more than can wait comes to nobody, and is counted.
func TestCrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, queue = 1000, 64
		c := proxy.NewCrowd(crowd, discovery.MeshState{Level: "normal", Fidelity: 1})
		out := wire.Output{Epoch: 1, Payload: []byte("x")}
		c.Hear(out)
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { c.Cry(ctx); close(over) }()
		synctest.Wait() // it takes its first breath
		var later []int
		for i := range crowd {
			if c.Waiting(i) == 0 {
				later = append(later, i)
			}
		}
		require.NotEmpty(t, later, "it goes to a few at a time")
		require.Less(t, len(later), crowd)
		gone := later[:10]
		for _, i := range gone {
			c.Leave(i)
		}
		time.Sleep(time.Second) // virtual
		for i := range crowd {
			require.Equal(t, !slices.Contains(gone, i), c.Waiting(i) == 1, "player %d", i)
		}
		stop()
		<-over

		for range queue + 3 {
			c.Hear(out)
		}
		require.EqualValues(t, 3*(crowd-len(gone)), c.Thinned())
	})
}

// What is in no hurry leaves for a few idle players at a time.
func TestMentions(t *testing.T) { synctest.Test(t, testMentions) } // of no time: nobody is told of a hold

func testMentions(t *testing.T) {
	const crowd = 120
	c := proxy.NewCrowd(crowd, discovery.MeshState{Level: "normal", Fidelity: 1})
	c.SetLevel(degraded(0.5))
	for _, want := range []int{0, 50, 50, 20, 0} {
		woken := 0
		for i := range crowd {
			if c.Woken(i) {
				woken++
				require.NotZero(t, c.Streamed(i))
			}
		}
		require.Equal(t, want, woken)
		c.Sweep()
	}
}
