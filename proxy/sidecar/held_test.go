package sidecar

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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
