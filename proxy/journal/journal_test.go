package journal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRead(t *testing.T) {
	j := New[string](3, 0)
	require.Zero(t, j.Last())
	r := j.Read(0)
	defer r.Close()
	_, ok := r.Try()
	require.False(t, ok)
	require.EqualValues(t, 1, j.Add("a"))
	require.EqualValues(t, 2, j.Add("b"))
	require.EqualValues(t, 2, j.Last())

	e, err := r.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, Entry[string]{ID: 1, Value: "a"}, e)
	for _, v := range []string{"c", "d", "e"} {
		j.Add(v)
	}
	e, _ = r.Next(t.Context())
	require.Equal(t, Entry[string]{ID: 3, Value: "c", Gap: true, Lost: 1}, e, "b was overwritten")
	e, _ = r.Next(t.Context())
	require.Equal(t, Entry[string]{ID: 4, Value: "d"}, e)

	resumed := j.Read(4)
	defer resumed.Close()
	e, _ = resumed.Try()
	require.Equal(t, Entry[string]{ID: 5, Value: "e"}, e)
	fresh := j.ReadNew()
	defer fresh.Close()
	_, ok = fresh.Try()
	require.False(t, ok)
}

// IDs of an earlier life, or of one that never was, do not hide what there is.
func TestAnotherLife(t *testing.T) {
	j := New[int](4, 1000)
	require.EqualValues(t, 999, j.Last())
	j.Add(1)
	for _, after := range []uint64{0, 7, 998, 1001, 1 << 60} {
		r := j.Read(after)
		e, ok := r.Try()
		require.True(t, ok, "after %d", after)
		require.Equal(t, Entry[int]{ID: 1000, Value: 1, Gap: true}, e, "after %d", after)
		r.Close()
	}
	r := j.Read(999)
	defer r.Close()
	e, _ := r.Try()
	require.False(t, e.Gap)
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New[int](4, 0)
		r := j.ReadNew()
		got := make(chan Entry[int], 1)
		go func() {
			e, _ := r.Next(t.Context())
			got <- e
		}()
		synctest.Wait()
		require.Empty(t, got)
		j.Add(7)
		require.Equal(t, 7, (<-got).Value)

		stop := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		_, err := r.Next(ctx)
		require.ErrorIs(t, err, stop)
		r.Close()
		require.Empty(t, j.readers)
	})
}

// Whatever the order of writing and reading, a reader sees each entry once and in
// order, or is told how many it missed.
func TestNothingIsMissedInSilence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Uint64Range(0, 1<<40).Draw(t, "first")
		j := New[uint64](rapid.IntRange(1, 8).Draw(t, "size"), first)
		r := j.Read(j.Last())
		next := j.Last() + 1
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "write") {
				id := j.Add(j.Last() + 1)
				require.Equal(t, id, j.Last())
				continue
			}
			e, ok := r.Try()
			require.Equal(t, next <= j.Last(), ok)
			if !ok {
				continue
			}
			require.Equal(t, e.ID, e.Value)
			require.Equal(t, next+e.Lost, e.ID)
			require.Equal(t, e.Lost > 0, e.Gap)
			next = e.ID + 1
		}
	})
}
