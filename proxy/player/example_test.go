package player_test

import (
	"context"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A client of a game that sends one action and waits until it is safe.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	safe := make(chan uint64, 1)
	c, err := player.Dial(ctx, player.Config{
		Edges:  []string{"edge1.example.com:4433", "edge2.example.com:4433"},
		Region: "town",
		Player: "ann",
		Handler: player.Handler{
			Update:  func(payload []byte, _ bool) { fmt.Printf("the game says %s\n", payload) },
			Durable: func(seq uint64) { safe <- seq },
			Hold:    func(reason wire.Code) { fmt.Println("one moment:", reason) },
			Lost:    func(err error) { fmt.Println("reconnecting:", err) },
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	seq, err := c.Act(ctx, []byte("jump"))
	if err != nil {
		fmt.Println(err)
		return
	}
	select {
	case <-safe:
		fmt.Printf("action %d will not be lost\n", seq)
	case <-c.Done():
		first, last := c.Unsaved()
		fmt.Printf("out of the game: %v; not saved: %d to %d\n", c.Err(), first, last)
	}
}
