package buffer_test

import (
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
)

// A primary fails before it has made everything durable; the next one has less
// than was sent to the first.
func Example() {
	region := buffer.NewRegion(buffer.DefaultLimits())
	log := region.Open("ann")
	send := func() {
		for l := region.NextReady(); l != nil; l = region.NextReady() {
			for a, ok := l.Next(); ok; a, ok = l.Next() {
				fmt.Printf("%s %d %s\n", l.Owner, a.Seq, a.Payload)
			}
		}
	}
	add := func(seq uint64, text string) {
		if err := log.Append(seq, []byte(text), time.Now()); err != nil {
			fmt.Println(err)
		}
	}

	_ = log.Rewind(0) // the first primary knows nothing of ann
	add(1, "north")
	add(2, "jump")
	send()
	_ = log.Ack(1)

	region.Hold() // it is gone
	add(3, "east")
	send()

	fmt.Println("the next one has 1")
	_ = log.Rewind(1)
	send()
	fmt.Println(region.Stats().Check())
	// Output:
	// ann 1 north
	// ann 2 jump
	// the next one has 1
	// ann 2 jump
	// ann 3 east
	// <nil>
}
