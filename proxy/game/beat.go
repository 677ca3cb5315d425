package game

import (
	"context"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A heartbeat that only proves that this process has a scheduler is worth
// little: the game may be stuck in an endless loop or a deadlock. So the beater
// looks at each region's count of calls, which is odd while game code runs: the
// same odd count for as long as Config.Hang is a hang, and there is no beat
// until it ends. The count costs the game two atomic additions per call and no
// look at the clock.

// progress is what the beater has seen of a region.
type progress struct {
	calls uint64
	since time.Time // when calls was first seen
}

// stuck tells whether the call in progress is the same one for limit or longer.
func (p *progress) stuck(calls uint64, now time.Time, limit time.Duration) bool {
	if calls%2 == 0 || calls != p.calls {
		*p = progress{calls: calls, since: now}
		return false
	}
	return now.Sub(p.since) >= limit
}

// beat sends heartbeats while every region makes progress.
func (s *session) beat(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.Beat)
	defer ticker.Stop()
	seen := map[*region]*progress{}
	hung := false
	for n := uint64(1); ; {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			was := hung
			if hung = s.hung(seen, now); hung {
				if !was {
					s.cfg.Log.Error("game: a call of the World does not return, heartbeats stop", "limit", s.cfg.Hang)
				}
				continue
			}
		}
		if err := send(s.out, wire.Beat{N: n}); err != nil {
			return err
		}
		n++
	}
}

// hung looks at all regions, and forgets what it has seen of those that are gone.
func (s *session) hung(seen map[*region]*progress, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range seen {
		if s.regions[r.head.ID] != r {
			delete(seen, r)
		}
	}
	hung := false
	for _, r := range s.regions {
		p := seen[r]
		if p == nil {
			p = &progress{}
			seen[r] = p
		}
		hung = p.stuck(r.calls.Load(), now, s.cfg.Hang) || hung
	}
	return hung
}
