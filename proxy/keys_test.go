package proxy_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy"
)

func TestKeysAreMadeOnceByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "keys")
	keys, errs := make([]proxy.Keys, 8), make([]error, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() { keys[i], errs[i] = proxy.LoadKeys(path) })
	}
	wg.Wait()
	for i := range keys {
		require.NoError(t, errs[i])
		require.Equal(t, keys[0], keys[i])
	}
	again, err := proxy.LoadKeys(path)
	require.NoError(t, err)
	require.Equal(t, keys[0], again)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestBadKeysSayWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte("abc"), 0o600))
	_, err := proxy.LoadKeys(path)
	require.ErrorContains(t, err, "remove it to have it made anew")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = proxy.LoadKeys(path)
	require.ErrorContains(t, err, "chmod 0600")
}
