// Package launch starts servers for the pool when there are too few: by a command,
// by somebody's webhook, or by Nomad.
//
// A Launcher only asks. Whether a server comes is seen in Consul, so one that fails,
// hangs or lies costs a pause and an alert, and nothing else: each Launch ends
// within its time, and nobody waits for it who has something else to do.
package launch

import (
	"context"
	"fmt"
)

// Request is what is asked for.
type Request struct {
	ID      string `json:"id"`      // of this launch; the same one again is no other
	Region  string `json:"region"`  // that needs it most; it is for the whole pool
	Zone    string `json:"zone"`    // where it would be best; empty: anywhere
	Attempt int    `json:"attempt"` // 1 unless those before have failed
}

// Launcher starts a server.
type Launcher interface {
	// Launch asks for a server. It ends when ctx ends, at the latest.
	Launch(ctx context.Context, r Request) error
}

// Error says which launcher failed, and why.
type Error struct {
	Launcher string
	Request  Request
	Err      error
}

func (e *Error) Error() string {
	return fmt.Sprintf("launch %s by %s: %v", e.Request.ID, e.Launcher, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
