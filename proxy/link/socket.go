package link

import (
	"net"

	"github.com/reseat-proxy/reseat/proxy/udp"
)

// UDP is the operating system's network.
type UDP struct{}

// Listen implements Network.
func (UDP) Listen(addr string) (net.PacketConn, error) {
	local, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp", local)
}

// Dial implements Network with a connected socket.
func (UDP) Dial(addr string) (net.PacketConn, net.Addr, error) {
	remote, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	conn, err := udp.Connect(remote)
	return conn, remote, err
}
