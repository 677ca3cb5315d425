package proxy

import "github.com/reseat-proxy/reseat/proxy/wire"

// Load is how much a region has to do, as far as this edge knows.
type Load struct {
	// Epoch is that of the primary which has told it; 0: none has, and the rest is
	// what this edge sees.
	Epoch   uint64
	Players uint64 // at all edges
	// Pressed tells that somebody has to wait: the game, the backups or the players
	// of this edge do not keep up with the others.
	Pressed bool
}

// Loads is the load of each region. Of one that no primary serves it is the last
// that one has told.
func (e *Edge) Loads() map[string]Load {
	loads := map[string]Load{}
	for name, r := range e.regions {
		loads[name] = r.loadNow()
	}
	return loads
}

func (r *region) loadNow() Load {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := Load(r.load)
	now.Players = max(now.Players, uint64(len(r.players)))
	for _, s := range r.players {
		now.Pressed = now.Pressed || s.actions != nil && !s.actions.Room()
	}
	return now
}

// loaded takes a primary's word.
func (r *region) loaded(f wire.Load) { r.load = f }
