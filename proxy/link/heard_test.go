package link

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What counts is when bytes came, not when they were waited for, and not the end.
func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		h := NewHeard(r)
		began := time.Now()
		require.True(t, began.Equal(h.At()))
		go func() {
			time.Sleep(time.Second)
			_, _ = w.Write([]byte("x"))
			time.Sleep(time.Second)
			_ = w.Close()
		}()
		got, err := io.ReadAll(h)
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Equal(t, time.Second, h.At().Sub(began))
	})
}
