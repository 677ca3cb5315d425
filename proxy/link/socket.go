package link

import "net"

// UDP is the operating system's network.
type UDP struct{}

// Listen implements Network.
func (UDP) Listen(addr string) (net.PacketConn, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return net.ListenUDP("udp", udp)
}

// Dial implements Network with a connected socket.
func (UDP) Dial(addr string) (net.PacketConn, net.Addr, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	conn, err := net.DialUDP("udp", nil, udp)
	if err != nil {
		return nil, nil, err
	}
	return connected{conn}, udp, nil
}

// connected lets quic-go write to a connected socket, which takes no address
// with a packet. The kernel reports ECONNREFUSED on it; quic-go's read loop then
// closes the Transport with that error.
type connected struct{ *net.UDPConn }

func (c connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

func (c connected) WriteMsgUDP(b, oob []byte, _ *net.UDPAddr) (int, int, error) {
	return c.UDPConn.WriteMsgUDP(b, oob, nil)
}
