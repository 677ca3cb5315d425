package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/link"
)

// striker does harm to its own process when a test asks for it.
type striker struct {
	network *link.Severable
	log     *slog.Logger
}

// strike kills this process and its game, which dies with it; or stops it, and lets
// it go on after a while; or cuts its links off, but not its way to Consul.
func (s striker) strike(kind string, d time.Duration) {
	switch kind {
	case discovery.StrikeKill:
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Kill()
		}
	case discovery.StrikeFreeze:
		if err := freezeGroup(d); err != nil {
			s.log.Error("cannot freeze", "error", err)
		}
	case discovery.StrikeCut:
		s.log.Warn("cutting off all links", "event", "severed", "ms", d.Milliseconds())
		s.network.Sever(d)
	}
}
