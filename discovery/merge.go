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
	keys    regionState
	servers []Server
}

// merger makes Views of answers. It does no I/O and is not for concurrent use.
type merger struct {
	region   string
	answered [sources]bool
	failing  [sources]time.Time // since when, zero if not
	view     View               // the latest, delivered or not
	shown    bool               // a View has been delivered
	odd      []string           // what was odd in the last answer
}

// apply takes one answer. It returns the View to deliver, if it is another one.
func (m *merger) apply(a answer) (View, bool) {
	next := m.view
	next.Region = m.region
	if a.err != nil {
		if m.failing[a.source].IsZero() {
			m.failing[a.source] = a.at
		}
	} else {
		m.answered[a.source], m.failing[a.source] = true, time.Time{}
		next.At = a.at
		fill(&next, a)
	}
	next.Since = earliest(m.failing[:])
	next.Stale = !next.Since.IsZero()
	same := m.shown && Equal(m.view, next)
	m.view = next
	if same || slices.Contains(m.answered[:], false) {
		return View{}, false
	}
	m.shown = true
	return next, true
}

// fill puts a good answer into v.
func fill(v *View, a answer) {
	if a.source == sourceServers {
		v.Servers = a.servers
		return
	}
	v.Epoch, v.Primary = a.keys.epoch, nil
	if a.keys.session != "" {
		holder := a.keys.holder
		v.Primary = &holder
	}
	v.InSync, v.InSyncKnown, v.InSyncVersion = a.keys.inSync, a.keys.inSyncKnown, a.keys.inSyncIndex
}

// newlyOdd tells whether odd is something to log: not nothing, and not the same
// as the last time.
func (m *merger) newlyOdd(odd []string) bool {
	same := slices.Equal(m.odd, odd)
	m.odd = odd
	return !same && len(odd) > 0
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
