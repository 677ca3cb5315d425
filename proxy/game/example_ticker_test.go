package game_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// race is a game that is driven by time. Who is first on field 3 wins.
type race struct{ field map[string]int }

func newRace(string) game.World { return &race{field: map[string]int{}} }

func (r *race) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		r.field[a.Player]++
		if r.field[a.Player] == 3 {
			out.Broadcast([]byte(a.Player + " wins"))
		}
	}
}

func (r *race) Snapshot(dst []byte) []byte {
	state, _ := json.Marshal(r.field) // cannot fail for this type
	return append(dst, state...)
}

func (r *race) Restore(state []byte) error { return json.Unmarshal(state, &r.field) }

// Apply is never called for a Ticker.
func (r *race) Apply(*game.Out, game.Action) {}

// A game in tick style, with the same stand-in for a sidecar.
func Example_ticker() {
	address := standIn(1, "ann run", "bob run", "ann run", "ann run")

	err := game.Run(context.Background(), game.Config{
		Address: address,
		Tick:    10 * time.Millisecond,
		New:     newRace,
	})
	if errors.Is(err, game.ErrSidecarGone) {
		fmt.Println("exit, to be started again")
	}

	// Output:
	// to all: ann wins
	// snapshot of 4 actions: {"ann":3,"bob":1}
	// exit, to be started again
}
