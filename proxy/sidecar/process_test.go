package sidecar

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

func newTestSidecar(t *testing.T, game GameConfig) *Sidecar {
	t.Helper()
	registry := devconsul.New(devconsul.Options{})
	t.Cleanup(registry.Close)
	client, err := discovery.New(discovery.Config{Transport: devconsul.Transport(registry)}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	game.Socket = "unix:" + filepath.Join(t.TempDir(), "game.sock")
	s, err := New(Config{
		Regions: []string{"arena"}, Listen: "127.0.0.1:0", Game: game, Discovery: client,
		ServerTLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}, ClientTLS: &tls.Config{},
	})
	require.NoError(t, err)
	return s
}

func TestGameThatCannotStartEndsTheSidecar(t *testing.T) {
	s := newTestSidecar(t, GameConfig{Command: []string{"/nonexistent/game"}})
	require.ErrorContains(t, s.Run(t.Context()), "check the path after --")
}

// A game that never says hello is killed and its process is gone afterwards.
func TestGameThatDoesNotConnect(t *testing.T) {
	s := newTestSidecar(t, GameConfig{Command: []string{"sleep", "1000"}, HelloTimeout: 50 * time.Millisecond})
	socket, err := listenGame(t.Context(), s.cfg.Game)
	require.NoError(t, err)
	defer socket.Close()
	err = newLife(t.Context(), s).play(socket)
	require.Equal(t, wire.CodeGameHang, causeOf(err))
	require.ErrorContains(t, err, "does it call game.Run")
}

func TestGameThatExits(t *testing.T) {
	s := newTestSidecar(t, GameConfig{Command: []string{"sh", "-c", "exit 3"}})
	socket, err := listenGame(t.Context(), s.cfg.Game)
	require.NoError(t, err)
	defer socket.Close()
	err = newLife(t.Context(), s).play(socket)
	require.Equal(t, wire.CodeGameExit, causeOf(err))
	require.ErrorContains(t, err, "exit status 3")
}

// A game that has left may say why; one that goes on without us may not.
func TestLastWords(t *testing.T) {
	for script, want := range map[string]string{
		"echo last words":                "last words\n",
		"echo stays; exec sleep 1000000": "stays\n",
	} {
		var said bytes.Buffer
		s := newTestSidecar(t, GameConfig{Command: []string{"sh", "-c", script}, Stdout: &said})
		stop, err := s.startGame(func(error) {})
		require.NoError(t, err)
		stop(lastWords) // returns, or the test is killed
		require.Equal(t, want, said.String())
	}
}

func TestConfigErrorsSayWhatToDo(t *testing.T) {
	_, err := New(Config{Regions: []string{"no/slash"}})
	require.ErrorContains(t, err, "no/slash")
	require.ErrorContains(t, err, "TLS are required")
	_, err = New(Config{})
	require.ErrorContains(t, err, "name at least one")
	for socket, says := range map[string]string{
		"":                "write unix:/path or tcp:127.0.0.1:port",
		"udp:127.0.0.1:1": "write unix:/path or tcp:127.0.0.1:port",
		"unix:/nowhere/x": "no such file",
	} {
		_, err := listenGame(t.Context(), GameConfig{Socket: socket})
		require.ErrorContains(t, err, says)
	}
}

// A sidecar that starts before its Consul waits for it.
func TestConsulIsNotThereYet(t *testing.T) {
	s := newTestSidecar(t, GameConfig{})
	client, err := discovery.New(discovery.Config{Address: "127.0.0.1:1"}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s.cfg.Discovery = client
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	l := &life{sc: s, id: discovery.NewIncarnation(), ctx: ctx, log: s.log}
	require.ErrorIs(t, l.register("127.0.0.1:2"), context.DeadlineExceeded, "it tries until it is stopped")
}
