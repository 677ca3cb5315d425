package sidecar

import (
	"context"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// confirmedByAll finds the newest cut that every edge keeps. An edge that has
// confirmed nothing yet counts: it may be the one that survives. The caller
// holds region.mu.
func (c *cutter) confirmedByAll() {
	least, edges := ^uint64(0), 0
	for s := range c.region.streams {
		if s.role != wire.RoleEdge {
			continue
		}
		edges++
		if !s.holds {
			return
		}
		least = min(least, s.confirmed)
	}
	if edges == 0 {
		return
	}
	n := 0
	for n < len(c.open) && c.open[n].end <= least {
		c.covers = c.open[n]
		n++
	}
	c.open = append(c.open[:0], c.open[n:]...)
	if len(c.open) == 0 {
		c.safe.Wake()
	}
}

// kept tells whether the edges that are here keep the newest cut that was confirmed
// by all: they may be others than those that confirmed it. The caller holds
// region.mu.
func (c *cutter) kept() bool {
	edges := 0
	for s := range c.region.streams {
		if s.role != wire.RoleEdge {
			continue
		}
		if edges++; !s.holds || s.confirmed < c.covers.end {
			return false
		}
	}
	return edges > 0
}

// confirmed waits until all cuts are confirmed. Edges that do not confirm in
// time are cut off if they hold up durability for everybody.
func (c *cutter) confirmed(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for c.unconfirmed() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.safe:
		case <-c.begin:
			c.begin.Wake()
			return nil // another epoch has begun
		case <-timer.C:
			c.dropSlow()
			return nil
		}
	}
	return nil
}

func (c *cutter) unconfirmed() bool {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	return len(c.open) > 0 && c.region.edges() > 0 && (c.region.cold || c.region.set.WantsCover())
}

func (c *cutter) dropSlow() {
	r := c.region
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(c.open) == 0 {
		return
	}
	for s := range r.streams {
		if s.role == wire.RoleEdge && (!s.holds || s.confirmed < c.open[0].end) {
			s.slow()
		}
	}
}

// join gives a new edge the newest snapshot.
func (c *cutter) join(s *stream) {
	c.region.mu.Lock()
	defer c.region.mu.Unlock()
	if c.newest != nil && c.region.serving {
		s.snaps.offer(c.newest)
	}
	c.wake.Wake()
}

// edges counts the edges that have the region open. The caller holds r.mu.
func (r *region) edges() int {
	n := 0
	for s := range r.streams {
		if s.role == wire.RoleEdge {
			n++
		}
	}
	return n
}
