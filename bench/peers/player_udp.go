package peers

import (
	"context"
	"errors"
	"net"
	"time"
)

// Resend is how long a UDP player waits for an answer before it sends an action
// again. It is what a careful game does: some round trips.
const Resend = 100 * time.Millisecond

// playUDP plays from one socket until ctx ends.
func (p *player) playUDP(ctx context.Context) {
	conn, err := p.dial(ctx, "udp")
	if err != nil {
		return // it never plays, which the run sees
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		p.listenUDP(conn)
	}()
	p.actUDP(ctx, conn)
	_ = conn.Close()
	<-heard
}

// listenUDP hears until the socket is closed. That a proxy's port refuses a datagram
// is no end: it may take the next one.
func (p *player) listenUDP(conn net.Conn) {
	frame := make([]byte, 2*frameSize)
	for {
		n, err := conn.Read(frame)
		switch {
		case err == nil:
			p.hear(frame[:n])
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}

// actUDP sends what the schedule asks for, and again what has no answer.
func (p *player) actUDP(ctx context.Context, conn net.Conn) {
	var tried []int64 // when action i+1 was sent last
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := p.clock.now()
		p.due(now)
		for _, seq := range p.unacked() {
			for int(seq) > len(tried) {
				tried = append(tried, 0)
			}
			if now-tried[seq-1] < int64(Resend) {
				continue
			}
			tried[seq-1] = now
			p.sent(seq)
			_, _ = conn.Write(p.frames(seq)) // what is not sent is sent again
		}
		timer.Reset(min(p.wait(), Resend/4))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			p.late()
		}
	}
}
