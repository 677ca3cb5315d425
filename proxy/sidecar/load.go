package sidecar

import (
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// loadPause is the least time between two words about a region's load: whoever
// decides by it decides every few seconds.
const loadPause = time.Second

// load is what edges are told of how much a region has to do.
type load struct {
	told    time.Time // the last time
	pressed bool      // somebody had to wait since then
}

// tellLoad looks whether the game or the backups keep up, and tells every edge that
// has been told something else. The caller holds r.mu, and the region serves.
func (r *region) tellLoad(now time.Time) {
	r.load.pressed = r.load.pressed || r.game().out.Len() > gameQueue/2 || r.held.bytes() > maxHeld/2
	if now.Sub(r.load.told) < loadPause {
		return
	}
	f := wire.Load{Epoch: r.epoch, Pressed: r.load.pressed}
	for _, row := range r.table.sorted {
		if row.stream != nil {
			f.Players++
		}
	}
	r.load = load{told: now}
	for s := range r.streams {
		if s.role == wire.RoleEdge && s.load != f {
			s.load = f
			s.add(f)
		}
	}
}
