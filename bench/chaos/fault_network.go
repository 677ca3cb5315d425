package chaos

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/relay"
	"github.com/reseat-proxy/reseat/bench/world"
)

// badWeather is what a bad network does to each packet, once in each direction.
var badWeather = relay.Way{
	Loss: 0.10, Duplicate: 0.02, Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond,
	Reorder: 0.05, HoldBack: 15 * time.Millisecond,
}

func networkFaults() []Fault {
	return []Fault{
		{
			Name: "cut-backups", Does: "the primary is cut off from both backups", strike: cutBackups,
			lasts: 2 * time.Second, relays: true, loose: true,
		},
		{
			Name: "cut-edge", Does: "an edge is cut off from the primary", strike: cutEdge(true, true),
			lasts: 1500 * time.Millisecond, relays: true,
		},
		{
			Name: "cut-oneway", Does: "an edge does not hear the primary, which hears it", strike: cutEdge(false, true),
			lasts: 1500 * time.Millisecond, relays: true,
		},
		{
			Name: "isolate", Does: "the primary is cut off from all, but not from Consul", strike: isolate,
			lasts: 2 * time.Second, relays: true, loose: true,
		},
		{
			Name: "weather", Does: "all links lose, delay, double and reorder packets", strike: badNetwork,
			lasts: 3 * time.Second, relays: true, loose: true, roams: true,
		},
		{
			Name: "edge-isolate", Does: "an edge is cut off from players and servers, and comes back with sessions that have moved",
			strike: isolateEdge, lasts: 3 * time.Second, relays: true, roams: true,
		},
		{Name: "rebind", Does: "all players get another address", strike: rebind, relays: true},
		{
			Name: "consul-cut", Does: "the primary is cut off from Consul", strike: cutConsul(false),
			lasts: 4 * time.Second,
		},
		{
			Name: "consul-cut-all", Does: "everybody is cut off from Consul", strike: cutConsul(true),
			lasts: 4 * time.Second,
		},
	}
}

// cutBackups cuts both ways of dialing, for sidecars dial each other.
func cutBackups(_ context.Context, s *scene, struck *node) (string, mend, error) {
	primary := s.victim(struck)
	var others []*node
	for _, n := range s.servers {
		if n != primary {
			others = append(others, n)
		}
	}
	s.cut(primary, true, true, names(others)...)
	for _, n := range others {
		s.cut(n, true, true, primary.name)
	}
	return primary.name, func(context.Context) error { s.unblock(); return nil }, nil
}

func isolate(ctx context.Context, s *scene, struck *node) (string, mend, error) {
	target, heal, err := cutBackups(ctx, s, struck)
	primary := s.victim(struck)
	s.cut(primary, true, true, names(slices.Concat(s.servers, s.edges))...)
	return target, heal, err
}

func cutEdge(there, back bool) func(context.Context, *scene, *node) (string, mend, error) {
	return func(_ context.Context, s *scene, struck *node) (string, mend, error) {
		primary, edge := s.victim(struck), s.edges[0]
		s.cut(primary, there, back, edge.name)
		return edge.name + " and " + primary.name, func(context.Context) error { s.unblock(); return nil }, nil
	}
}

func isolateEdge(_ context.Context, s *scene, _ *node) (string, mend, error) {
	edge := s.edges[0]
	for _, n := range s.servers {
		s.cut(n, true, true, edge.name)
	}
	err := edge.front.Set(relay.Both(relay.Way{Cut: true}))
	return edge.name, func(context.Context) error { s.unblock(); return edge.front.Set(relay.Faults{}) }, err
}

func badNetwork(_ context.Context, s *scene, _ *node) (string, mend, error) {
	return "all links", func(context.Context) error { return s.weather(relay.Faults{}) }, s.weather(relay.Both(badWeather))
}

func rebind(_ context.Context, s *scene, _ *node) (string, mend, error) {
	for _, n := range s.edges {
		if _, err := n.front.Rebind(); err != nil {
			return "", nil, err
		}
	}
	return "all players", nil, nil
}

func cutConsul(all bool) func(context.Context, *scene, *node) (string, mend, error) {
	return func(_ context.Context, s *scene, struck *node) (string, mend, error) {
		cut := []*node{s.victim(struck)}
		if all {
			cut = slices.Concat(s.servers, s.edges)
		}
		for _, n := range cut {
			n.cable.Cut()
		}
		return strings.Join(names(cut), ", "), func(context.Context) error {
			for _, n := range cut {
				n.cable.Mend()
			}
			return nil
		}, nil
	}
}

// unblock mends all that cut has cut.
func (s *stage) unblock() {
	for _, n := range slices.Concat(s.servers, s.edges) {
		n.front.Block(nil)
	}
}

func names(nodes []*node) (out []string) {
	for _, n := range nodes {
		out = append(out, n.name)
	}
	return out
}

func poisonFaults() (out []Fault) {
	for name, v := range map[string]world.Variant{"panic": world.Panic, "fatal": world.Fatal, "oom": world.Kill, "hang": world.Hang} {
		out = append(out, Fault{
			Name: "poison-" + name, Does: "an action kills every game that runs it: " + name, poison: true,
			strike: func(_ context.Context, s *scene, _ *node) (string, mend, error) {
				who := s.rng.IntN(s.cfg.Players)
				return "a player's action", nil, s.crowd.Poison(who, v)
			},
		})
	}
	return out
}
