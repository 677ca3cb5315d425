package buffer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRegionIsLikeTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(tight)
		m.Open(t)
		t.Repeat(m.steps())
	})
}

// Logs go from one region to another and back, with all that they keep.
func TestAdoptIsLikeTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := tight
		limits.Bytes, limits.RegionBytes = 700, 5000 // the larger one does not refuse what the smaller one took
		a, b := newMachine(limits), newMachine(limits)
		a.now, b.now = time.Unix(1e9, 0), time.Unix(1e9, 0)
		steps := map[string]func(*rapid.T){
			"there": func(t *rapid.T) { b.adopt(t, a) },
			"back":  func(t *rapid.T) { a.adopt(t, b) },
		}
		for name, m := range map[string]*machine{"a ": a, "b ": b} {
			for step, f := range m.steps() {
				if step != "" && step != "churn" {
					steps[name+step] = f
				}
			}
		}
		steps[""] = func(t *rapid.T) { a.check(t); b.check(t) }
		a.Open(t)
		t.Repeat(steps)
	})
}

// A log that is closed, or is of this region already, is not adopted.
func TestAdoptNothing(t *testing.T) {
	a, b := NewRegion(DefaultLimits()), NewRegion(DefaultLimits())
	l := openLive(t, a, 0)
	fill(t, l, 2)
	a.Adopt(l)
	require.True(t, l.ready())
	a.Close(l)
	b.Adopt(l)
	require.Zero(t, b.Stats())
	require.NoError(t, a.Stats().Check())
}

// One log alone, with payloads small enough that many turns of its ring happen.
func TestLogIsLikeTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(Limits{
			Actions: 40, Bytes: 2000, Age: time.Second,
			ActionBytes: rapid.SampledFrom([]int{1, 60, 2000}).Draw(t, "action bytes"), RegionBytes: 1 << 20, SnapshotBytes: 1,
		})
		m.Open(t)
		steps := m.steps()
		for _, other := range []string{"open", "close", "keep"} {
			delete(steps, other)
		}
		t.Repeat(steps)
	})
}

// A player who sends as much as he may costs the others one quantum each round.
func TestTurnsAreFair(t *testing.T) {
	const quantum = 16
	r := NewRegion(DefaultLimits())
	greedy := openLive(t, r, 0)
	fill(t, greedy, 100)
	modest := make([]*Log, 5)
	for i := range modest {
		modest[i] = openLive(t, r, 0)
		fill(t, modest[i], 3)
	}

	var order []*Log
	for l := r.NextReady(); l != nil; l = r.NextReady() {
		order = append(order, l)
		for range quantum {
			if _, ok := l.Next(); !ok {
				break
			}
		}
		r.Requeue(l)
	}

	require.Same(t, greedy, order[0])
	require.Equal(t, modest, order[1:6])
	require.Len(t, order, 5+7, "100 actions are 7 quanta of 16")
	for _, l := range append(modest, greedy) {
		require.False(t, l.Unsent())
	}
}

func TestHoldStopsUntilRewind(t *testing.T) {
	r := NewRegion(DefaultLimits())
	one, two := openLive(t, r, 0), openLive(t, r, 0)
	fill(t, one, 3)
	fill(t, two, 3)
	one.Next()

	r.Hold()
	fill(t, one, 2)
	require.Nil(t, r.NextReady())
	_, ok := one.Next()
	require.False(t, ok, "a held log hands out nothing")
	require.True(t, one.Unsent())
	require.NoError(t, one.Ack(1), "a held log takes acks")

	require.NoError(t, two.Rewind(2))
	require.Same(t, two, r.NextReady())
	a, ok := two.Next()
	require.True(t, ok)
	require.EqualValues(t, 3, a.Seq)
	require.Nil(t, r.NextReady(), "the other one is still held")

	require.NoError(t, one.Rewind(1))
	require.Same(t, one, r.NextReady())
	require.Equal(t, Stats{
		Logs: 2, Kept: 7, KeptBytes: 7 * size, Offered: 8, Appended: 8, Acked: 1, Sent: 2,
	}, r.Stats())
}

func TestNewLogIsHeldUntilRewind(t *testing.T) {
	r := NewRegion(DefaultLimits())
	l := r.Open("ann")
	require.NoError(t, l.Reset(41))
	require.NoError(t, l.Append(42, nil, time.Time{}))
	require.Nil(t, r.NextReady())
	require.NoError(t, l.Rewind(41))
	require.Same(t, l, r.NextReady())
	require.Equal(t, "ann", l.Owner)
}

func TestRegionBudget(t *testing.T) {
	limits := DefaultLimits()
	limits.RegionBytes = limits.Bytes
	r := NewRegion(limits)
	one, two := openLive(t, r, 0), openLive(t, r, 0)
	for seq := uint64(1); one.Bytes() < limits.Bytes; seq++ {
		require.NoError(t, one.Append(seq, make([]byte, limits.ActionBytes), time.Time{}))
	}

	err := two.Append(1, []byte{1}, time.Time{})
	require.Equal(t, &FullError{BoundRegion}, err)
	require.True(t, two.Full())
	require.False(t, two.Room())
	require.NoError(t, two.Append(1, nil, time.Time{}), "what needs no room fits")

	// Another log's acks make room. Below three quarters there is enough of it.
	for range 4 {
		require.False(t, two.Room())
		_, ok := one.Next()
		require.True(t, ok)
		require.NoError(t, one.Ack(one.Sent()))
		require.False(t, two.Full())
	}
	require.False(t, two.Room(), "at three quarters")
	one.Next()
	require.NoError(t, one.Ack(one.Sent()))
	require.True(t, two.Room())
	require.NoError(t, two.Append(2, []byte{1}, time.Time{}))

	// So does its end.
	n, first, last := r.Close(one)
	require.Equal(t, 11, n)
	require.Equal(t, []uint64{6, 16}, []uint64{first, last})
	require.Equal(t, 1, r.Stats().KeptBytes)
}

func TestCloseBelongsToItsRegion(t *testing.T) {
	one, two := NewRegion(DefaultLimits()), NewRegion(DefaultLimits())
	l := openLive(t, one, 0)
	fill(t, l, 2)
	require.Same(t, l, one.NextReady())
	n, _, _ := two.Close(l)
	require.Zero(t, n)
	require.Equal(t, 2, l.Kept())
	two.Requeue(l)
	require.Nil(t, two.NextReady())
}

const size = 7 // of the payloads of fill

func openLive(tb testing.TB, r *Region, durable uint64) *Log {
	tb.Helper()
	l := r.Open(nil)
	require.NoError(tb, l.Reset(durable))
	require.NoError(tb, l.Rewind(durable))
	return l
}

// fill appends n actions.
func fill(tb testing.TB, l *Log, n int) {
	tb.Helper()
	for range n {
		require.NoError(tb, l.Append(l.Tail()+1, pattern(l.Tail()+1, size), time.Time{}))
	}
}
