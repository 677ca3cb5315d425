package steady

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAlarm(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	a, err := newAlarm(ctx)
	require.NoError(t, err)
	defer a.close()
	for range 3 {
		began := time.Now()
		require.True(t, a.wait(2*time.Millisecond))
		require.GreaterOrEqual(t, time.Since(began), 2*time.Millisecond)
	}
	time.AfterFunc(time.Millisecond, end)
	require.False(t, a.wait(time.Hour))
	require.False(t, a.wait(time.Hour), "it has ended for good")
}
