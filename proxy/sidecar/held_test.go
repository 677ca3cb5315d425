package sidecar

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Updates leave in the order in which they came, whole, each when the index that
// it needs is durable, and not before.
func TestHeldIsAQueue(t *testing.T) {
	rows := []*row{nil, {id: 1}, {id: 2}}
	type update struct {
		n, after, needs uint64
		row             *row
		payload         []byte
		final           bool
	}
	rapid.Check(t, func(t *rapid.T) {
		var h held
		var want []update
		var n, after, done, outcome, commit uint64
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n++
				after += rapid.Uint64Range(0, 3).Draw(t, "after")
				payload := binary.AppendUvarint(nil, n)
				payload = append(payload, make([]byte, rapid.IntRange(0, 200).Draw(t, "size"))...)
				u := update{n, after, after, rapid.SampledFrom(rows).Draw(t, "row"), payload, false}
				h.add(u.after, u.row, append([]byte(nil), payload...))
				want = append(want, u)
			},
			"done": func(t *rapid.T) { // the game's word, with what it has committed until then
				done = max(done, rapid.Uint64Range(done, after).Draw(t, "done"))
				outcome = max(outcome, done) + rapid.Uint64Range(0, 2).Draw(t, "outcomes")
				h.resolve(done, outcome)
				for i := range want {
					if u := &want[i]; !u.final {
						if u.after > done {
							break
						}
						u.final, u.needs = true, max(u.after, outcome)
					}
				}
			},
			"release": func(t *rapid.T) {
				commit += rapid.Uint64Range(0, 4).Draw(t, "commit")
				unresolved := rapid.Bool().Draw(t, "unresolved")
				for {
					row, payload, ok := h.next(commit, unresolved)
					may := len(want) > 0 && want[0].needs <= commit && (want[0].final || unresolved)
					require.Equal(t, may, ok)
					if !ok {
						break
					}
					require.Same(t, want[0].row, row)
					require.Equal(t, want[0].payload, payload)
					want = want[1:]
				}
			},
			"": func(t *rapid.T) {
				size := 0
				for _, u := range want {
					size += len(u.payload)
				}
				require.Equal(t, size, h.bytes())
				require.Equal(t, len(want) == 0, h.empty())
			},
		})
	})
}

// What has left does not stay in memory, even if the queue never runs empty.
func TestHeldGivesMemoryBack(t *testing.T) {
	var h held
	payload := make([]byte, 1000)
	for i := range uint64(100_000) {
		h.add(i, nil, payload)
		h.resolve(^uint64(0), 0)
		if i < 100 {
			continue
		}
		_, got, ok := h.next(i, false)
		require.True(t, ok)
		require.Len(t, got, 1000)
	}
	require.Equal(t, 100*1000, h.bytes())
	require.Less(t, cap(h.memory), 8<<20)
	require.Less(t, cap(h.queue), 8192)
}

func TestHeldDoesNotAllocate(t *testing.T) {
	var h held
	payload := make([]byte, 100)
	round := func() {
		for range 10 {
			h.add(1, nil, payload)
		}
		h.resolve(1, 1)
		for range 10 {
			_, _, ok := h.next(1, false)
			require.True(t, ok)
		}
	}
	round()
	require.Zero(t, testing.AllocsPerRun(100, round))
}

// A large backlog that has left frees its memory.
func TestHeldShrinks(t *testing.T) {
	var h held
	for range 1000 {
		h.add(0, nil, make([]byte, 1000))
	}
	for !h.empty() {
		_, _, ok := h.next(0, true)
		require.True(t, ok)
	}
	require.Nil(t, h.memory)
}

// What the game sends on account of the last actions of an epoch that is over leaves
// when it is done with them, and not only with an action of this epoch.
func TestUpdatesOfTheTailLeave(t *testing.T) {
	r := newRig(t, "b")
	r.outcomes = true
	r.follow(1)
	r.receive(attach(1, 1, 1, "ann", "", ""), action(1, 1, 1))
	r.elect(2, "c")
	b := r.backup("c")
	edge := r.stream(wire.RoleEdge, "edge")
	require.NoError(t, r.attach(edge, wire.Attach{Epoch: 2, Handle: 5, Number: 1, Player: "ann"}))
	for range 3 { // the tail is on trial
		b.replica.match, b.replica.next = r.end(), r.end()+1
		r.settle()
	}
	require.EqualValues(t, 2, r.feed.handed)
	r.emit(wire.Emit{ID: 1, Handle: 1, After: 2, Reliable: true, Payload: []byte("done")})
	require.Empty(t, outputs(t, edge), "the game may still commit")
	r.finished(2)
	b.replica.match, b.replica.next = r.end(), r.end()+1
	r.settle()
	require.Equal(t, []string{"done"}, outputs(t, edge))
}

// What a call without an action sends does not wait for the next action.
func TestIdleUpdatesLeave(t *testing.T) {
	r := newRig(t, "a")
	r.outcomes = true
	r.elect(1, "b")
	b := r.backup("b")
	edge := r.stream(wire.RoleEdge, "edge")
	require.NoError(t, r.attach(edge, wire.Attach{Epoch: 1, Handle: 5, Player: "ann"}))
	r.outcome(wire.Outcome{ID: 1, From: 1, Payload: []byte("a chest appears")})
	r.emit(wire.Emit{ID: 1, Handle: 1, Reliable: true, Payload: []byte("you see a chest")})
	require.Empty(t, outputs(t, edge), "it is not durable")
	b.replica.match, b.replica.next = r.end(), r.end()+1
	r.settle()
	require.Equal(t, []string{"you see a chest"}, outputs(t, edge))
}

// outputs are the updates that wait for an edge.
func outputs(t *testing.T, edge *stream) (out []string) {
	t.Helper()
	each(edge.out.Fill(nil), wire.LinkRegion, func(typ wire.Type, body []byte) {
		if typ == wire.TypeOutput {
			var f wire.Output
			require.NoError(t, f.Decode(body))
			out = append(out, string(f.Payload))
		}
	})
	return out
}
