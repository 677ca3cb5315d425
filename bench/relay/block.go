package relay

import "net/netip"

// Block cuts single clients off, each direction by itself, besides what
// [Relay.Set] does to all. It is asked for every packet, so it must be quick,
// from several goroutines; nil cuts off nobody. No packet meets the old one after
// it has returned. Packets that are on their way still arrive.
func (r *Relay) Block(who func(client netip.AddrPort) (toTarget, toClient bool)) {
	r.gate.Lock()
	r.block = who
	r.gate.Unlock()
	if who != nil { // who cannot reach the target is not refused by it
		r.appear()
	}
}

// blocked tells whether a packet of this client is cut off. r.gate is held for
// reading.
func (r *Relay) blocked(client netip.AddrPort, s side) bool {
	if r.block == nil {
		return false
	}
	there, back := r.block(client)
	if s == toTarget {
		return there
	}
	return back
}
