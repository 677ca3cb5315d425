package game_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// meadow is a game with a flock of sheep, which everybody sees, and hardly anybody
// looks at.
type meadow struct {
	race
	ticks int
}

// Tick moves the players at each tick. The sheep, which are costly, it shows less
// often while the mesh has other worries: where they are is no part of the state.
func (m *meadow) Tick(out *game.Out, actions []game.Action) {
	m.race.Tick(out, actions)
	m.ticks++
	if every := 4 / max(1, int(4*out.Fidelity())); m.ticks%every == 0 {
		out.BroadcastUnreliable(fmt.Appendf(nil, "sheep at tick %d", m.ticks))
	}
}

// Level tells the players why.
func (m *meadow) Level(out *game.Out, level wire.Level, _ float64) {
	out.Broadcast([]byte("the mesh works at level " + level.String()))
}

// A game that does less while too much has failed at once.
func Example_level() {
	address := degradedStandIn(wire.Mode{Level: wire.LevelSevere, Fidelity: 250}, 3)

	err := game.Run(context.Background(), game.Config{
		Address: address,
		Tick:    time.Millisecond,
		New:     func(string) game.World { return &meadow{race: race{field: map[string]int{}}} },
	})
	if errors.Is(err, game.ErrSidecarGone) {
		fmt.Println("exit, to be started again")
	}

	// Output:
	// to all: the mesh works at level severe
	// to all: sheep at tick 4
	// to all: sheep at tick 8
	// exit, to be started again
}
