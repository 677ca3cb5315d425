package relay

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
)

// ErrNoFlow is returned for a client that the relay does not know.
var ErrNoFlow = errors.New("relay: no such client")

// flow is a client as the relay sees it.
type flow struct {
	number   uint64 // in the order of appearance
	client   netip.AddrPort
	upstream atomic.Pointer[net.UDPConn] // stored under Relay.mu
	used     uint64                      // Relay.uses at the client's last packet; under Relay.mu
	lanes    [2]*lane
	refusals *lane // apart, so that they do not shift what happens to packets
}

// Flow is what a NAT's table says of a client.
type Flow struct {
	Client   netip.AddrPort
	Upstream netip.AddrPort // as the target sees it
}

// Flows are the clients that the relay knows, in the order of appearance.
func (r *Relay) Flows() []Flow {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.sorted()
	flows := make([]Flow, len(known))
	for i, f := range known {
		flows[i] = Flow{f.client, plain(f.upstream.Load().LocalAddr().(*net.UDPAddr).AddrPort())}
	}
	return flows
}

func (r *Relay) sorted() []*flow {
	known := make([]*flow, 0, len(r.flows))
	for _, f := range r.flows {
		known = append(known, f)
	}
	slices.SortFunc(known, func(a, b *flow) int { return cmp.Compare(a.number, b.number) })
	return known
}

// Rebind gives the flows of these clients new upstream sockets, with other ports.
// Without clients it does so for all, and returns how many these are.
func (r *Relay) Rebind(clients ...netip.AddrPort) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var flows []*flow
	for _, client := range clients {
		f := r.flows[plain(client)]
		if f == nil {
			return 0, fmt.Errorf("%w: %s", ErrNoFlow, client)
		}
		flows = append(flows, f)
	}
	if len(clients) == 0 {
		flows = r.sorted()
	}
	for i, f := range flows {
		if err := r.connect(f); err != nil {
			return i, err
		}
		r.rebound.Add(1)
	}
	return len(flows), nil
}

// flow finds the flow of a client, or makes it.
func (r *Relay) flow(client netip.AddrPort) (*flow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.uses++
	if f := r.flows[client]; f != nil {
		f.used = r.uses
		return f, nil
	}
	if len(r.flows) >= r.cfg.MaxFlows {
		r.evict()
	}
	n := r.made
	f := &flow{
		number: n, client: client, used: r.uses, refusals: newLane(r.cfg.Seed, n, 2),
		lanes: [2]*lane{newLane(r.cfg.Seed, n, uint64(toTarget)), newLane(r.cfg.Seed, n, uint64(toClient))},
	}
	if err := r.connect(f); err != nil {
		return nil, err
	}
	r.made++
	r.flows[client] = f
	return f, nil
}

// evict forgets the flow whose client was silent the longest.
func (r *Relay) evict() {
	var oldest *flow
	for _, f := range r.flows {
		if oldest == nil || f.used < oldest.used {
			oldest = f
		}
	}
	_ = oldest.upstream.Load().Close()
	delete(r.flows, oldest.client)
	r.evicted.Add(1)
}

// connect gives f a new upstream socket. The old one is closed only then, so that
// the new one has another port. r.mu is held.
func (r *Relay) connect(f *flow) error {
	if r.closed {
		return fmt.Errorf("relay: %w", net.ErrClosed)
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.target))
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	_ = conn.SetReadBuffer(socketBuffer)
	old := f.upstream.Swap(conn)
	r.wg.Go(func() { r.readTarget(f, conn) })
	if old != nil {
		_ = old.Close()
	}
	return nil
}

// readTarget passes on what the target sends to one upstream socket.
func (r *Relay) readTarget(f *flow, conn *net.UDPConn) {
	p := newPacket()
	defer func() { freePacket(p) }()
	for {
		n, err := conn.Read(p.buf[:])
		if errors.Is(err, syscall.ECONNREFUSED) {
			r.gate.RLock()
			r.refuse(f, conn)
			r.gate.RUnlock()
			continue
		}
		if err != nil {
			r.stop(err)
			return
		}
		p.flow, p.side, p.size = f, toClient, n
		if r.pass(p) {
			p = newPacket()
		}
	}
}

// readClients passes on what clients send, until the relay vanishes.
func (r *Relay) readClients(listener *net.UDPConn) {
	p := newPacket()
	defer func() { freePacket(p) }()
	for {
		n, from, err := listener.ReadFromUDPAddrPort(p.buf[:])
		if err != nil {
			r.stop(err)
			return
		}
		f, err := r.flow(plain(from))
		if err != nil {
			r.ways[toTarget].received.Add(1)
			r.ways[toTarget].failed.Add(1)
			continue
		}
		p.flow, p.side, p.size = f, toTarget, n
		if r.pass(p) {
			p = newPacket()
		}
	}
}
