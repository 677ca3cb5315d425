package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/probe"
	"github.com/reseat-proxy/reseat/discovery"
)

// known is what the processes and the registry have told.
type known struct {
	addrs   map[string]string          // that processes listen on, by their names
	admins  map[string]string          // URLs of the APIs of edges, likewise
	names   names                      // of incarnations
	lives   map[string]string          // the incarnation of each server; none: it was struck, and is not back yet
	follows map[string]map[string]bool // the regions of which each edge has found a primary
	regions map[string]*told           // by name
	width   int                        // of their names
	mesh    discovery.Mesh
	page    bool                 // people may move regions as they like
	ruler   string               // the incarnation that was the controller last
	probes  map[probed]string    // addresses
	severed map[string]time.Time // when each server was cut off last

	// Of this round:
	began   time.Time
	planned bool
	back    bool // all players who were concerned play on: what comes now nobody has asked for
	levels  []Level
	moves   map[string]*Failover // by region
}

// told is what is known of one region.
type told struct {
	Region
	view     discovery.View
	set      []string // the in-sync set, as a primary told it last
	setAt    time.Time
	full     bool      // it has all its backups, as far as primaries told
	before   []string  // the set when it had them last
	alone    bool      // it has been without a backup in sync since the players play
	restored time.Time // when a primary began with a snapshot of an edge last
}

func newKnown(regions []Region) known {
	k := known{
		addrs: map[string]string{}, admins: map[string]string{}, names: names{}, lives: map[string]string{},
		follows: map[string]map[string]bool{}, regions: map[string]*told{}, moves: map[string]*Failover{},
		severed: map[string]time.Time{}, probes: map[probed]string{},
	}
	for _, r := range regions {
		k.regions[r.Name] = &told{Region: r}
		k.width = max(k.width, len(r.Name))
	}
	return k
}

// observe takes in what the processes report, until ctx ends.
func (s *stage) observe(ctx context.Context) error {
	tick := time.NewTicker(settleTime / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.fleet.Failed():
			return err
		case p := <-s.fleet.Ended():
			s.happen(deed{kind: "kill", server: p.Spec.Name, at: time.Now(), ended: true})
		case now := <-tick.C:
			s.timeline.flush(now)
		case e := <-s.fleet.Events():
			s.take(e)
		}
	}
}

func (s *stage) take(e fleet.Event) {
	if did, ok := deedOf(e); ok && s.cfg.Page {
		s.happen(did)
	}
	var text string
	s.update(func(k *known) {
		for _, server := range s.servers {
			server.Observe(e)
		}
		k.take(e)
		if r := k.regions[e.Text("region")]; r != nil {
			r.take(e)
		}
		for region, f := range k.moves {
			if !k.back && (region == e.Text("region") || e.From == f.From && !e.Has("region")) {
				f.take(e, k.began)
			}
		}
		if len(s.regions) == 1 {
			text = tell(e, k.names)
		} else {
			text = k.summarize(e)
		}
	})
	s.timeline.add(e.At, markStep, text)
}

func (k *known) take(e fleet.Event) {
	switch e.Name {
	case "listening":
		k.addrs[e.From] = e.Text("addr")
	case "admin":
		k.admins[e.From] = e.Text("url")
	case "joined":
		k.names[e.Text("incarnation")], k.lives[e.From] = e.From, e.Text("incarnation")
	case "switch":
		if k.follows[e.From] == nil {
			k.follows[e.From] = map[string]bool{}
		}
		k.follows[e.From][e.Text("region")] = true
	case probe.Event:
		k.probe(e)
	case "severed":
		k.severed[e.From] = e.At
	}
}

func (t *told) take(e fleet.Event) {
	switch e.Name {
	case "restored":
		t.restored = e.At
	case "insync":
		t.set, t.setAt = e.Texts("members"), e.At
		t.alone = t.alone || len(t.set) < 2
	}
}

// update changes what is known and wakes who waits for it.
func (s *stage) update(change func(*known)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.known)
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until what is known satisfies cond, which must be quick.
func (s *stage) await(ctx context.Context, what string, cond func(known) bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		s.mu.Lock()
		done, changed := cond(s.known), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-late.C:
			return fmt.Errorf("waited %v in vain for %s", patience, what)
		}
	}
}

// struck forgets the lives of processes to which something is about to happen:
// they have to start again to be there.
func (s *stage) struck(processes []*fleet.Server) {
	s.update(func(k *known) {
		for _, p := range processes {
			delete(k.lives, p.Name)
			delete(k.follows, p.Name)
		}
		for _, r := range k.regions {
			if r.full && k.living(r.set) < len(r.set) {
				r.full, r.before = false, r.set
			}
		}
	})
}

// watch follows the mesh in the registry until ctx ends.
func (s *stage) watch(ctx context.Context) error {
	w := s.client.WatchMesh()
	views, stop := w.Subscribe()
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case mesh := <-views:
				s.see(mesh)
			}
		}
	})
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// see takes in what the registry says.
func (s *stage) see(mesh discovery.Mesh) {
	var all []news
	s.update(func(k *known) {
		all = k.changes(mesh)
		k.mesh = mesh
		for name, r := range k.regions {
			r.view = mesh.Region(name)
		}
	})
	for _, n := range all {
		s.timeline.add(n.at, markStep, n.text)
	}
}

// byName are the servers or edges of those names.
func byName(all []*fleet.Server, names []string) (out []*fleet.Server) {
	for _, s := range all {
		if slices.Contains(names, s.Name) {
			out = append(out, s)
		}
	}
	return out
}
