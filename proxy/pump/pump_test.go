package pump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

type text string

func (s text) Append(dst []byte) []byte { return append(dst, s...) }

// What gathers while a write is under way leaves in the next one, in order.
func TestRunBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		b := NewBuffer(1 << 10)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- Run(ctx, w, b.Waker, b) }()

		require.NoError(t, Add(b, text("a")))
		synctest.Wait() // the pump is in its first write
		require.NoError(t, Add(b, text("b")))
		require.NoError(t, b.Put([]byte("c")))
		buf := make([]byte, 10)
		for _, want := range []string{"a", "bc"} {
			n, err := r.Read(buf)
			require.NoError(t, err)
			require.Equal(t, want, string(buf[:n]))
		}
		cancel(errors.New("why"))
		require.EqualError(t, <-done, "why")
	})
}

func TestRunReturnsTheWriteError(t *testing.T) {
	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(io.ErrClosedPipe))
	b := NewBuffer(10)
	require.NoError(t, Add(b, text("x")))
	require.ErrorIs(t, Run(t.Context(), w, b.Waker, b), io.ErrClosedPipe)
}

func TestBufferIsBounded(t *testing.T) {
	b := NewBuffer(4)
	require.NoError(t, Add(b, text("abc")))
	require.ErrorIs(t, Add(b, text("de")), ErrFull)
	require.ErrorIs(t, b.Put([]byte("de")), ErrFull)
	require.NoError(t, Add(b, text("d")))
	require.Equal(t, "abcd", string(b.Fill(nil)), "what was refused left nothing behind")
	require.Zero(t, b.Len())
}

func TestRoomWaitsForHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBuffer(4)
		require.NoError(t, Add(b, text("abc")))
		got := make(chan error, 2)
		for range 2 {
			go func() { got <- b.Room(t.Context()) }()
		}
		synctest.Wait()
		require.Empty(t, got)
		b.Fill(nil)
		require.NoError(t, <-got)
		require.NoError(t, <-got)

		require.NoError(t, Add(b, text("abc")))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("why"))
		require.EqualError(t, b.Room(ctx), "why")
	})
}

// A slow connection gets the newest datagrams.
func TestDatagramsDropTheOldest(t *testing.T) {
	d := NewDatagrams()
	for i := range queued + 10 {
		d.Put(fmt.Append(nil, i))
	}
	require.EqualValues(t, 10, d.Dropped())
	var got bytes.Buffer
	stop := errors.New("stop")
	n := 0
	err := d.Run(t.Context(), func(b []byte) error {
		fmt.Fprintf(&got, "%s ", b)
		if n++; n == queued {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	require.True(t, bytes.HasPrefix(got.Bytes(), []byte("10 11 ")), got.String())
	require.True(t, bytes.HasSuffix(got.Bytes(), fmt.Appendf(nil, " %d ", queued+9)), got.String())
}

func BenchmarkBuffer(b *testing.B) {
	buf, dst := NewBuffer(1<<20), make([]byte, 0, 1<<16)
	b.ReportAllocs()
	for i := range b.N {
		_ = Add(buf, text("an action of some thirty bytes .."))
		if i%100 == 99 {
			dst = buf.Fill(dst[:0])
		}
	}
}
