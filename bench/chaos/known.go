package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// patience is how long a run waits for what takes a second or two at most, unless
// the machine is very busy.
const patience = 20 * time.Second

// known is what the processes and Consul have told.
type known struct {
	events  []fleet.Event     // of all processes, as they came
	at      map[string]bool   // that listen, by name
	names   map[string]string // of incarnations
	latest  map[string]string // incarnation of each server
	primary string            // who was the last to serve
	epoch   int64             // in which it did
	view    discovery.View
}

func newKnown() known {
	return known{at: map[string]bool{}, names: map[string]string{}, latest: map[string]string{}}
}

func (k *known) listens(name string) bool { return k.at[name] }

// take takes in one event.
func (k *known) take(e fleet.Event) {
	k.events = append(k.events, e)
	switch e.Name {
	case "listening":
		k.at[e.From] = true
	case "joined":
		k.names[e.Text("incarnation")] = e.From
		k.latest[e.From] = e.Text("incarnation")
	case "serving":
		if n := e.Number("epoch"); n >= k.epoch {
			k.primary, k.epoch = e.From, n
		}
	}
}

// whole tells whether a primary serves and everybody else is in sync, by their
// latest incarnations. Who holds the lock is not known any more when somebody has
// written over its key.
func (k *known) whole() bool {
	v := k.view
	if v.Stale || v.Primary == nil || !v.InSyncKnown || len(v.InSync) != servers || len(k.latest) != servers {
		return false
	}
	for _, inc := range k.latest {
		if !slices.Contains(v.InSync, inc) {
			return false
		}
	}
	return v.Primary.Incarnation == "" || k.names[v.Primary.Incarnation] == k.primary && uint64(k.epoch) == v.Primary.Epoch
}

// observe takes in what the processes report, until ctx ends.
func (s *stage) observe(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.fleet.Failed():
			return err
		case e := <-s.fleet.Events():
			s.update(func(k *known) {
				for _, n := range s.servers {
					n.server.Observe(e)
				}
				k.take(e)
			})
		}
	}
}

// watch follows the region in Consul.
func (s *stage) watch() error {
	var err error
	s.client, err = discovery.New(discovery.Config{Address: s.consul.Addr, Prefix: space, Service: space}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	w := s.client.Watch(region)
	s.beside.Go(func() error {
		if err := w.Run(s.ctx); s.ctx.Err() == nil {
			return err
		}
		return nil
	})
	s.beside.Go(func() error {
		for {
			select {
			case <-s.ctx.Done():
				return nil
			case v := <-w.Views():
				s.update(func(k *known) { k.view = v })
			}
		}
	})
	return nil
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
func (s *stage) await(ctx context.Context, what string, cond func(*known) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %v in vain for %s", patience, what))
	defer cancel()
	for {
		s.mu.Lock()
		done, changed := cond(&s.known), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// whole waits until the mesh is.
func (s *stage) whole(ctx context.Context) error {
	return s.await(ctx, "a primary with two backups in sync", (*known).whole)
}

// seen is how many events there were so far.
func (s *stage) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known.events)
}

// event waits for an event after the first so many, and returns it.
func (s *stage) event(ctx context.Context, name string, after int) (found fleet.Event, err error) {
	err = s.await(ctx, "the event "+name, func(k *known) bool {
		i := slices.IndexFunc(k.events[after:], func(e fleet.Event) bool { return e.Name == name })
		if i >= 0 {
			found = k.events[after+i]
		}
		return i >= 0
	})
	return found, err
}

// primary is the server that served last, and backups are the others.
func (s *stage) primary() *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.servers {
		if n.name == s.known.primary {
			return n
		}
	}
	return s.servers[0] // nobody has served yet: not after open
}

func (s *stage) backups() (out []*node) {
	primary := s.primary()
	for _, n := range s.servers {
		if n != primary {
			out = append(out, n)
		}
	}
	return out
}
