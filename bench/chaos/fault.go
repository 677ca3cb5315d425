package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Fault is something that can be broken in a mesh.
type Fault struct {
	Name string
	Does string // what happens, in words

	// strike breaks it, and returns what it happened to and how to mend it; nil:
	// that needs nobody. elected is who has just been, if it is struck at that
	// event; else nil.
	strike func(ctx context.Context, s *scene, elected *node) (target string, mend func(context.Context) error, err error)

	lasts  time.Duration // usually
	relays bool          // it needs relays
	poison bool          // it needs games that can be poisoned
	roams  bool          // players lose connections
	loose  bool          // durability may rest on the edges' snapshots for a while, without output commit
	real   bool          // it needs a real Consul

	registry bool // it happens to Consul itself, which one fault at a time can
}

type mend = func(context.Context) error

// faults are all there are, by name.
var faults = index(processFaults(), edgeFaults(), networkFaults(), consulFaults(), poisonFaults())

func index(lists ...[]Fault) map[string]Fault {
	all := map[string]Fault{}
	for _, f := range slices.Concat(lists...) {
		all[f.Name] = f
	}
	return all
}

// fault returns one that exists: tables of cells are written by hand.
func fault(name string) Fault {
	f, ok := faults[name]
	if !ok {
		panic("chaos: no fault " + name)
	}
	return f
}

// victim is the server that a fault of the primary happens to.
func (s *scene) victim(struck *node) *node {
	if struck != nil && struck.server != nil {
		return struck
	}
	return s.primary()
}

// onServers makes a fault of package fleet happen to one server or more. Those that
// an earlier fault has killed are left out.
func onServers(name string, who func(*scene, *node) []*node) func(context.Context, *scene, *node) (string, mend, error) {
	what, err := fleet.ParseFaults(name)
	if err != nil {
		panic("chaos: " + err.Error())
	}
	return func(ctx context.Context, s *scene, struck *node) (string, mend, error) {
		targets := slices.DeleteFunc(who(s, struck), func(n *node) bool { return !n.alive() })
		errs := make([]error, 0, len(targets))
		for _, n := range targets {
			errs = append(errs, s.strikeServer(ctx, what[0], n))
		}
		return strings.Join(names(targets), ", "), func(context.Context) error {
			errs := make([]error, 0, len(targets))
			for _, n := range targets {
				errs = append(errs, healServer(what[0], n))
			}
			return errors.Join(errs...)
		}, errors.Join(errs...)
	}
}

// strikeServer strikes when the server has a game that can be struck.
func (s *scene) strikeServer(ctx context.Context, f fleet.Fault, n *node) error {
	if err := s.await(ctx, "a game of "+n.name, func(*known) bool { return n.server.Game() != 0 }); err != nil {
		return err
	}
	return f.Strike(n.server)
}

// healServer mends what a second fault has not made another thing of: a frozen
// server may have been killed, a killed one started again.
func healServer(f fleet.Fault, n *node) error {
	if f.Heals == "" || f.Name == "host" && n.alive() || f.Name == "freeze" && (!n.alive() || n.server.Game() == 0) {
		return nil
	}
	return f.Heal(n.server)
}

// alive tells whether the node's process is there, frozen or not.
func (n *node) alive() bool { return running(n.process()) }

func running(p *fleet.Process) bool {
	select {
	case <-p.Exited():
		return false
	default:
		return true
	}
}

func onPrimary(s *scene, struck *node) []*node { return []*node{s.victim(struck)} }

func processFaults() []Fault {
	one := func(s *scene, _ *node) []*node { return s.backups()[:1] }
	both := func(s *scene, _ *node) []*node { return s.backups() }
	all := func(s *scene, _ *node) []*node { return slices.Clone(s.servers) }
	return []Fault{
		{Name: "kill", Does: "the primary's game is killed", strike: onServers("kill", onPrimary)},
		{Name: "host", Does: "the primary's game and sidecar are killed", strike: onServers("host", onPrimary), lasts: time.Second},
		{Name: "freeze", Does: "the primary's game and sidecar are frozen", strike: onServers("freeze", onPrimary), lasts: 4 * time.Second},
		{Name: "backup", Does: "a backup is killed, game and sidecar", strike: onServers("host", one), lasts: time.Second},
		{Name: "backups", Does: "both backups are killed", strike: onServers("host", both), lasts: 2 * time.Second, loose: true},
		{Name: "standby", Does: "a backup's game is killed", strike: onServers("kill", one)},
		{Name: "servers", Does: "all servers are frozen", strike: onServers("freeze", all), lasts: 3 * time.Second, loose: true},
	}
}

func edgeFaults() []Fault {
	return []Fault{
		{Name: "edge", Does: "an edge is killed", strike: killEdges(1), lasts: 1500 * time.Millisecond, roams: true},
		{Name: "edges", Does: "all edges are killed", strike: killEdges(edges), lasts: time.Second, roams: true, loose: true},
		{Name: "edge-freeze", Does: "an edge is frozen", strike: freezeEdge, lasts: 3 * time.Second, roams: true},
	}
}

func killEdges(count int) func(context.Context, *scene, *node) (string, mend, error) {
	return func(_ context.Context, s *scene, _ *node) (string, mend, error) {
		struck := s.edges[:count]
		for _, n := range struck {
			n.process().Kill()
		}
		return strings.Join(names(struck), ", "), func(context.Context) error {
			for _, n := range struck {
				if n.alive() {
					continue
				}
				p, err := s.fleet.Start(n.spec)
				if err != nil {
					return fmt.Errorf("%s does not start again: %w", n.name, err)
				}
				s.update(func(*known) { n.proc = p })
			}
			return nil
		}, nil
	}
}

func freezeEdge(_ context.Context, s *scene, _ *node) (string, mend, error) {
	n := s.edges[0]
	if !n.alive() {
		return n.name, nil, nil
	}
	p := n.process()
	return n.name, func(context.Context) error { return thaw(p) }, p.Freeze()
}

func thaw(p *fleet.Process) error {
	if !running(p) {
		return nil
	}
	return p.Thaw()
}
