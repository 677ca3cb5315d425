package proxy_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

func degraded(fidelity float64) discovery.MeshState {
	return discovery.MeshState{Level: "severe", Fidelity: fidelity}
}

// An unreliable update that is too long for a datagram goes on the stream, and may
// be left out all the same; one that is reliable may not, however short it is.
func TestOversizedUpdatesAreThinnedToo(t *testing.T) {
	const updates, size = 100, wire.MaxDatagram + 1
	c := proxy.NewCrowd(2, degraded(0.25))
	for range updates {
		c.Output(wire.Output{Epoch: 1, Payload: make([]byte, size)})
	}
	for player := range 2 {
		require.Equal(t, len(wire.Update{Epoch: 1, Payload: make([]byte, size)}.Append(nil))*updates/4, c.Streamed(player))
	}
	require.EqualValues(t, 2*updates*3/4, c.Thinned())
	for range updates {
		c.Output(wire.Output{Epoch: 1, Reliable: true, Payload: []byte("x")})
		c.Output(wire.Output{Epoch: 1, Handle: 1, Reliable: true})
	}
	require.Equal(t, updates*(len(wire.Update{Epoch: 1}.Append(nil))*2+1), c.Streamed(0))
	require.Equal(t, updates*(len(wire.Update{Epoch: 1}.Append(nil))+1), c.Streamed(1))
	require.EqualValues(t, 2*updates*3/4, c.Thinned())
}

// Of any n updates in a row each player gets his share, give or take less than one,
// whatever the fidelity; and all of them together do at each update.
func TestShareIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const players, updates = 50, 200
		fidelity := float64(rapid.IntRange(0, wire.Full).Draw(t, "permille")) / wire.Full
		c := proxy.NewCrowd(players, degraded(fidelity))
		one := wire.Output{Epoch: 1, Payload: make([]byte, wire.MaxDatagram+1)} // counted on the stream
		var got [players][updates + 1]int
		for n := 1; n <= updates; n++ {
			c.Output(one)
			all := 0
			for p := range players {
				passed := min(1, c.Streamed(p))
				got[p][n] = got[p][n-1] + passed
				all += passed
			}
			require.InDelta(t, fidelity*players, all, players/10, "at update %d", n)
		}
		from := rapid.IntRange(0, updates-1).Draw(t, "from")
		to := rapid.IntRange(from+1, updates).Draw(t, "to")
		for p := range players {
			share := float64(got[p][to] - got[p][from])
			require.Less(t, math.Abs(share-fidelity*float64(to-from)), 1.0+1e-9, "player %d, %d to %d", p, from, to)
		}
	})
}

// What makes no sense changes nothing.
func TestLevelWithoutSense(t *testing.T) {
	for _, bad := range []discovery.MeshState{{Level: "awful", Fidelity: 0.1}, {Level: "light", Fidelity: 1.1}, {Level: "light", Fidelity: -1}} {
		c := proxy.NewCrowd(1, bad)
		for range 100 {
			c.Output(wire.Output{Epoch: 1, Payload: []byte("x")})
		}
		require.Zero(t, c.Thinned(), bad)
	}
}

func TestCriticalRegionMustBeOne(t *testing.T) {
	_, err := proxy.NewEdge(proxy.Config{Regions: []string{"arena"}, Critical: []string{"arena", "castle"}})
	require.ErrorContains(t, err, `critical region "castle" is none of its regions`)
	require.NotContains(t, err.Error(), `"arena"`)
}

// An update costs no memory, at any level.
func TestUpdatesDoNotAllocate(t *testing.T) {
	for _, fidelity := range []float64{1, 0.5} {
		c := proxy.NewCrowd(10, degraded(fidelity))
		out := wire.Output{Epoch: 1, Payload: make([]byte, 200)}
		for range 1000 {
			c.Output(out) // until the rings have their size
		}
		require.Zero(t, testing.AllocsPerRun(1000, func() { c.Output(out) }), "fidelity %v", fidelity)
	}
}

// BenchmarkOutput is one unreliable update of 200 bytes to a hundred players.
func BenchmarkOutput(b *testing.B) {
	for _, fidelity := range []float64{1, 0.75, 0.25} {
		b.Run(fmt.Sprintf("fidelity=%v", fidelity), func(b *testing.B) {
			c := proxy.NewCrowd(100, degraded(fidelity))
			out := wire.Output{Epoch: 1, Payload: make([]byte, 200)}
			b.ReportAllocs()
			for b.Loop() {
				c.Output(out)
			}
		})
	}
}
