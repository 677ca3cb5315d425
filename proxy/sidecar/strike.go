package sidecar

import (
	"context"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// freshStrike is how old a strike may be when it is seen: one that was left over must
// not hit a server that comes back.
const freshStrike = 5 * time.Second

// endure lets a server that is under test do what a strike asks of it, once.
func (s *Sidecar) endure(m discovery.Mesh) {
	l := s.life.Load()
	if s.cfg.Strike == nil || l == nil || m.Stale {
		return
	}
	strike, ok := m.Strikes[l.id]
	if !ok || time.Since(strike.At) > freshStrike || !strike.At.After(s.struck) {
		return
	}
	s.struck = strike.At
	s.log.Warn("a test strikes this server", "event", "strike", "kind", strike.Kind, "ms", strike.Millis)
	ctx, cancel := context.WithTimeout(l.ctx, farewell)
	defer cancel()
	if err := s.cfg.Discovery.SetStrike(ctx, l.id, nil); err != nil {
		s.log.Warn("could not take the strike off", "error", err)
	}
	s.cfg.Strike(strike.Kind, time.Duration(strike.Millis)*time.Millisecond)
}
