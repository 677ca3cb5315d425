package mesh

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Bounds of a write: how long it counts as done before Consul shows it, and how
// long a region is left alone after one that failed.
const (
	writeLimit = 5 * time.Second
	writePause = time.Second
)

// writes knows what is on its way to Consul: at most one write of each key. It
// counts as done until Consul shows the key in another version, says that it
// failed, or has not shown anything for too long.
type writes struct {
	seats  map[string]*write
	state  *write
	ghosts map[string]time.Time // regions that nobody wants: since when
}

type write struct {
	base   discovery.SetVersion // of the key that it replaces
	seats  discovery.Seats      // what it will be
	until  time.Time
	failed bool
}

func newWrites() writes { return writes{seats: map[string]*write{}} }

// overlay shows a region as it will be.
func (w *writes) overlay(now time.Time, r *region) {
	one := w.seats[r.name]
	switch {
	case one == nil:
	case one.base != r.view.Seats.Version || !now.Before(one.until):
		delete(w.seats, r.name)
	default:
		r.busy = true
		if !one.failed {
			r.published = one.seats
		}
	}
}

// put writes what is decided for a region, if it is news, with the order that is in it.
func (w *writes) put(now time.Time, r *region, o *Order) []Command {
	added, removed := diff(r.published.Servers, r.seats.Servers)
	if r.busy || len(added)+len(removed) == 0 && r.seats.Lead == r.published.Lead && !r.scoreDue {
		return nil
	}
	r.seats.Score, r.seats.Version = r.score, r.view.Seats.Version
	w.seats[r.name] = &write{base: r.seats.Version, seats: r.seats, until: now.Add(writeLimit)}
	return []Command{PutSeats{Region: r.name, Seats: r.seats, Added: added, Removed: removed, Order: o}}
}

// drop deletes a region's seats.
func (w *writes) drop(now time.Time, r *region) []Command {
	base := r.view.Seats.Version
	if r.busy || base == 0 {
		return nil
	}
	w.seats[r.name] = &write{base: base, until: now.Add(writeLimit)}
	return []Command{DropSeats{Region: r.name, Version: base}}
}

// ended is what came of a write of seats.
func (w *writes) ended(now time.Time, region string, err error) {
	if one := w.seats[region]; one != nil && err != nil {
		one.fail(now)
	}
}

func (w *write) fail(now time.Time) { w.failed, w.until = true, now.Add(writePause) }

// putState publishes a state, if it is news.
func (w *writes) putState(now time.Time, m *discovery.Mesh, want discovery.MeshState) []Command {
	if w.state != nil && w.state.base == m.StateAt && now.Before(w.state.until) {
		return nil
	}
	w.state = nil
	said := m.State
	if m.StateAt != 0 && said.Level == want.Level && said.Fidelity == want.Fidelity && said.RetryAfter == want.RetryAfter {
		return nil
	}
	w.state = &write{base: m.StateAt, until: now.Add(writeLimit)}
	return []Command{PutState{State: want, Version: m.StateAt}}
}

// stateEnded is what came of a write of the state.
func (w *writes) stateEnded(now time.Time, err error) {
	if w.state != nil && err != nil {
		w.state.fail(now)
	}
}

// ghostFor is how long a region must be unwanted before its seats are dropped.
const ghostFor = time.Minute

// sweep drops the seats that nobody wants, and forgets regions that are no more.
func (w *writes) sweep(now time.Time, p *picture) (cmds []Command) {
	ghosts := map[string]time.Time{}
	for _, r := range p.ghosts {
		since, known := w.ghosts[r.name]
		if !known {
			since = now
		}
		ghosts[r.name] = since
		if now.Sub(since) >= ghostFor {
			cmds = append(cmds, w.drop(now, r)...)
		}
	}
	w.ghosts = ghosts
	for name := range w.seats {
		if _, ghost := ghosts[name]; !ghost && p.byName[name] == nil {
			delete(w.seats, name)
		}
	}
	return cmds
}

// diff tells what a sorted list has that another has not, both ways.
func diff(before, after []string) (added, removed []string) {
	for _, name := range after {
		if _, ok := slices.BinarySearch(before, name); !ok {
			added = append(added, name)
		}
	}
	for _, name := range before {
		if _, ok := slices.BinarySearch(after, name); !ok {
			removed = append(removed, name)
		}
	}
	return added, removed
}
