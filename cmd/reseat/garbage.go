package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// garbage is how much may lie before it is collected, in per cent of what is in use;
	// 100 is Go's own value. A collection at an edge with a thousand players keeps two
	// cores busy for up to 100 ms, and whoever allocates has to help: acks wait. It comes a
	// fourth as often so.
	garbage = 400
	// inUse is the share of the memory that a process may have, by its control group or
	// the machine, from which on it is collected all the same.
	inUse = 0.9
)

// letGarbageLie trades memory for time, unless whoever starts us has a mind of his own:
// the variables GOGC and GOMEMLIMIT mean what they mean in any Go program.
func letGarbageLie() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	_, _ = memlimit.Set( // without a limit that can be known there is none
		memlimit.WithRatio(inUse),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)),
	)
}
