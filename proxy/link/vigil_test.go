package link

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Who was away does not accuse anybody, for as long as a peer may be silent.
func TestVigil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVigil()
		watch := func(d time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			require.ErrorIs(t, v.Run(ctx), context.DeadlineExceeded)
		}
		watch(time.Second)
		require.False(t, v.Slept(time.Second))
		time.Sleep(vigilLate - vigilTick) // virtual: a busy moment
		require.False(t, v.Slept(time.Second))
		watch(vigilTick)

		time.Sleep(time.Minute) // virtual: it does not run
		require.True(t, v.Slept(time.Second), "before it has looked at the clock")
		watch(vigilTick)
		require.True(t, v.Slept(time.Second), "and after")
		watch(time.Second)
		require.False(t, v.Slept(time.Second), "that is long enough ago")
	})
}
