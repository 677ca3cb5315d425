package main

import (
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// Garbage lies longer than Go lets it, up to the memory that there is; what the
// environment says of either is left alone.
func TestLetGarbageLie(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})

	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	letGarbageLie()
	require.Equal(t, 100, debug.SetGCPercent(100))
	require.EqualValues(t, math.MaxInt64, debug.SetMemoryLimit(-1))

	require.NoError(t, os.Unsetenv("GOGC")) // until t restores it
	require.NoError(t, os.Unsetenv("GOMEMLIMIT"))
	letGarbageLie()
	require.Equal(t, garbage, debug.SetGCPercent(100))
	require.Less(t, debug.SetMemoryLimit(-1), int64(math.MaxInt64))
}
