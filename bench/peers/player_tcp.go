package peers

import (
	"bufio"
	"context"
	"io"
	"net"
	"time"
)

// A TCP player connects again at once. When that does not help it waits a little, by
// chance, before each further try: a thousand players who try in a loop would only
// measure how fast a machine can refuse them.
const (
	minRetry = 5 * time.Millisecond
	maxRetry = 25 * time.Millisecond
)

// playTCP plays until ctx ends.
func (p *player) playTCP(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for tries := 0; ctx.Err() == nil; tries++ {
		if tries > 1 {
			pause.Reset(minRetry + time.Duration(p.rng.Int64N(int64(maxRetry-minRetry))))
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
		conn, err := p.dial(ctx, "tcp")
		if err != nil {
			continue
		}
		if p.session(ctx, conn) {
			tries = 0
		}
	}
}

// session plays over one connection, and tells whether the game answered.
func (p *player) session(ctx context.Context, conn net.Conn) (answered bool) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		answered = p.listen(conn)
	}()
	p.act(conn, broken)
	_ = conn.Close()
	<-broken
	if ctx.Err() == nil {
		p.mu.Lock()
		p.broken++
		p.mu.Unlock()
	}
	return answered
}

// listen hears until the connection breaks.
func (p *player) listen(conn net.Conn) (answered bool) {
	in := bufio.NewReader(conn)
	var frame [frameSize]byte
	for {
		if _, err := io.ReadFull(in, frame[:]); err != nil {
			return answered
		}
		p.hear(frame[:])
		answered = true
	}
}

// act sends what is open, and then what the schedule asks for, until the connection
// breaks.
func (p *player) act(conn net.Conn, broken <-chan struct{}) {
	p.due(p.clock.now())
	send := p.unacked()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if len(send) > 0 {
			p.sent(send...)
			if _, err := conn.Write(p.frames(send...)); err != nil {
				return
			}
		}
		timer.Reset(p.wait())
		select {
		case <-broken:
			return
		case <-timer.C:
			p.late()
		}
		send = span(p.due(p.clock.now()))
	}
}
