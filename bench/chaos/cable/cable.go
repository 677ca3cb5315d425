// Package cable is a TCP connection that can be cut: a forwarder between a
// process and a server, such as Consul's HTTP API, which stops to pass anything
// when told so, and goes on later where it stopped.
//
// While a cable is cut nobody is refused: connections are taken, what is sent on
// them and on older ones waits, as it does in a network that has lost a cable.
// Nothing is lost: TCP would send it again, too. A server that is not there, on
// the other hand, closes the connection at once.
package cable

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Cable forwards connections to a server. Its methods may be called from any
// goroutine.
type Cable struct {
	ln     net.Listener
	target string
	ctx    context.Context //nolint:containedctx // it is the cable's life
	end    context.CancelFunc
	wg     sync.WaitGroup
	held   atomic.Uint64

	mu    sync.Mutex
	whole chan struct{} // closed: not cut
	conns map[net.Conn]struct{}
}

// New lays a cable to target, host and port, and starts to forward.
func New(ctx context.Context, target string) (*Cable, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cable: %w", err)
	}
	c := &Cable{ln: ln, target: target, whole: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	close(c.whole)
	c.ctx, c.end = context.WithCancel(ctx)
	c.wg.Go(c.accept)
	return c, nil
}

// Addr is where the cable begins.
func (c *Cable) Addr() string { return c.ln.Addr().String() }

// Held is how often something had to wait because the cable was cut.
func (c *Cable) Held() uint64 { return c.held.Load() }

// Cut lets nothing pass any more. Cutting twice does nothing.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.whole:
		c.whole = make(chan struct{})
	default:
	}
}

// Mend is the end of Cut.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.whole:
	default:
		close(c.whole)
	}
}

// Close takes the cable away, with all that is connected by it.
func (c *Cable) Close() {
	c.end()
	_ = c.ln.Close()
	c.mu.Lock()
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

func (c *Cable) accept() {
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return
		}
		c.wg.Go(func() { c.serve(conn) })
	}
}

// serve forwards one connection, in both directions until either ends.
func (c *Cable) serve(client net.Conn) {
	defer c.adopt(client)()
	if !c.pass() {
		return
	}
	server, err := new(net.Dialer).DialContext(c.ctx, "tcp", c.target)
	if err != nil {
		return
	}
	defer c.adopt(server)()
	var there sync.WaitGroup
	there.Go(func() { c.forward(server, client) })
	c.forward(client, server)
	there.Wait()
}

// adopt has a connection closed when the cable is; the returned function closes it.
func (c *Cable) adopt(conn net.Conn) (closed func()) {
	c.mu.Lock()
	c.conns[conn] = struct{}{}
	c.mu.Unlock()
	if c.ctx.Err() != nil {
		_ = conn.Close()
	}
	return func() {
		_ = conn.Close()
		c.mu.Lock()
		delete(c.conns, conn)
		c.mu.Unlock()
	}
}

// forward copies one direction, and closes both ends when it is over.
func (c *Cable) forward(dst io.WriteCloser, src io.ReadCloser) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !c.pass() {
				return
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = c.pass() // the end of a connection cannot be heard through a cut, either
			return
		}
	}
}

// pass waits until the cable is whole. It is false when there is none any more.
func (c *Cable) pass() bool {
	for {
		c.mu.Lock()
		whole := c.whole
		c.mu.Unlock()
		select {
		case <-whole:
			return c.ctx.Err() == nil
		default:
			c.held.Add(1)
		}
		select {
		case <-whole:
		case <-c.ctx.Done():
			return false
		}
	}
}
