package buffer

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kept5 is a log with 10 durable actions, 11 to 13 sent, 14 and 15 not.
func kept5(t *testing.T) *Log {
	t.Helper()
	l := openLive(t, NewRegion(DefaultLimits()), 10)
	fill(t, l, 5)
	for range 3 {
		_, ok := l.Next()
		require.True(t, ok)
	}
	return l
}

func requireCursors(t *testing.T, l *Log, acked, sent, tail uint64) {
	t.Helper()
	require.Equal(t, [3]uint64{acked, sent, tail}, [3]uint64{l.Acked(), l.Sent(), l.Tail()})
	require.NoError(t, l.region.stats.Check())
}

func TestAppend(t *testing.T) {
	limits := DefaultLimits()
	for name, test := range map[string]struct {
		seq     uint64
		payload []byte
		want    error
		text    string
	}{
		"the next":                   {16, []byte("new"), nil, ""},
		"empty":                      {16, nil, nil, ""},
		"as large as may be":         {16, make([]byte, limits.ActionBytes), nil, ""},
		"zero":                       {0, nil, ErrGap, "buffer: seq leaves a gap: 0 came after 15"},
		"gap":                        {17, nil, ErrGap, "buffer: seq leaves a gap: 17 came after 15"},
		"far gap":                    {math.MaxUint64, nil, ErrGap, ""},
		"repeat of the newest":       {15, pattern(15, size), ErrRepeat, ""},
		"repeat of a sent one":       {11, pattern(11, size), ErrRepeat, ""},
		"repeat of a durable one":    {10, pattern(10, size), ErrRepeat, ""},
		"durable, payload forgotten": {1, []byte("other"), ErrRepeat, ""},
		"other payload":              {15, []byte("other"), ErrReused, "buffer: seq was used for another payload: 15"},
		"shorter payload":            {15, pattern(15, size-1), ErrReused, ""},
		"too large":                  {16, make([]byte, limits.ActionBytes+1), ErrTooLarge, "buffer: payload above the limit: 4097 bytes, the limit is 4096"},
		"used, and too large":        {15, make([]byte, limits.ActionBytes+1), ErrReused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := kept5(t)
			err := l.Append(test.seq, test.payload, time.Time{})
			require.ErrorIs(t, err, test.want)
			if test.text != "" {
				require.EqualError(t, err, test.text)
			}
			if test.want == nil {
				requireCursors(t, l, 10, 13, 16)
			} else {
				requireCursors(t, l, 10, 13, 15)
			}
		})
	}
}

func TestAppendWhenFull(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Limits)
		size   int
		want   Bound
		text   string
	}{
		"actions": {func(l *Limits) { l.Actions = 5 }, 0, BoundActions, "buffer: the log is full: actions"},
		"bytes":   {func(l *Limits) { l.Bytes = 5*size + 3 }, 4, BoundBytes, "buffer: the log is full: bytes"},
		"region":  {func(l *Limits) { l.RegionBytes = 5*size + 3 }, 4, BoundRegion, "buffer: the log is full: region"},
	} {
		t.Run(name, func(t *testing.T) {
			l := kept5(t)
			test.change(&l.region.limits)
			err := l.Append(16, make([]byte, test.size), time.Time{})
			require.ErrorIs(t, err, ErrFull)
			require.Equal(t, &FullError{test.want}, err)
			require.EqualError(t, err, test.text)
			requireCursors(t, l, 10, 13, 15)
			require.ErrorIs(t, l.Append(17, nil, time.Time{}), ErrGap, "a gap is a gap in a full log too")
			require.ErrorIs(t, l.Append(15, pattern(15, size), time.Time{}), ErrRepeat)

			require.NoError(t, l.Ack(11))
			require.NoError(t, l.Append(16, make([]byte, test.size), time.Time{}))
		})
	}
}

func TestRewind(t *testing.T) {
	for have, want := range map[uint64]struct {
		err  error
		sent uint64
	}{
		0:              {ErrBehind, 13},
		9:              {ErrBehind, 13},
		10:             {nil, 10},
		12:             {nil, 12},
		13:             {nil, 13},
		14:             {nil, 14}, // it came to the primary by another road
		15:             {nil, 15},
		16:             {nil, 15}, // the player has sent more by another edge
		math.MaxUint64: {nil, 15},
	} {
		l := kept5(t)
		require.ErrorIs(t, l.Rewind(have), want.err)
		requireCursors(t, l, 10, want.sent, 15)
		if want.err != nil {
			continue
		}
		for seq := want.sent + 1; seq <= 15; seq++ {
			a, ok := l.Next()
			require.True(t, ok)
			require.Equal(t, Action{Seq: seq, Payload: pattern(seq, size)}, a)
		}
		_, ok := l.Next()
		require.False(t, ok)
	}
	l := kept5(t)
	require.EqualError(t, l.Rewind(3), "buffer: the primary lacks durable actions: it has 3, durable are 10")
}

func TestAck(t *testing.T) {
	for seq, want := range map[uint64]struct {
		err   error
		acked uint64
	}{
		0:              {nil, 10},
		10:             {nil, 10},
		11:             {nil, 11},
		13:             {nil, 13},
		14:             {ErrAckAhead, 10},
		math.MaxUint64: {ErrAckAhead, 10},
	} {
		l := kept5(t)
		require.ErrorIs(t, l.Ack(seq), want.err)
		requireCursors(t, l, want.acked, 13, 15)
		require.Equal(t, int(15-want.acked)*size, l.Bytes())
	}
	l := kept5(t)
	require.EqualError(t, l.Ack(14), "buffer: acked above what was handed out: 14, handed out are 13")
}

