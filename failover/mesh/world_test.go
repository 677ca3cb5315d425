package mesh

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// world is a Consul and sidecars in a few lines: what a Controller acts upon.
type world struct {
	backups  int
	servers  map[string]*discovery.Server
	regions  map[string]*discovery.View // without Servers
	draining map[string]discovery.Drain
	state    discovery.MeshState
	stateAt  discovery.SetVersion
	version  discovery.SetVersion
	stale    bool

	copying map[string]int // region/incarnation: rounds that a copy still takes
	copies  int            // how many it takes
	refuses map[string]int // regions whose primary does not hand over, for so many rounds
}

func newWorld(backups int) *world {
	return &world{
		backups: backups, servers: map[string]*discovery.Server{}, regions: map[string]*discovery.View{},
		draining: map[string]discovery.Drain{}, copying: map[string]int{}, copies: 2, refuses: map[string]int{},
	}
}

func (w *world) region(name string) *discovery.View {
	if w.regions[name] == nil {
		w.regions[name] = &discovery.View{Region: name}
	}
	return w.regions[name]
}

// mesh is what Consul says: a copy, which may be kept.
func (w *world) mesh() discovery.Mesh {
	m := discovery.Mesh{
		Regions: map[string]discovery.View{}, Draining: maps.Clone(w.draining),
		State: w.state, StateAt: w.stateAt, Stale: w.stale,
	}
	names := map[string]bool{}
	for name := range w.regions {
		names[name] = true
	}
	for _, inc := range slices.Sorted(maps.Keys(w.servers)) {
		m.Servers = append(m.Servers, *w.servers[inc])
		for _, name := range w.servers[inc].Regions {
			names[name] = true
		}
	}
	for name := range names {
		v := *w.region(name)
		v.InSync = slices.Clone(v.InSync)
		for _, s := range m.Servers {
			if w.place(&v, s.Incarnation) || slices.Contains(v.InSync, s.Incarnation) || holds(&v, s.Incarnation) {
				v.Servers = append(v.Servers, s)
			}
		}
		m.Regions[name] = v
	}
	return m
}

func holds(v *discovery.View, incarnation string) bool {
	return v.Primary != nil && v.Primary.Incarnation == incarnation
}

// place tells whether a server has the region open.
func (w *world) place(v *discovery.View, incarnation string) bool {
	s := w.servers[incarnation]
	return s != nil && (slices.Contains(s.Regions, v.Region) || s.Pool && slices.Contains(v.Seats.Servers, incarnation))
}

func (w *world) up(incarnation string) bool {
	s := w.servers[incarnation]
	return s != nil && s.Passing
}

var errRaced = errors.New("raced")

// write carries a command out as Consul would.
func (w *world) write(cmd Command) error {
	switch cmd := cmd.(type) {
	case PutSeats:
		v := w.region(cmd.Region)
		if v.Seats.Version != cmd.Seats.Version {
			return errRaced
		}
		w.version++
		v.Seats = cmd.Seats
		v.Seats.Version = w.version
	case DropSeats:
		v := w.region(cmd.Region)
		if v.Seats.Version != cmd.Version {
			return errRaced
		}
		v.Seats = discovery.Seats{}
	case PutState:
		if w.stateAt != cmd.Version {
			return errRaced
		}
		w.version++
		w.state, w.stateAt = cmd.State, w.version
	case ClearDrain:
		delete(w.draining, cmd.Server)
	}
	return nil
}

// sidecars let a round of time pass in all servers.
func (w *world) sidecars() {
	for _, name := range slices.Sorted(maps.Keys(w.regions)) {
		v := w.regions[name]
		if v.Primary != nil && !w.up(v.Primary.Incarnation) {
			v.Primary = nil
		}
		if v.Primary == nil {
			w.elect(v)
		}
		if v.Primary != nil {
			w.replicate(v)
			w.handOver(v)
		}
	}
}

// elect lets a member of the set take over, or anybody where there is none.
func (w *world) elect(v *discovery.View) {
	var best string
	for _, inc := range slices.Sorted(maps.Keys(w.servers)) {
		member := slices.Contains(v.InSync, inc)
		if !w.up(inc) || v.InSyncKnown && !member || !v.InSyncKnown && !w.place(v, inc) {
			continue
		}
		_, draining := w.draining[inc]
		if best == "" || !draining {
			best = inc
		}
	}
	if best != "" {
		v.Epoch++
		v.Primary = &discovery.Holder{Incarnation: best, Epoch: v.Epoch, Session: "s-" + best}
	}
}

// replicate is how a primary keeps its in-sync set.
func (w *world) replicate(v *discovery.View) {
	p := v.Primary.Incarnation
	set := []string{p}
	for _, inc := range slices.Sorted(maps.Keys(w.servers)) {
		key := v.Region + "/" + inc
		switch {
		case inc == p || !w.up(inc):
			delete(w.copying, key)
		case slices.Contains(v.InSync, inc):
			set = append(set, inc)
		case w.place(v, inc):
			if _, begun := w.copying[key]; !begun {
				w.copying[key] = w.copies
			}
			if w.copying[key]--; w.copying[key] <= 0 {
				set = append(set, inc)
				delete(w.copying, key)
			}
		}
	}
	// Who has no seat may go when there are enough others.
	set = slices.DeleteFunc(set, func(inc string) bool {
		others := 0
		for _, o := range set {
			if o != inc && w.place(v, o) {
				others++
			}
		}
		return inc != p && !w.place(v, inc) && others > w.backups
	})
	slices.Sort(set)
	v.InSync, v.InSyncKnown = set, len(set) > 1
	if !v.InSyncKnown {
		v.InSync = nil
	}
}

// handOver is what a primary does that should not be one.
func (w *world) handOver(v *discovery.View) {
	lead := v.Seats.Lead
	if lead == "" || holds(v, lead) || !w.up(lead) || !slices.Contains(v.InSync, lead) {
		return
	}
	if w.refuses[v.Region]--; w.refuses[v.Region] >= 0 {
		return
	}
	v.Epoch++
	v.Primary = &discovery.Holder{Incarnation: lead, Epoch: v.Epoch, Session: "s-" + lead}
}

// server reads: NAME [pool] [failing] zone= host= regions=a,b
func (w *world) server(name string, args map[string]string) {
	s := &discovery.Server{Incarnation: name, Name: args["name"], Zone: args["zone"], Host: args["host"], Address: name + ":1"}
	_, s.Pool = args["pool"]
	_, failing := args["failing"]
	s.Passing = !failing
	s.Regions = list(args["regions"])
	w.servers[name] = s
}

func list(text string) []string {
	out := strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
	slices.Sort(out)
	return out
}

var epoch = time.Unix(1000, 0)
