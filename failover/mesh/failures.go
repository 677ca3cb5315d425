package mesh

import (
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// maxDeaths bounds what is remembered: beyond it the level is severe anyway.
const maxDeaths = 1024

// failures counts deaths within a window. A death is a server that passed and does
// not pass any more, or has vanished, and was not being drained. It counts once,
// until the server has passed again.
type failures struct {
	window time.Duration
	up     map[string]alive // servers that passed when last seen, by incarnation
	names  map[string]int   // of them
	deaths []death          // of the window, oldest first
	total  uint64           // ever
}

type alive struct {
	name     string
	draining bool // it is expected to go
}

type death struct {
	name string
	at   time.Time
}

func newFailures(window time.Duration) failures { return failures{window: window} }

// see takes a Mesh that is fresh. The first one counts who does not pass in it as
// dead: what is registered was alive a minute ago.
func (f *failures) see(now time.Time, m *discovery.Mesh) {
	first := f.up == nil
	up, names := make(map[string]alive, len(m.Servers)), map[string]int{}
	for _, s := range m.Servers {
		a := alive{name: nameOf(s)}
		_, a.draining = m.Draining[s.Incarnation]
		switch {
		case s.Passing:
			up[s.Incarnation] = a
			names[a.name]++
		case first && !a.draining:
			f.died(now, a.name)
		}
	}
	for incarnation, a := range f.up {
		_, draining := m.Draining[incarnation]
		if _, still := up[incarnation]; !still && !a.draining && !draining {
			f.died(now, a.name)
		}
	}
	f.up, f.names = up, names
}

func (f *failures) died(now time.Time, name string) {
	f.total++
	f.deaths = append(f.deaths, death{name, now})
	if len(f.deaths) > maxDeaths {
		f.deaths = f.deaths[1:]
	}
}

// within counts the deaths of the window, and which share of the servers died: of
// all names that pass now or died in it.
func (f *failures) within(now time.Time) (count int, share float64) {
	for len(f.deaths) > 0 && now.Sub(f.deaths[0].at) >= f.window {
		f.deaths = f.deaths[1:]
	}
	if len(f.deaths) == 0 {
		return 0, 0
	}
	dead := map[string]bool{}
	all := len(f.names)
	for _, d := range f.deaths {
		if !dead[d.name] && f.names[d.name] == 0 {
			all++ // it is not back
		}
		dead[d.name] = true
	}
	return len(f.deaths), float64(len(dead)) / float64(all)
}

// nameOf is what a server is called in every life of its.
func nameOf(s discovery.Server) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Incarnation
}
