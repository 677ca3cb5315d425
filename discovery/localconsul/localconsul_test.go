package localconsul_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/consultest"
	"github.com/reseat-proxy/reseat/discovery/localconsul"
)

const limit = 30 * time.Second

func TestReady(t *testing.T) {
	t.Parallel()
	server := configure(t, nil)
	exited := start(t, server)
	require.NoError(t, ready(t, server, exited))

	t.Run("of another", func(t *testing.T) {
		t.Parallel()
		other := configure(t, nil)
		other.Addr = server.Addr // as if both had chosen it
		require.ErrorIs(t, ready(t, other, make(chan struct{})), localconsul.ErrNotOurs)
	})
	t.Run("after its end", func(t *testing.T) {
		t.Parallel()
		broken := configure(t, map[string]any{"ports": "none"})
		require.ErrorContains(t, ready(t, broken, start(t, broken)), "has ended")
	})
	t.Run("not yet", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := configure(t, nil).Ready(ctx, http.DefaultClient, "", make(chan struct{}))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func configure(t *testing.T, more map[string]any) *localconsul.Server {
	t.Helper()
	server, err := localconsul.Configure(t.TempDir(), "local", more)
	require.NoError(t, err)
	return server
}

// start starts the server, and returns what is closed when it has ended.
func start(t *testing.T, server *localconsul.Server) <-chan struct{} {
	t.Helper()
	binary, err := consultest.Binary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, server.Args()...)
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() { // t's context has ended, so it was killed
		<-exited
		require.NoError(t, os.RemoveAll(server.Data))
	})
	return exited
}

func ready(t *testing.T, server *localconsul.Server, exited <-chan struct{}) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return server.Ready(ctx, http.DefaultClient, "", exited)
}
