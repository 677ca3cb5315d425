package relay

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

const (
	probeEvery = 10 * time.Millisecond
	probeWait  = 10 * time.Millisecond // on one machine, a refusal comes in microseconds
)

// refuse sends the news that the target refused a packet to the client: when it
// arrives the relay vanishes. r.gate is held for reading.
func (r *Relay) refuse(f *flow, told *net.UDPConn) {
	r.refused.Add(1)
	if r.cfg.Silent {
		return
	}
	w := &r.faults[toClient]
	_, fate := f.refusals.draw(w)
	if fate.lost {
		return
	}
	delay := fate.each[0].delay
	if delay == 0 {
		r.vanish(f, told)
		return
	}
	p := newPacket()
	p.flow, p.side, p.refused, p.due = f, toClient, told, time.Now().Add(delay)
	if !r.line.add(p) {
		freePacket(p)
	}
}

// vanish closes the port, unless what told of the refusal is out of date by now.
// r.gate is held for reading.
func (r *Relay) vanish(f *flow, told *net.UDPConn) {
	if r.faults[toTarget].Cut || r.faults[toClient].Cut {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || f.upstream.Load() != told {
		return
	}
	listener := r.listener.Swap(nil)
	if listener == nil {
		return
	}
	_ = listener.Close()
	r.vanished.Add(1)
	select {
	case r.gone <- struct{}{}:
	default:
	}
}

// appear opens the port again, if it is closed.
func (r *Relay) appear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.listener.Load() != nil {
		return
	}
	listener, err := r.port.open()
	if err != nil {
		r.fail(err)
		return
	}
	r.listener.Store(listener)
	r.wg.Go(func() { r.readClients(listener) })
}

// keep sees to it that a relay that has vanished comes back when the target does.
func (r *Relay) keep(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.gone:
		}
		for r.listener.Load() == nil && !r.targetIsThere() {
			pause.Reset(probeEvery)
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
		r.appear()
	}
}

// targetIsThere sends the target an empty datagram. A target that does not refuse
// it is there, whether it answers or not.
func (r *Relay) targetIsThere() bool {
	r.mu.Lock()
	target := r.target
	r.mu.Unlock()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(target))
	if err != nil {
		return false
	}
	defer conn.Close()
	if _, _, err = conn.WriteMsgUDP(nil, nil, nil); err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(probeWait))
		_, err = conn.Read(make([]byte, 1))
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}
