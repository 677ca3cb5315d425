package relay

import (
	"context"
	"net"
	"net/netip"
)

// socketBuffer is what a socket should hold while its reader waits for a core.
// The kernel may allow less.
const socketBuffer = 4 << 20

// port is an address that can be closed and opened again. A guard keeps it
// meanwhile: a socket with the same address that is connected to itself, so that
// the kernel gives it no packet and refuses them.
type port struct {
	addr  netip.AddrPort
	guard *net.UDPConn // nil where there is no such thing
}

// reserve opens a port and the socket that listens on it.
func reserve(at netip.AddrPort) (*port, *net.UDPConn, error) {
	listener, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, nil, err
	}
	p := &port{addr: plain(listener.LocalAddr().(*net.UDPAddr).AddrPort())}
	if canShare {
		err = p.makeGuard(listener)
	}
	if err != nil {
		_ = listener.Close()
		return nil, nil, err
	}
	_ = listener.SetReadBuffer(socketBuffer)
	return p, listener, nil
}

// makeGuard lets listener share its address for a moment only: otherwise a second
// relay on the same port would not notice.
func (p *port) makeGuard(listener *net.UDPConn) error {
	if err := setShare(listener, true); err != nil {
		return err
	}
	own := net.UDPAddrFromAddrPort(p.addr)
	dialer := net.Dialer{LocalAddr: own, Control: shareable}
	guard, err := dialer.DialContext(context.Background(), "udp", own.String())
	if err != nil {
		return err
	}
	p.guard = guard.(*net.UDPConn)
	return p.unshare(listener)
}

// open makes the socket that listens, after the last one was closed.
func (p *port) open() (*net.UDPConn, error) {
	if p.guard != nil {
		if err := setShare(p.guard, true); err != nil {
			return nil, err
		}
	}
	config := net.ListenConfig{Control: shareable}
	conn, err := config.ListenPacket(context.Background(), "udp", p.addr.String())
	if err != nil {
		return nil, err
	}
	listener := conn.(*net.UDPConn)
	if err := p.unshare(listener); err != nil {
		_ = listener.Close()
		return nil, err
	}
	_ = listener.SetReadBuffer(socketBuffer)
	return listener, nil
}

// unshare lets nobody else have the address.
func (p *port) unshare(listener *net.UDPConn) error {
	if p.guard == nil {
		return nil
	}
	if err := setShare(p.guard, false); err != nil {
		return err
	}
	return setShare(listener, false)
}

func (p *port) close() {
	if p.guard != nil {
		_ = p.guard.Close()
	}
}

func setShare(conn *net.UDPConn, on bool) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return share(raw, on)
}
