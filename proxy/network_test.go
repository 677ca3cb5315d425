package proxy_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"
)

const latency = time.Millisecond

// network is a simulated UDP network in the time of a synctest bubble: a
// millisecond from anywhere to anywhere, hosts that can be cut off (packets
// vanish), dead (packets are refused, as a kernel does) or frozen (packets wait),
// and ways between two hosts that can be cut in one direction or both.
type network struct {
	simnet.PerfectRouter
	nextPort atomic.Int32

	mu     sync.Mutex
	cut    map[string]bool         // by host: packets to and from it vanish
	dead   map[string]bool         // by host: packets to it are refused
	frozen map[string]bool         // by host: packets to and from it wait
	ways   map[[2]string]bool      // from host to host: packets vanish
	ends   map[string]*simEndpoint // by address
	held   []simnet.Packet
	bad    weather
	rand   *rand.Rand
	tally  func(from, to string, bytes int) // of what is sent; may be nil
}

// weather is what happens to packets by chance.
type weather struct {
	lose, repeat, late float64 // probabilities
	delay              time.Duration
}

func newNetwork() *network {
	return &network{
		cut: map[string]bool{}, dead: map[string]bool{}, frozen: map[string]bool{}, ways: map[[2]string]bool{},
		ends: map[string]*simEndpoint{}, rand: rand.New(rand.NewPCG(1, 1)),
	}
}

// count has every packet that is sent told to f, which must not block; nil ends it.
func (n *network) count(f func(from, to string, bytes int)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tally = f
}

// SendPacket implements simnet.Router.
func (n *network) SendPacket(p simnet.Packet) error {
	from, to := hostOf(p.From), hostOf(p.To)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tally != nil {
		n.tally(from, to, len(p.Data))
	}
	switch {
	case n.cut[from] || n.cut[to] || n.dead[from] || n.ways[[2]string{from, to}]:
	case n.frozen[from] || n.frozen[to]:
		if len(n.held) < 4096 {
			n.held = append(n.held, p)
		}
	case n.dead[to]:
		n.refuse(p.From)
	default:
		n.carry(p)
	}
	return nil
}

// carry delivers a packet as the weather lets it. The caller holds n.mu.
func (n *network) carry(p simnet.Packet) {
	if n.bad != (weather{}) {
		if n.rand.Float64() < n.bad.lose {
			return
		}
		if n.rand.Float64() < n.bad.repeat {
			time.AfterFunc(latency+n.jitter(), func() { n.deliver(p) })
		}
	}
	time.AfterFunc(latency+n.jitter(), func() { n.deliver(p) })
}

func (n *network) jitter() time.Duration {
	if n.bad.late == 0 || n.rand.Float64() >= n.bad.late {
		return 0
	}
	return time.Duration(n.rand.Int64N(int64(n.bad.delay) + 1))
}

// deliver hands a packet over, or has it refused: a port without a socket.
func (n *network) deliver(p simnet.Packet) {
	if n.PerfectRouter.SendPacket(p) != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.refuse(p.From)
	}
}

// refuse tells a sender that nobody listens. The caller holds n.mu.
func (n *network) refuse(from net.Addr) {
	if end := n.ends[from.String()]; end != nil {
		time.AfterFunc(2*latency, end.refuse)
	}
}

func (n *network) set(m map[string]bool, host string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m[host] = on
}

// sever cuts the way from one host to another, or mends it.
func (n *network) sever(from, to string, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ways[[2]string{from, to}] = on
}

// thaw lets a frozen host go on: what has waited arrives.
func (n *network) thaw(host string) {
	n.mu.Lock()
	delete(n.frozen, host)
	held := n.held
	n.held = nil
	n.mu.Unlock()
	for _, p := range held {
		_ = n.SendPacket(p)
	}
}

// blow sets the weather.
func (n *network) blow(w weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bad = w
}

func hostOf(a net.Addr) string { return a.(*net.UDPAddr).IP.String() }

func ip(n int) string { return fmt.Sprintf("10.0.0.%d", n) }

// host is one machine of the network: a link.Network.
type host struct {
	net *network
	ip  string
}

// Listen implements link.Network.
func (h host) Listen(addr string) (net.PacketConn, error) {
	if addr == "" {
		return h.socket(1000 + int(h.net.nextPort.Add(1))), nil
	}
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, err
	}
	return h.socket(udp.Port), nil
}

// Dial implements link.Network.
func (h host) Dial(addr string) (net.PacketConn, net.Addr, error) {
	udp, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	conn := h.socket(1000 + int(h.net.nextPort.Add(1)))
	h.net.mu.Lock()
	h.net.ends[conn.LocalAddr().String()] = conn
	h.net.mu.Unlock()
	return conn, udp, nil
}

func (h host) socket(port int) *simEndpoint {
	addr := &net.UDPAddr{IP: net.ParseIP(h.ip), Port: port}
	return &simEndpoint{SimConn: simnet.NewBlockingSimConn(addr, h.net), net: h.net}
}

// simEndpoint is a socket that can be told "connection refused".
type simEndpoint struct {
	*simnet.SimConn
	net     *network
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

// Close frees the port.
func (e *simEndpoint) Close() error {
	e.net.RemoveNode(e.LocalAddr())
	return e.SimConn.Close()
}