func TestReset(t *testing.T) {
	l := kept5(t)
	require.EqualError(t, l.Reset(99), "buffer: the log still keeps actions: 11 to 15")
	requireCursors(t, l, 10, 13, 15)
	require.NoError(t, l.Rewind(15))
	require.NoError(t, l.Ack(15))
	require.NoError(t, l.Reset(99))
	requireCursors(t, l, 99, 99, 99)
	require.ErrorIs(t, l.Append(99, nil, time.Time{}), ErrRepeat)
	require.NoError(t, l.Append(100, nil, time.Time{}))
	a, ok := l.Next()
	require.True(t, ok, "it was live, and is")
	require.EqualValues(t, 100, a.Seq)
}

// The durable mark comes from a peer. The highest one must do no harm.
func TestLastSeqOfAll(t *testing.T) {
	l := openLive(t, NewRegion(DefaultLimits()), math.MaxUint64-1)
	require.NoError(t, l.Append(math.MaxUint64, []byte("last"), time.Time{}))
	require.ErrorIs(t, l.Append(math.MaxUint64, []byte("last"), time.Time{}), ErrRepeat)
	require.ErrorIs(t, l.Append(0, nil, time.Time{}), ErrGap)
	a, ok := l.Next()
	require.True(t, ok)
	require.Equal(t, "last", string(a.Payload))
	_, ok = l.Next()
	require.False(t, ok)
	require.NoError(t, l.Ack(math.MaxUint64))
	require.ErrorIs(t, l.Append(math.MaxUint64, nil, time.Time{}), ErrRepeat)
	requireCursors(t, l, math.MaxUint64, math.MaxUint64, math.MaxUint64)
}

// A failover twice over: nothing overtakes, nothing is missing.
func TestSendsOldAndNewInOneOrder(t *testing.T) {
	l := kept5(t)
	send := func(n int) (seqs []uint64) {
		for range n {
			if a, ok := l.Next(); ok {
				require.Equal(t, pattern(a.Seq, size), a.Payload)
				seqs = append(seqs, a.Seq)
			}
		}
		return seqs
	}
	l.region.Hold()
	fill(t, l, 1)
	require.NoError(t, l.Rewind(11))
	require.Equal(t, []uint64{12, 13}, send(2))
	fill(t, l, 1)
	l.region.Hold()
	fill(t, l, 1)
	require.Empty(t, send(1))
	require.NoError(t, l.Rewind(10))
	require.Equal(t, []uint64{11, 12, 13, 14, 15, 16, 17, 18}, send(100))

	s := l.region.Stats()
	require.Equal(t, []uint64{8, 5}, []uint64{s.Sent, s.Resent})
}

func TestExpired(t *testing.T) {
	l := openLive(t, NewRegion(DefaultLimits()), 0)
	start := time.Unix(100, 0)
	require.False(t, l.Expired(start.Add(time.Hour)), "an empty log does not age")
	require.NoError(t, l.Append(1, nil, start))
	require.NoError(t, l.Append(2, nil, start.Add(4*time.Second)))
	require.False(t, l.Expired(start.Add(10*time.Second)))
	require.True(t, l.Expired(start.Add(10*time.Second+1)))

	l.Next()
	require.NoError(t, l.Ack(1))
	at, ok := l.Oldest()
	require.True(t, ok)
	require.Equal(t, start.Add(4*time.Second), at)
	require.False(t, l.Expired(start.Add(10*time.Second+1)), "the oldest is durable")

	l.region.Close(l)
	require.False(t, l.Expired(start.Add(time.Hour)), "a closed log does not age")
}

// Full at the bound, room below three quarters of it: in between, neither.
func TestRoomIsBelowFull(t *testing.T) {
	l := openLive(t, NewRegion(DefaultLimits()), 0)
	type state struct{ full, room bool }
	seen := map[int]state{}
	for n := 0; ; n++ {
		seen[n] = state{l.Full(), l.Room()}
		if l.Append(uint64(n+1), nil, time.Time{}) != nil {
			break
		}
	}
	require.Equal(t, state{false, true}, seen[0])
	require.Equal(t, state{false, true}, seen[74])
	require.Equal(t, state{false, false}, seen[75])
	require.Equal(t, state{false, false}, seen[99])
	require.Equal(t, state{true, false}, seen[100])
	require.Len(t, seen, 101)

	bytes := openLive(t, NewRegion(DefaultLimits()), 0)
	for seq := range uint64(16) {
		require.Equal(t, seq < 12, bytes.Room(), seq)
		require.NoError(t, bytes.Append(seq+1, make([]byte, 4096), time.Time{}))
	}
	require.True(t, bytes.Full())
}

func TestNewLogIsLive(t *testing.T) {
	l := NewLog(DefaultLimits())
	require.NoError(t, l.Append(1, []byte("a"), time.Time{}))
	a, ok := l.Next()
	require.True(t, ok)
	require.Equal(t, "a", string(a.Payload))
}
