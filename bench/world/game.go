package world

import "github.com/reseat-proxy/reseat/proxy/game"

// The game server is this: a World in the style of a handler per action.
var (
	_ game.World    = (*World)(nil)
	_ game.Joiner   = (*World)(nil)
	_ game.Outcomer = (*World)(nil)
	_ output        = (*game.Out)(nil)
)

// Apply journals and carries out one command, and answers it.
func (w *World) Apply(out *game.Out, a game.Action) { w.apply(out, a.Player, a.Payload) }

// Join puts a player on the board.
func (w *World) Join(_ *game.Out, player string) { w.present[player] = true }

// Leave takes a player off the board. What it owns stays its own.
func (w *World) Leave(_ *game.Out, player string) { delete(w.present, player) }
