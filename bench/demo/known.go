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
	addrs  map[string]string    // that processes listen on, by their names
	names  names                // of incarnations
	joined map[string]time.Time // when each server joined last
	view   discovery.View
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
			k.names[e.Text("incarnation")] = e.From
			k.joined[e.From] = e.At
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
