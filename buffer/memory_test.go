package buffer

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestIdleLogIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Log{}), uintptr(192), "a log is all that an idle player costs")
	require.LessOrEqual(t, unsafe.Sizeof(slot{}), uintptr(40))

	r := NewRegion(DefaultLimits())
	require.EqualValues(t, 1, testing.AllocsPerRun(100, func() {
		l := r.Open(nil)
		_ = l.Rewind(0)
		r.Close(l)
	}), "the log itself")
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	payload := pattern(1, 100)
	wave := func(l *Log, n int) {
		for range n {
			_ = l.Append(l.Tail()+1, payload, time.Time{})
			l.Next()
		}
		_ = l.Ack(l.Sent())
	}
	for name, run := range map[string]func(*Log){
		"one by one": func(l *Log) { wave(l, 1) },
		"in waves, empty between": func(l *Log) {
			wave(l, 100)
		},
		"in waves, never empty": func(l *Log) {
			for range 60 {
				_ = l.Append(l.Tail()+1, payload, time.Time{})
				l.Next()
			}
			_ = l.Ack(l.Tail() - 1)
		},
		"sent twice": func(l *Log) {
			for range 50 {
				_ = l.Append(l.Tail()+1, payload, time.Time{})
				l.Next()
			}
			_ = l.Rewind(l.Acked())
			for range 50 {
				l.Next()
			}
			_ = l.Ack(l.Sent())
		},
		"full": func(l *Log) {
			wave(l, 100)
			for range 105 {
				_ = l.Append(l.Tail()+1, payload, time.Time{})
				l.Next()
			}
			_ = l.Append(l.Tail(), payload, time.Time{}) // a repeat
			_ = l.Ack(l.Sent())
		},
		"in turn": func(l *Log) {
			for range 20 {
				_ = l.Append(l.Tail()+1, payload, time.Time{})
			}
			for ready := l.region.NextReady(); ready != nil; ready = l.region.NextReady() {
				ready.Next()
				l.region.Requeue(ready)
			}
			_ = l.Ack(l.Sent())
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLive(t, NewRegion(DefaultLimits()), 0)
			run(l) // the first time may
			run(l)
			require.Zero(t, testing.AllocsPerRun(100, func() { run(l) }))
			require.NoError(t, l.region.stats.Check())
			require.NotZero(t, l.region.stats.Acked)
		})
	}
}

// A log that was full for once and never runs empty gives the large block back.
func TestBlockShrinks(t *testing.T) {
	l := openLive(t, NewRegion(DefaultLimits()), 0)
	add := func(size int) {
		require.NoError(t, l.Append(l.Tail()+1, pattern(l.Tail()+1, size), time.Time{}))
		l.Next()
	}
	for range 15 {
		add(4096)
	}
	require.Len(t, l.block, 64<<10)
	for range 10 {
		add(50)
		require.NoError(t, l.Ack(l.Tail()-1))
	}
	require.Len(t, l.block, minBlock)
	require.Equal(t, 1, l.Kept())
	require.Equal(t, pattern(l.Tail(), 50), l.payload(l.Tail()))
}

// With all of Limits.Bytes kept, in whatever sizes, the block has at most twice
// as many bytes as those and one action need.
func TestBlockIsBounded(t *testing.T) {
	limits := DefaultLimits()
	limits.Actions = 1 << 20
	for _, size := range []int{1, 100, 1000, 2049, 4095, 4096} {
		l := openLive(t, NewRegion(limits), 0)
		for range 5 * limits.Bytes / size { // several turns of the ring
			for l.Append(l.Tail()+1, pattern(l.Tail(), size), time.Time{}) != nil {
				l.Next()
				require.NoError(t, l.Ack(l.Acked()+1))
			}
		}
		require.Greater(t, l.Bytes(), limits.Bytes-size)
		require.LessOrEqual(t, len(l.block), 128<<10, size)
	}
}

func TestPoolIsBounded(t *testing.T) {
	p := pool[byte]{limit: 100}
	for n, want := range map[int]int{1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 64: 64, 65: 128} {
		require.Len(t, p.get(n), want)
	}
	small, large := p.get(32), p.get(64)
	p.put(small)
	p.put(large)
	require.Equal(t, 96, p.held)
	p.put(make([]byte, 8))
	require.Equal(t, 96, p.held, "above the limit")
	require.Same(t, &large[0], &p.get(33)[0])
	require.Same(t, &small[0], &p.get(17)[0])
	require.Zero(t, p.held)
}
