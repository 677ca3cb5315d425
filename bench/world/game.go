package world

import "github.com/reseat-proxy/reseat/proxy/game"

// The game server is this: a World in the style of a handler per action.
var (
	_ game.World    = (*World)(nil)
	_ game.Joiner   = (*World)(nil)
	_ game.Outcomer = (*World)(nil)
	_ game.Arriver  = (*World)(nil)
	_ output        = (*game.Out)(nil)
)

// Apply journals and carries out one command, and answers it.
func (w *World) Apply(out *game.Out, a game.Action) { w.apply(out, a.Player, a.Payload) }

// Arrive takes in a player of another region.
func (w *World) Arrive(out *game.Out, player string, baggage []byte) {
	if err := w.arrive(out, player, baggage); err != nil {
		panic(err) // nobody else has what he owns: not a moment on without it
	}
}

// Join puts a player on the board.
func (w *World) Join(_ *game.Out, player string) { w.present[player] = true }

// Leave takes a player off the board. What it owns stays its own.
func (w *World) Leave(_ *game.Out, player string) { delete(w.present, player) }
