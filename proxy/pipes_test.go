package proxy_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// pipes is a listener whose connections are in memory: the local socket between
// a sidecar and its game.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	expired chan struct{} // closed by a deadline in the past
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), expired: make(chan struct{})}
}

// SetDeadline knows two times: none, and one that has passed.
func (p *pipes) SetDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.IsZero() {
		p.expired = make(chan struct{})
	} else {
		close(p.expired)
	}
	return nil
}

func (p *pipes) Accept() (net.Conn, error) {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case c := <-p.conns:
		return c, nil
	case <-expired:
		return nil, os.ErrDeadlineExceeded
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.closed:
		return nil, errors.New("the sidecar is gone")
	}
}
