package discovery

import (
	"slices"
	"strings"
	"time"
)

// View is what Consul last said about one region. Views are shared: nobody may
// change one, or what its pointers and slices refer to.
type View struct {
	Region string

	// Epoch is the highest epoch that Consul knows of for the region, 0 if none.
	Epoch uint64

	// Primary holds the region's lock; nil means that the lock is free. When the
	// lock is held but its value is not what the holder wrote, only
	// Primary.Session is filled.
	Primary *Holder

	// Servers are those that the region is about, sorted by incarnation: they are
	// registered for it, have a seat in it, are in its in-sync set or hold its lock.
	// A Watch of the one region knows only those that are registered for it.
	Servers []Server

	// InSync is the published in-sync set, sorted; the type InSync says what it
	// means. InSyncKnown tells whether one is published at all: if not, the region
	// is cold. One that is published but cannot be read is known and empty, so that
	// nobody takes over on a guess. Epoch, Primary and the set are of one answer: a
	// View whose lock is free has the set that the next take-over is checked against.
	InSync        []string
	InSyncKnown   bool
	InSyncVersion SetVersion

	// Seats are what the controller has decided; only in Views of a MeshWatch.
	Seats Seats

	// Stale means that Consul does not answer now, and Since when it stopped
	// doing so. The rest of the View is what it said before.
	Stale bool
	Since time.Time

	// At is when Consul last gave an answer that this View shows.
	At time.Time

	keys keysSeen
}

// keysSeen is what a take-over needs to know of a region's keys besides the View.
type keysSeen struct {
	whole      bool // they were read, and nothing in them is odd
	epochIndex uint64
	last       string
	yielded    bool
}

// state is what the region's keys say if nothing has changed since but that the lock
// is free; yielded, if it was given up in good order.
func (v View) state(yielded bool) (s regionState, known bool) {
	s = regionState{
		epoch: v.Epoch, epochIndex: v.keys.epochIndex, last: v.keys.last, yielded: v.keys.yielded && v.Primary == nil || yielded,
		inSync: v.InSync, inSyncKnown: v.InSyncKnown, inSyncIndex: v.InSyncVersion,
	}
	return s, v.keys.whole && !v.Stale
}

// ByIncarnation lists the Servers by incarnation, in a new map.
func (v View) ByIncarnation() map[string]Server {
	out := make(map[string]Server, len(v.Servers))
	for _, s := range v.Servers {
		out[s.Incarnation] = s
	}
	return out
}

// Equal tells whether a and b say the same. The times are not compared.
func Equal(a, b View) bool {
	if (a.Primary == nil) != (b.Primary == nil) || a.Primary != nil && *a.Primary != *b.Primary {
		return false
	}
	return a.Region == b.Region && a.Epoch == b.Epoch && a.Stale == b.Stale &&
		a.InSyncKnown == b.InSyncKnown && a.InSyncVersion == b.InSyncVersion &&
		slices.Equal(a.InSync, b.InSync) && a.Seats.equal(b.Seats) && slices.EqualFunc(a.Servers, b.Servers, Server.equal)
}

// Server returns the registered server of that incarnation.
func (v View) Server(incarnation string) (Server, bool) {
	i, ok := slices.BinarySearchFunc(v.Servers, incarnation, func(s Server, inc string) int {
		return strings.Compare(s.Incarnation, inc)
	})
	if !ok {
		return Server{}, false
	}
	return v.Servers[i], true
}
