package demo

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// known is what the processes and the registry have told.
type known struct {
	addrs    map[string]string    // that processes listen on, by their names
	names    names                // of incarnations
	lives    map[string]string    // the last incarnation of each server
	joined   map[string]time.Time // when each server joined last
	restored map[string]time.Time // when each server was restored last by an edge
	follows  map[string]time.Time // when each edge found a primary last
	told     []string             // the in-sync set, as a primary told it last
	view     discovery.View
}

// inSync tells whether every server, as it lives now, is in the in-sync set: the
// registry says so, and the primary's log, which may come later.
func (k known) inSync(servers []*fleet.Server) bool {
	return !k.view.Stale && every(servers, func(s *fleet.Server) bool {
		life := k.lives[s.Name]
		return slices.Contains(k.view.InSync, life) && slices.Contains(k.told, life)
	})
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
	s.update(func(k *known) {
		for _, server := range s.servers {
			server.Observe(e)
		}
		switch e.Name {
		case "listening":
			k.addrs[e.From] = e.Text("addr")
		case "joined":
			k.names[e.Text("incarnation")], k.lives[e.From] = e.From, e.Text("incarnation")
			k.joined[e.From] = e.At
		case "restored":
			k.restored[e.From] = e.At
		case "switch":
			k.follows[e.From] = e.At
		case "insync":
			k.told = e.Texts("members")
		}
	})
	if say := words[e.Name]; say != nil {
		s.timeline.add(e.At, markStep, say(e, s.names()))
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

func (s *stage) names() names {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.known.names)
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

// primary is the server that the registry calls primary, if it is one that we
// know well enough to harm it.
func (s *stage) primary(k known) (server *fleet.Server, epoch uint64) {
	if k.view.Primary == nil || k.view.Stale {
		return nil, 0
	}
	name := k.names[k.view.Primary.Incarnation]
	i := slices.IndexFunc(s.servers, func(server *fleet.Server) bool { return server.Name == name })
	if i < 0 || s.servers[i].Game() == 0 {
		return nil, 0
	}
	return s.servers[i], k.view.Primary.Epoch
}

// busiest is the edge with the most players, given how many are on each address.
func (s *stage) busiest(on map[string]int) (edge *fleet.Server, players int) {
	for _, e := range s.edges {
		if n := on[s.addr(e.Name)]; edge == nil || n > players {
			edge, players = e, n
		}
	}
	return edge, players
}

// restoredSince tells whether a server has begun with a snapshot of an edge since
// a moment, instead of with what it had itself.
func (s *stage) restoredSince(moment time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.known.restored {
		if at.After(moment) {
			return true
		}
	}
	return false
}

// watch follows the region in the registry until ctx ends.
func (s *stage) watch(ctx context.Context) error {
	client, err := discovery.New(discovery.Config{Address: s.consul, Prefix: s.space, Service: s.space}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	w := client.Watch(region)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case v := <-w.Views():
				s.update(func(k *known) { k.view = v })
			}
		}
	}()
	defer func() { <-done }()
	if err := w.Run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}
