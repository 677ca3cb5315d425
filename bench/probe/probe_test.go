package probe_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/probe"
)

func TestProbe(t *testing.T) {
	var log bytes.Buffer
	require.NoError(t, probe.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.NewJSONHandler(&log, nil))))
	var said struct{ Event, Addr string }
	require.NoError(t, json.Unmarshal(log.Bytes(), &said))
	require.Equal(t, probe.Event, said.Event)

	const size = 8 << 20
	c := probe.Client{Addr: said.Addr}
	with := func() probe.Memory {
		ballast := bytes.Repeat([]byte{1}, size)
		defer runtime.KeepAlive(ballast)
		m, err := c.Memory(t.Context())
		require.NoError(t, err)
		return m
	}()
	require.Greater(t, with.Heap, uint64(size))
	require.NotZero(t, with.Stacks)
	require.NotZero(t, with.Goroutines)
	without, err := c.Memory(t.Context())
	require.NoError(t, err)
	require.Less(t, without.Heap, with.Heap-size/2, "garbage is not counted")

	for name, save := range map[string]func(string) error{
		"cpu":    func(path string) error { return c.Profile(t.Context(), time.Second, path) },
		"allocs": func(path string) error { return c.Allocs(t.Context(), path) },
	} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, save(path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, []byte{0x1f, 0x8b}, text[:2], "profiles are compressed")
	}
	require.Error(t, c.Allocs(t.Context(), "/nowhere/allocs"))
	require.Error(t, probe.Serve(t.Context(), said.Addr, slog.New(slog.DiscardHandler)), "somebody listens there")
}
