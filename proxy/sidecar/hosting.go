package sidecar

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// errUnseated ends a region of which this server is not a backup any more.
var errUnseated = errors.New("no seat in the region any more")

// hosting is which regions an incarnation has open: those that it is configured
// with, always, and those in which the controller has given it a seat. Reading it
// takes no lock, because the game's frames ask it for every action.
type hosting struct {
	open atomic.Pointer[[]*region] // by game ID, which is the index + 1; nil: closed

	mu   sync.Mutex      // held to change it
	been map[string]bool // regions that were open once
}

// list are the open regions.
func (h *hosting) list() []*region {
	var out []*region
	for _, r := range h.slots() {
		if r != nil {
			out = append(out, r)
		}
	}
	return out
}

func (h *hosting) slots() []*region {
	if slots := h.open.Load(); slots != nil {
		return *slots
	}
	return nil
}

// byID returns the region of a game's ID, or nil.
func (h *hosting) byID(id uint64) *region {
	slots := h.slots()
	if id == 0 || id > uint64(len(slots)) {
		return nil
	}
	return slots[id-1]
}

// named returns the open region of that name, or nil.
func (h *hosting) named(name string) *region {
	for _, r := range h.slots() {
		if r != nil && r.name == name {
			return r
		}
	}
	return nil
}

// add makes a region; nil: there is one of that name. IDs are never used twice: a game
// may still speak of what had one before.
func (h *hosting) add(name string, create func(id uint64, again bool) *region) *region {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.named(name) != nil {
		return nil
	}
	slots := slices.Clone(h.slots())
	r := create(uint64(len(slots)+1), h.been[name])
	if h.been == nil {
		h.been = map[string]bool{}
	}
	h.been[name] = true
	slots = append(slots, r)
	h.open.Store(&slots)
	return r
}

func (h *hosting) remove(r *region) {
	h.mu.Lock()
	defer h.mu.Unlock()
	slots := slices.Clone(h.slots())
	slots[r.id-1] = nil
	h.open.Store(&slots)
}

// open opens a region that is not open. It runs until it has no seat any more, or the
// incarnation ends.
func (l *life) open(name string) {
	r := l.hosting.add(name, func(id uint64, again bool) *region {
		return newRegion(l, name, id, l.sc.floorOf(name), again)
	})
	if r == nil {
		return
	}
	l.log.Info("region opened", "event", "opened", "region", name)
	l.tasks.Go(func() error { l.ended(r, r.run()); return nil })
}

// ended does what follows from the end of a region.
func (l *life) ended(r *region, why error) {
	switch {
	case l.ctx.Err() != nil:
	case errors.Is(why, errUnseated):
		l.close(r)
	case len(l.hosting.list()) > 1:
		l.renew(r, why)
	default:
		l.end(why) // nothing else is left of it
	}
}

// renew lets a region begin anew whose log is worthless, because it was deposed or
// has proved wrong: other regions still count on the incarnation.
func (l *life) renew(r *region, why error) {
	l.log.Warn("region begins anew", "event", "renewed", "region", r.name, "reason", causeOf(why).String(), "detail", why.Error())
	l.close(r)
	select {
	case <-l.ctx.Done():
	case <-time.After(l.sc.cfg.Game.RestartMin):
		l.open(r.name) // unless its seat has opened it already; without one it is closed again
	}
}

// close forgets a region whose goroutines have ended. It may be opened again as soon as
// it is off the list, which comes last.
func (l *life) close(r *region) {
	l.peers.see(r.name, discovery.View{})
	l.sc.restores.end(r.name)
	r.mu.Lock()
	game, hosted := r.hostedBy, r.hosted || r.answers > 0
	r.hosted, r.promoted = false, false // what streams still bring is not for the game
	if hosted && game == l.game.Load() {
		r.endOnError(pump.Add(game.out, wire.Unhost{ID: r.id}))
	}
	r.mu.Unlock()
	l.hosting.remove(r)
	l.log.Info("region closed", "event", "closed", "region", r.name)
}

// assign opens and closes regions as the mesh says, and tells each what concerns it.
func (l *life) assign(m discovery.Mesh) {
	for name, v := range m.Regions {
		if !m.Stale && l.seated(v) {
			l.open(name)
		}
	}
	_, draining := m.Draining[l.id]
	for _, r := range l.hosting.list() {
		v := m.Region(r.name)
		r.show(news{view: v, seated: l.fixed(r.name) || l.seated(v), draining: draining, ahead: ahead(m, v)})
	}
}

func (l *life) fixed(name string) bool { return slices.Contains(l.sc.cfg.Regions, name) }

func (l *life) seated(v discovery.View) bool {
	return l.sc.cfg.Pool && slices.Contains(v.Seats.Servers, l.id)
}

// ahead is how many regions wait for a primary that should have one before that of
// v: those of a higher score (of equals, the first by name) that somebody can take.
func ahead(m discovery.Mesh, v discovery.View) (n int) {
	for name, other := range m.Regions {
		switch {
		case other.Primary != nil || name == v.Region || !takeable(other):
		case other.Seats.Score > v.Seats.Score, other.Seats.Score == v.Seats.Score && name < v.Region:
			n++
		}
	}
	return n
}

// takeable tells whether anybody is there who may take the region over.
func takeable(v discovery.View) bool {
	return slices.ContainsFunc(v.Servers, func(s discovery.Server) bool {
		return s.Passing && (!v.InSyncKnown || slices.Contains(v.InSync, s.Incarnation))
	})
}

// watch lets the regions look at the clock until ctx ends. One timer wakes them all: to
// be woken up costs much more than to look.
func (l *life) watch(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			fault.Point(fault.LeaseTimer)
			for _, r := range l.hosting.slots() {
				if r != nil {
					r.look(now)
				}
			}
		}
	}
}

// follow lets the incarnation follow the mesh until ctx ends.
func (l *life) follow(ctx context.Context) error { return l.sc.mesh.Follow(ctx, l.assign) }
