package sidecar

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// newGame is a game's end of the local socket: what it is told is in its queue.
func newGame(ctx context.Context, end context.CancelCauseFunc) *gameLink {
	return &gameLink{out: pump.NewBuffer(gameQueue), ctx: ctx, end: end}
}

// told are the levels that wait for a game.
func told(t *testing.T, g *gameLink) (modes []wire.Mode) {
	t.Helper()
	each(g.out.Fill(nil), wire.LinkSidecar, func(typ wire.Type, body []byte) {
		require.Equal(t, wire.TypeMode, typ)
		var f wire.Mode
		require.NoError(t, f.Decode(body))
		modes = append(modes, f)
	})
	return modes
}

func newLevelled() *Sidecar {
	return &Sidecar{log: slog.New(slog.DiscardHandler), level: level{mode: wire.Normal()}}
}

// Each game is told how things are when it comes, and when they change; what makes
// no sense it is spared.
func TestLevelReachesTheGame(t *testing.T) {
	s := newLevelled()
	first := newGame(context.WithCancelCause(t.Context()))
	s.level.meet(first)
	require.Equal(t, []wire.Mode{wire.Normal()}, told(t, first))

	severe := wire.Mode{Level: wire.LevelSevere, Fidelity: 250}
	s.SetLevel(discovery.MeshState{Level: "severe", Fidelity: 0.25, RetryAfter: 1000})
	s.SetLevel(discovery.MeshState{Level: "severe", Fidelity: 0.25, RetryAfter: 2000})
	require.Equal(t, []wire.Mode{severe}, told(t, first))
	for _, bad := range []discovery.MeshState{{Level: "awful", Fidelity: 1}, {Level: "light", Fidelity: 2}, {Level: "light", Fidelity: -1}} {
		s.SetLevel(bad)
	}
	require.Empty(t, told(t, first))

	second := newGame(context.WithCancelCause(t.Context()))
	s.level.meet(second)
	require.Equal(t, []wire.Mode{severe}, told(t, second))
	s.SetLevel(discovery.MeshState{}) // nothing is published any more
	require.Equal(t, []wire.Mode{wire.Normal()}, told(t, second))
	require.Empty(t, told(t, first), "its time is over")
}

// A game that lets so much gather that it cannot be told is hung, as for any frame.
func TestLevelOfAGameThatDoesNotRead(t *testing.T) {
	s := newLevelled()
	ctx, end := context.WithCancelCause(t.Context())
	game := newGame(ctx, end)
	s.level.meet(game)
	require.NoError(t, game.out.Put(make([]byte, gameQueue-game.out.Len())))
	s.SetLevel(discovery.MeshState{Level: "light", Fidelity: 0.75})
	require.Equal(t, wire.CodeGameHang, causeOf(context.Cause(ctx)))
}
