package relay

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// pass sends a packet on its way, once, twice or not at all. It tells whether it
// has kept p; otherwise p is free for the next one.
func (r *Relay) pass(p *packet) (kept bool) {
	r.gate.RLock()
	defer r.gate.RUnlock()
	w, c := &r.faults[p.side], &r.ways[p.side]
	c.received.Add(1)
	if p.size > MTU {
		c.tooBig.Add(1)
		return false
	}
	number, fate := p.flow.lanes[p.side].draw(w)
	switch {
	case w.Cut, r.blocked(p.flow.client, p.side):
		c.cut.Add(1)
		return false
	case fate.lost:
		c.lost.Add(1)
		return false
	}
	p.number, p.copied, p.damaged = number, false, false
	var twin *packet
	if fate.copies == 2 {
		twin = newPacket() // now: p may be gone, or damaged, after it was submitted
		twin.flow, twin.side, twin.number, twin.copied, twin.size = p.flow, p.side, number, true, p.size
		copy(twin.bytes(), p.bytes())
	}
	kept = r.submit(p, w, fate.each[0])
	if twin != nil {
		c.duplicated.Add(1)
		if !r.submit(twin, w, fate.each[1]) {
			freePacket(twin)
		}
	}
	return kept
}

// submit sends one copy of a packet, now or later. It tells whether it has kept p.
func (r *Relay) submit(p *packet, w *Way, f copyFate) (kept bool) {
	c := &r.ways[p.side]
	if f.damage != 0 && p.size > 0 {
		damage(p.bytes(), f.damage)
		p.damaged = true
	}
	if f.delay == 0 && w.Rate == 0 {
		r.send(p)
		return false
	}
	at, ok := c.leave(time.Now(), p.size, w)
	if ok {
		p.due = at.Add(f.delay)
		ok = r.line.add(p)
	}
	if !ok {
		c.overflowed.Add(1)
	}
	return ok
}

// deliver sends what has waited long enough.
func (r *Relay) deliver(p *packet) {
	defer freePacket(p)
	r.gate.RLock()
	defer r.gate.RUnlock()
	if p.refused != nil {
		r.vanish(p.flow, p.refused)
		return
	}
	c := &r.ways[p.side]
	if r.faults[p.side].Cut {
		c.cut.Add(1)
		return
	}
	if r.send(p) {
		c.delayed.Add(1)
	}
}

// send writes a packet to the socket on its other side.
func (r *Relay) send(p *packet) bool {
	c := &r.ways[p.side]
	var err error
	if p.side == toTarget {
		err = r.writeToTarget(p)
	} else {
		err = r.writeToClient(p)
	}
	if err != nil {
		c.failed.Add(1)
		return false
	}
	c.forwarded.Add(1)
	if p.flow.lanes[p.side].overtaken(p.number) && !p.copied {
		c.reordered.Add(1)
	}
	if p.damaged {
		c.corrupted.Add(1)
	}
	return true
}

func (r *Relay) writeToClient(p *packet) error {
	listener := r.listener.Load()
	if listener == nil {
		return net.ErrClosed
	}
	_, err := listener.WriteToUDPAddrPort(p.bytes(), p.flow.client)
	return err
}

// writeToTarget writes to the flow's upstream socket. A write that is told of the
// refusal of an earlier packet has sent nothing, and neither has one to a socket
// that has just been replaced.
func (r *Relay) writeToTarget(p *packet) error {
	conn := p.flow.upstream.Load()
	_, err := conn.Write(p.bytes())
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		r.refuse(p.flow, conn)
	case errors.Is(err, net.ErrClosed):
	default:
		return err
	}
	_, err = p.flow.upstream.Load().Write(p.bytes())
	return err
}
