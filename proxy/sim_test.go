package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"
)

// network is a simulated UDP network in the time of a synctest bubble: a
// millisecond from anywhere to anywhere, nodes that can be cut off (packets
// vanish) or be dead (packets are refused, as a kernel does).
type network struct {
	simnet.PerfectRouter
	nextPort atomic.Int32

	mu   sync.Mutex
	cut  map[string]bool         // by host: packets to and from it vanish
	dead map[string]bool         // by host: packets to it are refused
	cuts map[[2]string]bool      // by sender and receiver: packets vanish
	ends map[string]*simEndpoint // by address
}

const latency = time.Millisecond

func newNetwork() *network {
	return &network{cut: map[string]bool{}, dead: map[string]bool{}, cuts: map[[2]string]bool{}, ends: map[string]*simEndpoint{}}
}

// SendPacket implements simnet.Router.
func (n *network) SendPacket(p simnet.Packet) error {
	from, to := p.From.(*net.UDPAddr).IP.String(), p.To.(*net.UDPAddr).IP.String()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.cut[from] || n.cut[to] || n.dead[from] || n.cuts[[2]string{from, to}]:
		return nil
	case n.dead[to]:
		if end := n.ends[p.From.String()]; end != nil {
			time.AfterFunc(2*latency, end.refuse)
		}
		return nil
	}
	time.AfterFunc(latency, func() { _ = n.PerfectRouter.SendPacket(p) })
	return nil
}

func (n *network) set(m map[string]bool, host string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m[host] = on
}

// host is one machine of the network: a link.Network.
type host struct {
	net *network
	ip  string
}

// Listen implements link.Network.
func (h host) Listen(string) (net.PacketConn, error) { return h.socket(), nil }

// Dial implements link.Network.
func (h host) Dial(addr string) (net.PacketConn, net.Addr, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	conn := h.socket()
	h.net.mu.Lock()
	h.net.ends[conn.LocalAddr().String()] = conn
	h.net.mu.Unlock()
	return conn, udp, nil
}

func (h host) socket() *simEndpoint {
	addr := &net.UDPAddr{IP: net.ParseIP(h.ip), Port: 1000 + int(h.net.nextPort.Add(1))}
	return &simEndpoint{SimConn: simnet.NewBlockingSimConn(addr, h.net)}
}

// simEndpoint is a socket that can be told "connection refused".
type simEndpoint struct {
	*simnet.SimConn
	refused atomic.Bool
}

func (e *simEndpoint) refuse() {
	e.refused.Store(true)
	_ = e.SetReadDeadline(time.Unix(1, 0))
}

func (e *simEndpoint) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := e.SimConn.ReadFrom(b)
	if err != nil && e.refused.Load() {
		err = &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvmsg", syscall.ECONNREFUSED)}
	}
	return n, addr, err
}

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

func ip(n int) string { return fmt.Sprintf("10.0.0.%d", n) }
