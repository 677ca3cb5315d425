package game_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// land is a region in which players gather stones. Where it ends, another one begins.
type land struct {
	name   string
	stones map[string]int
}

func newLand(region string) game.World { return &land{region, map[string]int{}} }

// Apply lets a player go who crosses the border, with his stones: they are in one
// region at any moment.
func (l *land) Apply(out *game.Out, a game.Action) {
	if region, crosses := strings.CutPrefix(string(a.Payload), "go to "); crosses {
		baggage, _ := json.Marshal(l.stones[a.Player]) // cannot fail for this type
		if out.Transfer(a.Player, region, baggage, nil) == nil {
			delete(l.stones, a.Player)
		}
		return
	}
	l.stones[a.Player]++
	l.tell(out, a.Player)
}

// Arrive takes in who comes over the border, which makes the World an Arriver.
func (l *land) Arrive(out *game.Out, player string, baggage []byte) {
	var stones int
	if err := json.Unmarshal(baggage, &stones); err != nil {
		return // of a region that counts in another way
	}
	l.stones[player] += stones
	l.tell(out, player)
}

func (l *land) tell(out *game.Out, player string) {
	out.Send(player, fmt.Appendf(nil, "%d stones in the %s", l.stones[player], l.name))
}

func (l *land) Snapshot(dst []byte) []byte {
	state, _ := json.Marshal(l.stones) // cannot fail for this type
	return append(dst, state...)
}

func (l *land) Restore(state []byte) error { return json.Unmarshal(state, &l.stones) }

// A player walks from one region to another. The stand-in is the sidecar of both;
// they could as well be on two machines.
func Example_transfer() {
	address := borderStandIn("valley", "cave", "ann gather", "ann gather", "ann go to cave")

	err := game.Run(context.Background(), game.Config{Address: address, New: newLand})
	if errors.Is(err, game.ErrSidecarGone) {
		fmt.Println("exit, to be started again")
	}

	// Output:
	// to ann: 1 stones in the valley
	// to ann: 2 stones in the valley
	// ann goes to cave with 2
	// to ann: 2 stones in the cave
	// snapshot of 3 actions: {}
	// exit, to be started again
}
