package link

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
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

// How long a link certainly stood depends on how its end showed.
func TestStood(t *testing.T) {
	require.Equal(t, 300*time.Millisecond, Config{}.Stood(wire.CodeSilence))
	require.Equal(t, 125*time.Millisecond, Config{}.Stood(wire.CodeRefusedUDP))
	require.Equal(t, 50*time.Millisecond, Config{Idle: time.Second, KeepAlive: 40 * time.Millisecond}.Stood(wire.CodeRefusedUDP))
	require.Zero(t, Config{}.Stood(wire.CodeDrain), "it stands, and the peer says so")
}
