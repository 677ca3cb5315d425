package steady

import (
	"encoding/binary"
	"errors"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// region is where everybody plays; with several, a number follows.
const region = "steady"

// World answers each action with the same bytes. Its state is how many there were.
type World struct{ actions uint64 }

// Apply answers.
func (w *World) Apply(out *game.Out, a game.Action) {
	w.actions++
	out.Send(a.Player, a.Payload)
}

// Snapshot appends the state.
func (w *World) Snapshot(dst []byte) []byte { return binary.BigEndian.AppendUint64(dst, w.actions) }

// Restore reads it.
func (w *World) Restore(state []byte) error {
	if len(state) != 8 {
		return errors.New("steady: no state of this world")
	}
	w.actions = binary.BigEndian.Uint64(state)
	return nil
}
