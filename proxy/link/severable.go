package link

import (
	"net"
	"sync/atomic"
	"time"
)

// Severable is a Network that can be cut off for a while, for tests: packets are
// lost in both directions, and nobody is told. It is safe for concurrent use.
type Severable struct {
	Network Network
	until   atomic.Int64 // UnixNano
}

// Sever cuts all sockets off from now on for d.
func (s *Severable) Sever(d time.Duration) { s.until.Store(time.Now().Add(d).UnixNano()) }

func (s *Severable) severed() bool { return time.Now().UnixNano() < s.until.Load() }

// Listen implements Network.
func (s *Severable) Listen(addr string) (net.PacketConn, error) {
	conn, err := s.Network.Listen(addr)
	return &severable{conn, s}, err
}

// Dial implements Network.
func (s *Severable) Dial(addr string) (net.PacketConn, net.Addr, error) {
	conn, remote, err := s.Network.Dial(addr)
	return &severable{conn, s}, remote, err
}

type severable struct {
	net.PacketConn
	network *Severable
}

func (c *severable) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.network.severed() {
			return n, from, err
		}
	}
}

func (c *severable) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.network.severed() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

// SetReadBuffer and SetWriteBuffer pass on what QUIC asks of sockets.
func (c *severable) SetReadBuffer(n int) error {
	if s, ok := c.PacketConn.(interface{ SetReadBuffer(n int) error }); ok {
		return s.SetReadBuffer(n)
	}
	return nil
}

// SetWriteBuffer is described at SetReadBuffer.
func (c *severable) SetWriteBuffer(n int) error {
	if s, ok := c.PacketConn.(interface{ SetWriteBuffer(n int) error }); ok {
		return s.SetWriteBuffer(n)
	}
	return nil
}
