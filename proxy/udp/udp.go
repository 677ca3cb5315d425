// Package udp opens the sockets from which connections are dialed. Each has a
// *connected* socket of its own: a process that has died leaves a closed port,
// its host answers the next packet with ICMP "port unreachable", and the kernel
// tells that to a connected socket, and to no other, as ECONNREFUSED. So a death
// is noticed within the interval at which packets are sent, long before any
// timeout.
//
// What follows from it:
//
//   - A socket that others reach must never be like this: one stray or forged
//     ICMP packet would close every connection on it. Here it closes one, which is
//     dialed anew.
//   - A connected socket keeps its local address. A NAT that forgets does no harm,
//     the peer sees the new address and goes on. When the address itself is gone,
//     because the machine has moved to another network, sending fails (EINVAL,
//     ENETUNREACH and others) and the connection with it.
//   - A host that is down, or a network that drops ICMP, is silent: whoever dials
//     needs a timeout besides. So do clients on Windows, where quic-go takes the
//     refusal for a passing fault, and many clients of one address, to which a host
//     sends about one ICMP packet a second (Linux, loopback excepted).
package udp

import "net"

// Connect opens a socket that exchanges packets with addr only.
func Connect(addr *net.UDPAddr) (net.PacketConn, error) {
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil, err
	}
	return connected{conn}, nil
}

// connected lets quic-go write to a connected socket, which takes no address
// with a packet. quic-go's read loop closes the Transport with the kernel's error.
type connected struct{ *net.UDPConn }

func (c connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

func (c connected) WriteMsgUDP(b, oob []byte, _ *net.UDPAddr) (int, int, error) {
	return c.UDPConn.WriteMsgUDP(b, oob, nil)
}
