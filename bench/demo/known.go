package demo

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// known is what the processes and the registry have told.
type known struct {
	addrs   map[string]string          // that processes listen on, by their names
	names   names                      // of incarnations
	lives   map[string]string          // the incarnation of each server; none: it was struck, and is not back yet
	follows map[string]map[string]bool // the regions of which each edge has found a primary
	regions map[string]*told           // by name
	moves   map[string]*Failover       // of this round, by region
	width   int                        // of the regions' names
}

// told is what is known of one region.
type told struct {
	Region
	view     discovery.View
	set      []string // the in-sync set, as a primary told it last
	setAt    time.Time
	full     bool      // it has all its backups, as far as primaries told
	before   []string  // the set when it had them last
	restored time.Time // when a primary began with a snapshot of an edge last
}

func newKnown(regions []Region) known {
	k := known{
		addrs: map[string]string{}, names: names{}, lives: map[string]string{},
		follows: map[string]map[string]bool{}, regions: map[string]*told{}, moves: map[string]*Failover{},
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
		case now := <-tick.C:
			s.timeline.flush(now)
		case e := <-s.fleet.Events():
			s.take(e)
		}
	}
}

func (s *stage) take(e fleet.Event) {
	var text string
	s.update(func(k *known) {
		for _, server := range s.servers {
			server.Observe(e)
		}
		k.take(e)
		if r := k.regions[e.Text("region")]; r != nil {
			r.take(e)
		}
		if f := k.moves[e.Text("region")]; f != nil {
			f.take(e)
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
	case "joined":
		k.names[e.Text("incarnation")], k.lives[e.From] = e.From, e.Text("incarnation")
	case "switch":
		if k.follows[e.From] == nil {
			k.follows[e.From] = map[string]bool{}
		}
		k.follows[e.From][e.Text("region")] = true
	}
}

func (t *told) take(e fleet.Event) {
	switch e.Name {
	case "restored":
		t.restored = e.At
	case "insync":
		t.set, t.setAt = e.Texts("members"), e.At
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

// watch follows the regions in the registry until ctx ends.
func (s *stage) watch(ctx context.Context) error {
	client, err := discovery.New(discovery.Config{Address: s.consul, Prefix: s.space, Service: s.space}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range s.regions {
		w := client.Watch(r.Name)
		g.Go(func() error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case v := <-w.Views():
					s.update(func(k *known) { k.regions[r.Name].view = v })
				}
			}
		})
		g.Go(func() error {
			if err := w.Run(ctx); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	return g.Wait()
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
