package chaos

import (
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/reseat-proxy/reseat/bench/relay"
)

// owners remembers which process sends from which port. Sockets come and go, so a
// port that is not known is looked up, once.
type owners struct {
	mu    sync.Mutex
	ports map[uint16]string
}

// of returns the name of the process that a relay's client is, "" for a player.
func (o *owners) of(client netip.AddrPort, pids func() map[int]string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	name, known := o.ports[client.Port()]
	if known {
		return name
	}
	if o.ports == nil {
		o.ports = map[uint16]string{}
	}
	maps.Copy(o.ports, portOwners(pids()))
	name = o.ports[client.Port()]
	o.ports[client.Port()] = name // even if it is nobody's: looking costs a millisecond
	return name
}

// forget makes all ports be looked up anew.
func (o *owners) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ports = nil
}

// pids are the processes of the moment.
func (s *stage) pids() map[int]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[int]string{}
	for _, n := range slices.Concat(s.servers, s.edges) {
		if p := n.process(); p != nil {
			out[p.PID()] = n.name
		}
	}
	return out
}

// cut cuts what the named processes send to n (there), and what it answers (back).
func (s *stage) cut(n *node, there, back bool, from ...string) {
	s.own.forget()
	n.front.Block(func(client netip.AddrPort) (toTarget, toClient bool) {
		if !slices.Contains(from, s.own.of(client, s.pids)) {
			return false, false
		}
		return there, back
	})
}

// weather sets the faults of all relays.
func (s *stage) weather(f relay.Faults) (err error) {
	for _, n := range slices.Concat(s.servers, s.edges) {
		if e := n.front.Set(f); err == nil {
			err = e
		}
	}
	return err
}

// passed adds up what all relays have done.
func (s *stage) passed() (sum relay.Stats) {
	for _, n := range slices.Concat(s.servers, s.edges) {
		if n.front == nil {
			continue
		}
		t := n.front.Stats()
		sum.Rebound += t.Rebound
		for _, p := range []relay.Packets{t.ToTarget, t.ToClient} {
			sum.ToTarget.Cut += p.Cut
			sum.ToTarget.Lost += p.Lost
			sum.ToTarget.Duplicated += p.Duplicated
			sum.ToTarget.Reordered += p.Reordered
		}
	}
	return sum
}
