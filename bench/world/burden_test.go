package world

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBurden(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	free, err := Burden(t.Context(), 20<<20)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), burdenRest)
	runtime.ReadMemStats(&after)
	if runtime.GOOS == "linux" {
		require.Less(t, after.HeapAlloc, before.HeapAlloc+10<<20, "the garbage collector must not know of it")
	}
	free()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Burden(ctx, 20<<20)
	require.ErrorIs(t, err, context.Canceled)
	free, err = Burden(ctx, 0)
	require.NoError(t, err)
	free()
}
