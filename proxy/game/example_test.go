package game_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// counter is a whole game: it counts what each player does.
type counter struct{ count map[string]int }

func newCounter(string) game.World { return &counter{count: map[string]int{}} }

func (c *counter) Apply(out *game.Out, a game.Action) {
	c.count[a.Player]++
	out.Send(a.Player, fmt.Appendf(nil, "%s no. %d", a.Payload, c.count[a.Player]))
}

func (c *counter) Snapshot(dst []byte) []byte {
	state, _ := json.Marshal(c.count) // cannot fail for this type
	return append(dst, state...)
}

func (c *counter) Restore(state []byte) error { return json.Unmarshal(state, &c.count) }

// A game in handler style. Started by "reseat sidecar -- ./counter" it needs no
// address; here it talks to a stand-in that lets ann and bob act, asks for a
// snapshot and goes away.
func Example() {
	address := standIn(3, "ann jump", "bob shout", "ann jump")

	err := game.Run(context.Background(), game.Config{Address: address, New: newCounter})
	if errors.Is(err, game.ErrSidecarGone) {
		fmt.Println("exit, to be started again")
	}

	// Output:
	// to ann: jump no. 1
	// to bob: shout no. 1
	// to ann: jump no. 2
	// snapshot of 3 actions: {"ann":2,"bob":1}
	// exit, to be started again
}
