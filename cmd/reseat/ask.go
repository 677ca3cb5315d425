package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

// onAsk calls tell each time that somebody asks for it with a signal, until ctx
// ends. Where there is no such signal it never does.
func onAsk(ctx context.Context, tell func()) {
	asked := make(chan os.Signal, 1)
	stop := notifyAsked(asked)
	go func() {
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-asked:
				tell()
			}
		}
	}()
}

// tellSidecar logs the counters, and what the sidecar holds of each region.
func tellSidecar(sc *sidecar.Sidecar, regions []string, log *slog.Logger) func() {
	return func() {
		log.Info("asked for counters", "event", "counters", "stats", sc.Stats())
		for _, name := range regions {
			if d, ok := sc.Dump(name); ok {
				log.Info("asked for a dump", "event", "dump", "region", name, "dump", d)
			}
		}
	}
}

// tellEdge logs the counters, and those of what is kept for each region.
func tellEdge(edge *proxy.Edge, regions []string, log *slog.Logger) func() {
	return func() {
		log.Info("asked for counters", "event", "counters", "stats", edge.Stats())
		for _, name := range regions {
			log.Info("asked for what is kept", "event", "kept", "region", name, "stats", edge.Kept(name))
		}
	}
}
