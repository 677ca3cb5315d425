package discovery

import (
	"slices"
	"time"
)

// source is one of the two queries of a watch.
type source uint8

const (
	sourceKeys source = iota
	sourceServers
	sources
)

func (s source) String() string { return [...]string{"keys", "servers"}[s] }

// answer is what one query said, or that it failed.
type answer struct {
	source  source
	at      time.Time
	err     error
	empty   bool // Consul had nothing at all to list
	keys    meshKeys
	servers []Server
}

// merger makes Meshes of answers. It does no I/O and is not for concurrent use.
type merger struct {
	answered [sources]bool
	failing  [sources]time.Time // since when, zero if not
	keys     meshKeys           // of the last good answer
	servers  []Server
	at       time.Time
	mesh     Mesh                // the latest that was delivered
	shown    bool                // one has been
	odd      map[string][]string // what was odd in the last answer, by region
}

// apply takes one answer. It returns the Mesh to deliver, if it is another one.
func (m *merger) apply(a answer) (Mesh, bool) {
	switch {
	case a.err == nil:
		m.answered[a.source], m.failing[a.source], m.at = true, time.Time{}, a.at
		if a.source == sourceServers {
			m.servers = a.servers
		} else {
			m.keys = a.keys
		}
	case m.failing[a.source].IsZero():
		m.failing[a.source] = a.at
	}
	if slices.Contains(m.answered[:], false) {
		return Mesh{}, false
	}
	next := m.assemble()
	if m.shown && equalMesh(m.mesh, next) {
		return Mesh{}, false
	}
	m.mesh, m.shown = next, true
	return next, true
}

// assemble makes a Mesh of what both queries said last.
func (m *merger) assemble() Mesh {
	since := earliest(m.failing[:])
	servers := m.marked()
	mesh := Mesh{
		Servers: servers, Controller: m.keys.controller, State: m.keys.state, StateAt: m.keys.stateAt,
		Draining: m.keys.draining, Strikes: m.keys.strikes, Stale: !since.IsZero(), Since: since, At: m.at,
	}
	members := m.keys.members(servers)
	mesh.Regions = make(map[string]View, len(members))
	for region, about := range members {
		view := mesh.nothing(region)
		view.fill(m.keys.regions[region])
		view.Seats = m.keys.seats[region]
		view.Servers = about
		mesh.Regions[region] = view
	}
	return mesh
}

// marked are the servers, with those marked that the keys say are to be emptied.
func (m *merger) marked() []Server {
	if len(m.keys.draining) == 0 {
		return m.servers
	}
	servers := slices.Clone(m.servers) // the list is that of meshes which were delivered
	for i := range servers {
		_, servers[i].Draining = m.keys.draining[servers[i].Incarnation]
	}
	return servers
}

// fill puts what a region's keys say into v.
func (v *View) fill(keys regionState) {
	v.Epoch = keys.epoch
	if keys.session != "" {
		v.Primary = &keys.holder
	}
	v.InSync, v.InSyncKnown, v.InSyncVersion = keys.inSync, keys.inSyncKnown, keys.inSyncIndex
	v.keys = keysSeen{len(keys.odd) == 0, keys.epochIndex, keys.last, keys.yielded}
}

// newlyOdd returns what of odd is to be logged: the regions of which it is not
// what it was the last time.
func (m *merger) newlyOdd(odd map[string][]string) []string {
	var news []string
	for region, list := range odd {
		if !slices.Equal(m.odd[region], list) {
			news = append(news, region)
		}
	}
	m.odd = odd
	slices.Sort(news)
	return news
}

func earliest(times []time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
