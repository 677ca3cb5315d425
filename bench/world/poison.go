package world

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// Variant is what a Poison command does to the process.
type Variant uint8

// The variants.
const (
	Panic Variant = 1 // a panic that nobody recovers
	Fatal Variant = 2 // an error of the runtime, which nobody can recover
	Kill  Variant = 3 // SIGKILL, as from a kernel that is out of memory
	Hang  Variant = 4 // never returns
)

// strike does it. It does not return.
func (v Variant) strike() {
	switch v {
	case Panic:
		panic("world: poisoned")
	case Fatal:
		debug.SetMaxStack(1 << 20)
		os.Exit(overflow(0))
	case Kill:
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
	case Hang:
	default:
		panic(fmt.Sprintf("world: poisoned by variant %d", v))
	}
	for { // without a load on the machine, on which others are measured
		time.Sleep(time.Hour)
	}
}

// overflow needs more stack than there is.
func overflow(depth int) int {
	if depth < 0 {
		return 0 // never
	}
	return overflow(depth+1) + depth
}
