package mesh

import (
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// health knows since when each server fails or is missing, and which servers are
// newcomers. A game that crashes makes a check fail for a moment only, so time
// decides who is dead.
//
//	             fails, is missing          for Patience
//	┌─────────┐ ──────────────────▶ ┌─────────┐ ───────▶ ┌──────┐
//	│ passing │                     │ failing │          │ dead │
//	└─────────┘ ◀────────────────── └─────────┘          └──────┘
//	     ▲              passes                               │
//	     └───────────────────────────────────────────────────┘
type health struct {
	patience, gather time.Duration

	failing map[string]time.Time // since when, by incarnation
	seen    map[string]time.Time // registered servers: since when
	burst   time.Time            // when the first one of the newcomers came
	newest  time.Time            // and the last one
}

func newHealth(cfg Config) health {
	return health{patience: cfg.Patience, gather: cfg.Gather, failing: map[string]time.Time{}, seen: map[string]time.Time{}}
}

// restart forgets what was seen of failures: it is not known what happened since.
func (h *health) restart() { clear(h.failing) }

// see takes a Mesh that is fresh.
func (h *health) see(now time.Time, m *discovery.Mesh) {
	for _, s := range m.Servers {
		if _, known := h.seen[s.Incarnation]; !known {
			if now.Sub(h.newest) >= h.gather {
				h.burst = now
			}
			h.seen[s.Incarnation], h.newest = now, now
		}
		if s.Passing {
			delete(h.failing, s.Incarnation)
		} else if _, known := h.failing[s.Incarnation]; !known {
			h.failing[s.Incarnation] = now
		}
	}
	for incarnation := range h.seen {
		if _, ok := m.Server(incarnation); !ok {
			delete(h.seen, incarnation)
		}
	}
	h.missing(now, m)
}

// missing starts the clocks of those who have seats and are not registered, and
// forgets those whom nothing names any more.
func (h *health) missing(now time.Time, m *discovery.Mesh) {
	seated := map[string]bool{}
	for _, v := range m.Regions {
		for _, incarnation := range v.Seats.Servers {
			if _, ok := m.Server(incarnation); ok {
				continue
			}
			seated[incarnation] = true
			if _, known := h.failing[incarnation]; !known {
				h.failing[incarnation] = now
			}
		}
	}
	for incarnation := range h.failing {
		if _, ok := m.Server(incarnation); !ok && !seated[incarnation] {
			delete(h.failing, incarnation)
		}
	}
}

// dead tells whether a server has failed, or been missing, for too long.
func (h *health) dead(now time.Time, incarnation string) bool {
	since, failing := h.failing[incarnation]
	return failing && now.Sub(since) >= h.patience
}

// gathers is how many times Gather newcomers wait at most, when more and more come.
const gathers = 5

// newcomer tells whether a server should wait for those who start with it.
func (h *health) newcomer(now time.Time, incarnation string) bool {
	if now.Sub(h.newest) >= h.gather || now.Sub(h.burst) >= gathers*h.gather {
		return false
	}
	since, known := h.seen[incarnation]
	return known && !since.Before(h.burst)
}
