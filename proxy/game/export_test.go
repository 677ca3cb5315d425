package game

import (
	"context"
	"net"
)

// Serve is Run on a connection that the test brings.
func Serve(ctx context.Context, conn net.Conn, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	return serve(ctx, conn, cfg)
}

// MaxOutbox is how many bytes wait for the sidecar at most.
const MaxOutbox = maxOutbox

// MaxEvents is how many actions wait for a region at most.
const MaxEvents = maxEvents
