package fleet

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCPU(t *testing.T) {
	got, err := parseStat([]byte("77 (a) b (c)) S 1 77 77 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 5 0 1"))
	require.NoError(t, err)
	require.Equal(t, 1750*time.Millisecond, got)
	for _, bad := range []string{"", "77 (a) S 1 2 3", "77 (a) S 1 77 77 0 -1 4194560 1 2 3 4 x 25 9"} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, bad)
	}

	before, err := CPU(os.Getpid())
	require.NoError(t, err)
	for n := 0; ; n++ { // this process works until it is seen to
		if now, err := CPU(os.Getpid()); err != nil || now > before {
			require.NoError(t, err)
			break
		}
	}
	_, err = CPU(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}
