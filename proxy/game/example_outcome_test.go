package game_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// chest is a game of luck: who opens it finds something.
type chest struct{ found map[string][]int }

// find is what came out of opening the chest, and an outcome.
type find struct {
	Player string
	Roll   int
}

func newChest(string) game.World { return &chest{found: map[string][]int{}} }

// Apply rolls, and commits what it rolled before it tells anybody.
func (c *chest) Apply(out *game.Out, a game.Action) {
	f := find{a.Player, 1 + rand.IntN(6)}
	delta, _ := json.Marshal(f) // cannot fail for this type
	_ = c.ApplyOutcome(delta)   // one way to change the World, here and on a standby
	out.Commit(delta)
	out.Send(a.Player, fmt.Appendf(nil, "found %d things", len(c.found[a.Player])))
}

// ApplyOutcome is called on a standby, in place of Apply.
func (c *chest) ApplyOutcome(delta []byte) error {
	var f find
	if err := json.Unmarshal(delta, &f); err != nil {
		return err
	}
	c.found[f.Player] = append(c.found[f.Player], f.Roll)
	return nil
}

func (c *chest) Snapshot(dst []byte) []byte {
	state, _ := json.Marshal(c.found) // cannot fail for this type
	return append(dst, state...)
}

func (c *chest) Restore(state []byte) error { return json.Unmarshal(state, &c.found) }

// Join tells a player where it stands: updates that were under way at a
// failover are lost, and this one comes after it.
func (c *chest) Join(out *game.Out, player string) {
	out.Send(player, fmt.Appendf(nil, "you have %d things", len(c.found[player])))
}

func (c *chest) Leave(*game.Out, string) {}

// A game of luck commits what it rolls. The stand-in hosts it as a standby, on
// which the primary's rolls arrive as outcomes, and then promotes it.
func Example_outcome() {
	address := standbyStandIn(`{"Player":"ann","Roll":3}`, `{"Player":"ann","Roll":5}`)

	err := game.Run(context.Background(), game.Config{Address: address, New: newChest})
	if errors.Is(err, game.ErrSidecarGone) {
		fmt.Println("exit, to be started again")
	}

	// Output:
	// snapshot of 2 actions: {"ann":[3,5]}
	// promoted
	// to ann: you have 2 things
	// exit, to be started again
}
