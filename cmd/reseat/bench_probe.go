package main

import (
	"context"
	"io"
	"os"

	"github.com/reseat-proxy/reseat/bench/probe"
	"github.com/reseat-proxy/reseat/cmd/reseat/config"
)

// lookInto lets a benchmark look into this process, if one has started it.
func lookInto(ctx context.Context, args []string, stderr io.Writer) {
	addr := os.Getenv(probe.Env)
	if addr == "" || len(args) == 0 {
		return
	}
	log := newLogger(stderr, config.Log{Format: "json"})
	if err := probe.Serve(ctx, addr, log.With("who", args[0])); err != nil {
		log.Error("cannot be looked into", "error", err)
	}
}
