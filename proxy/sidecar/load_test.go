package sidecar

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// loads are the words of load that wait for a peer.
func loads(t tb, s *stream) (all []wire.Load) {
	each(s.out.Fill(nil), wire.LinkRegion, func(typ wire.Type, body []byte) {
		if typ == wire.TypeLoad {
			var f wire.Load
			require.NoError(t, f.Decode(body))
			all = append(all, f)
		}
	})
	return all
}

// Edges are told how many players there are at all of them, when that has changed,
// and once a second at most.
func TestLoadIsTold(t *testing.T) {
	r := newRig(t, "a")
	r.elect(3)
	now := time.Now()
	one, two, backup := r.stream(wire.RoleEdge, "one"), r.stream(wire.RoleEdge, "two"), r.stream(wire.RoleBackup, "b")
	join := func(edge *stream, handle uint64) {
		require.NoError(t, r.attach(edge, wire.Attach{Epoch: 3, Handle: handle, Player: fmt.Sprint(edge.peer, handle)}))
	}
	after := func(d time.Duration) {
		now = now.Add(d)
		r.tellLoad(now)
	}
	join(one, 1)
	join(two, 1)
	after(0)
	require.Equal(t, []wire.Load{{Epoch: 3, Players: 2}}, loads(t, one))
	require.Equal(t, []wire.Load{{Epoch: 3, Players: 2}}, loads(t, two))

	after(time.Hour)
	require.Empty(t, loads(t, one), "no news")
	join(one, 2)
	after(loadPause - 1)
	require.Empty(t, loads(t, one), "too soon")
	join(two, 2)
	three := r.stream(wire.RoleEdge, "three")
	after(1)
	for _, edge := range []*stream{one, two, three} {
		require.Equal(t, []wire.Load{{Epoch: 3, Players: 4}}, loads(t, edge))
	}
	r.closed(two)
	after(loadPause)
	require.Equal(t, []wire.Load{{Epoch: 3, Players: 2}}, loads(t, one))
	require.Empty(t, loads(t, backup), "it is no edge")
}

// A game that was behind at any moment since the last word is told of, and once it
// is not any more, that is told too.
func TestPressIsTold(t *testing.T) {
	r := newRig(t, "a")
	r.elect(3)
	now := time.Now()
	edge := r.stream(wire.RoleEdge, "edge")
	r.tellLoad(now)
	require.Equal(t, []wire.Load{{Epoch: 3}}, loads(t, edge))

	require.NoError(t, r.game.out.Put(make([]byte, gameQueue/2+1)))
	r.tellLoad(now.Add(loadPause / 2))
	r.game.out.Fill(nil)
	r.tellLoad(now.Add(loadPause))
	require.Equal(t, []wire.Load{{Epoch: 3, Pressed: true}}, loads(t, edge))
	r.tellLoad(now.Add(2 * loadPause))
	require.Equal(t, []wire.Load{{Epoch: 3}}, loads(t, edge))

	r.held.add(1<<60, nil, make([]byte, maxHeld/2+1))
	r.tellLoad(now.Add(3 * loadPause))
	require.Equal(t, []wire.Load{{Epoch: 3, Pressed: true}}, loads(t, edge))
}
