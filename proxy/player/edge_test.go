package player_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// network is a simulated one with edges that the test plays, in a bubble of
// virtual time.
type network struct {
	t      *testing.T // of the bubble
	router *cutRouter
	client *quic.Transport
	edges  []*edge

	mu      sync.Mutex
	sockets []*simnet.SimConn // of clients that have their own
	sims    []*simnet.Simnet
}

// edge is one listening socket.
type edge struct {
	addr      string
	transport *quic.Transport
	listener  *quic.Listener
}

// cutRouter is a network in which nodes can be cut off, dead or frozen.
type cutRouter struct {
	simnet.PerfectRouter
	cut  sync.Map // address: packets from and to it are lost
	dead sync.Map // address: what connected sockets send to it is refused

	mu     sync.Mutex
	frozen map[string]bool // address: its packets wait
	kept   []simnet.Packet
}

func (r *cutRouter) SendPacket(p simnet.Packet) error {
	for _, addr := range []net.Addr{p.From, p.To} {
		if _, cut := r.cut.Load(addr.String()); cut {
			return nil
		}
	}
	if r.keep(p) {
		return nil
	}
	return r.PerfectRouter.SendPacket(p)
}

func (r *cutRouter) keep(p simnet.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := r.frozen[p.From.String()] || r.frozen[p.To.String()]
	if keep {
		r.kept = append(r.kept, p)
	}
	return keep
}

// freeze is SIGSTOP: nothing reaches or leaves the edge, until thaw, and then all.
func (n *network) freeze(e *edge) {
	n.router.mu.Lock()
	defer n.router.mu.Unlock()
	n.router.frozen = map[string]bool{e.addr: true}
}

func (n *network) thaw() {
	n.router.mu.Lock()
	kept := n.router.kept
	n.router.frozen, n.router.kept = nil, nil
	n.router.mu.Unlock()
	for _, p := range kept {
		must(n.router.SendPacket(p))
	}
	settle()
}

// kill is SIGKILL on a host that is up: the port is closed.
func (n *network) kill(e *edge) {
	n.cut(e)
	n.router.dead.Store(e.addr, true)
}

// revive starts another process in its place.
func (n *network) revive(e *edge) {
	e.restart(n.t)
	n.router.dead.Delete(e.addr)
	n.router.cut.Delete(e.addr)
}

// connect opens a connected socket, as the operating system does.
func (n *network) connect(*net.UDPAddr) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	sim := &simnet.Simnet{Router: n.router}
	addr := &net.UDPAddr{IP: net.IPv4(1, 0, byte(1+len(n.sockets)>>8), byte(len(n.sockets))), Port: 4433}
	conn := sim.NewEndpoint(addr, simnet.NodeBiDiLinkSettings{Latency: time.Millisecond})
	n.sockets, n.sims = append(n.sockets, conn), append(n.sims, sim)
	return &connected{SimConn: conn, router: n.router}, sim.Start()
}

// connected is a socket to which the kernel tells that a port is closed.
type connected struct {
	*simnet.SimConn
	router  *cutRouter
	refused atomic.Bool
}

func (c *connected) WriteTo(b []byte, to net.Addr) (int, error) {
	if _, dead := c.router.dead.Load(to.String()); dead {
		time.AfterFunc(2*time.Millisecond, func() {
			c.refused.Store(true)
			_ = c.SetReadDeadline(time.Now())
		})
		return len(b), nil
	}
	return c.SimConn.WriteTo(b, to)
}

func (c *connected) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.SimConn.ReadFrom(b)
	if c.refused.Load() {
		return 0, nil, &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvmsg", syscall.ECONNREFUSED)}
	}
	return n, from, err
}

// ownSockets makes the client have connected ones.
func (n *network) ownSockets(cfg player.Config) player.Config {
	cfg.Transport = nil
	cfg.SetConnect(n.connect)
	return cfg
}

// simulate runs play in a bubble with so many edges.
func simulate(t *testing.T, edges int, play func(n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{t: t, router: &cutRouter{}}
		sim := &simnet.Simnet{Router: n.router}
		link := simnet.NodeBiDiLinkSettings{Latency: time.Millisecond}
		socket := func(host byte) *simnet.SimConn {
			return sim.NewEndpoint(&net.UDPAddr{IP: net.IPv4(1, 0, 0, host), Port: 4433}, link)
		}
		conns := append(make([]*simnet.SimConn, 0, 1+edges), socket(1))
		n.client = &quic.Transport{Conn: conns[0]}
		for i := range edges {
			conn := socket(byte(10 + i))
			conns = append(conns, conn)
			n.edges = append(n.edges, &edge{addr: conn.LocalAddr().String(), transport: newTransport(conn)})
		}
		require.NoError(t, sim.Start())
		for _, e := range n.edges {
			e.listen(t)
		}
		defer func() { // also when play fails: what is left running hides why
			_ = n.client.Close()
			for i, conn := range n.sockets {
				_ = conn.Close()
				_ = n.sims[i].Close()
			}
			for _, e := range n.edges {
				_ = e.transport.Close()
			}
			for _, conn := range conns {
				_ = conn.Close()
			}
			_ = sim.Close()
		}()
		play(n)
	})
}

// newTransport is an edge's. All have the same key: a new one answers packets
// for the one before it with a stateless reset.
func newTransport(conn net.PacketConn) *quic.Transport {
	return &quic.Transport{Conn: conn, StatelessResetKey: &quic.StatelessResetKey{1}}
}

// restart replaces the edge by one that knows of no connection.
func (e *edge) restart(t *testing.T) {
	t.Helper()
	conn := e.transport.Conn
	require.NoError(t, e.transport.Close())
	e.transport = newTransport(conn)
	e.listen(t)
}

func (e *edge) listen(t *testing.T) {
	t.Helper()
	var err error
	conf := &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{wire.ALPN}}
	e.listener, err = e.transport.Listen(conf, &quic.Config{
		EnableDatagrams: true, MaxIdleTimeout: time.Minute, KeepAlivePeriod: 5 * time.Second,
	})
	require.NoError(t, err)
}

// certificate is one for all edges. The bubble's clock begins in the year 2000.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"edge"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	leaf, err := x509.ParseCertificate(der)
	must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

func trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(certificate().Leaf)
	return &tls.Config{RootCAs: roots, ServerName: "edge"}
}

// cut makes the network lose all packets of an edge.
func (n *network) cut(e *edge) { n.router.cut.Store(e.addr, true) }

// heal undoes all cuts.
func (n *network) heal() { n.router.cut.Clear() }

// config is a player's, with a diary of what it is told, and without a spare connection:
// tests say themselves who comes to an edge.
func (n *network) config(d *diary) player.Config {
	cfg := player.Config{
		Region: "town", Player: "ann", TLS: trust(), Transport: n.client, NoSpare: true,
		Handler: d.handler(), Log: slog.New(slog.DiscardHandler),
	}
	for _, e := range n.edges {
		cfg.Edges = append(cfg.Edges, e.addr)
	}
	return cfg
}

// dialing is a Dial in progress.
type dialing struct {
	client *player.Client
	err    error
	done   chan struct{}
}

func dial(ctx context.Context, cfg player.Config) *dialing {
	d := &dialing{done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.client, d.err = player.Dial(ctx, cfg)
	}()
	return d
}

// join dials, and welcomes the player at the first edge.
func (n *network) join(t *testing.T, cfg player.Config, w wire.Welcome) (*player.Client, *seat) {
	t.Helper()
	d := dial(t.Context(), cfg)
	s := n.edges[0].accept(t)
	s.send(w)
	<-d.done
	require.NoError(t, d.err)
	return d.client, s
}

// welcome is a usual one.
func welcome(epoch, durable uint64, token string) wire.Welcome {
	return wire.Welcome{
		Version: wire.Version, Epoch: epoch, Durable: durable, Protected: true,
		Actions: 100, ActionBytes: wire.MaxAction, AgeMillis: 10_000, Token: []byte(token),
	}
}

// seat is an edge's end of a player's connection.
type seat struct {
	conn   *quic.Conn
	stream *quic.Stream
	frames *wire.Reader // of a spare connection, until somebody comes by it
	hello  wire.Hello
	got    chan any // Act or Bye; closed when the stream has ended
}

// accept takes a connection, reads its hello, and reads on from then.
func (e *edge) accept(t *testing.T) *seat {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := e.listener.Accept(ctx)
	require.NoError(t, err, "nobody came")
	stream, err := conn.AcceptStream(ctx)
	require.NoError(t, err)
	s := &seat{conn: conn, stream: stream, got: make(chan any, 10_000)}
	r := wire.NewReader(stream, wire.LinkPlayer)
	frame, body, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, wire.TypeHello, frame)
	require.NoError(t, s.hello.Decode(append([]byte(nil), body...)))
	go s.read(r)
	return s
}

// refuse closes the next connection with a code.
func (e *edge) refuse(code wire.Code) error {
	conn, err := e.listener.Accept(context.Background())
	if err == nil {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(code), "")
	}
	return err
}

func (s *seat) read(r *wire.Reader) {
	defer close(s.got)
	for {
		t, body, err := r.Next()
		if err != nil {
			return
		}
		body = append([]byte(nil), body...)
		switch t {
		case wire.TypeAct:
			var f wire.Act
			must(f.Decode(body))
			s.got <- f
		case wire.TypeBye:
			var f wire.Bye
			must(f.Decode(body))
			s.got <- f
		default:
			panic(fmt.Sprintf("unexpected %v", t))
		}
	}
}

// send sends frames in one write.
func (s *seat) send(frames ...pump.Frame) {
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	_, err := s.stream.Write(b)
	must(err)
}

func (s *seat) close(code wire.Code) {
	_ = s.conn.CloseWithError(quic.ApplicationErrorCode(code), code.String())
}

// actions returns what has arrived within a moment, as "seq payload".
func (s *seat) actions() (all []string) {
	settle()
	for {
		select {
		case f, open := <-s.got:
			if !open {
				return all
			}
			if act, ok := f.(wire.Act); ok {
				all = append(all, fmt.Sprintf("%d %s", act.Seq, act.Payload))
			} else {
				all = append(all, fmt.Sprintf("bye %v", f.(wire.Bye).Reason))
			}
		default:
			return all
		}
	}
}

// closedWith is the code with which the client has closed the connection.
func (s *seat) closedWith(t *testing.T) wire.Code {
	t.Helper()
	<-s.conn.Context().Done()
	var closed *quic.ApplicationError
	require.ErrorAs(t, context.Cause(s.conn.Context()), &closed)
	require.True(t, closed.Remote)
	return wire.Code(closed.ErrorCode)
}

// settle lets everything happen that is under way.
func settle() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
}

// diary writes down what the Handler is told.
type diary struct {
	calling atomic.Bool // callbacks must not overlap
	mu      sync.Mutex
	lines   []string
	errs    []error
}

func (d *diary) note(format string, args ...any) {
	if !d.calling.CompareAndSwap(false, true) {
		panic("two callbacks at once")
	}
	defer d.calling.Store(false)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// take returns what was written down since the last call.
func (d *diary) take() []string {
	settle()
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

func (d *diary) handler() player.Handler {
	return player.Handler{
		Update:     func(payload []byte, reliable bool) { d.note("update %s %t", payload, reliable) },
		Durable:    func(seq uint64) { d.note("durable %d", seq) },
		Hold:       func(reason wire.Code) { d.note("hold %v", reason) },
		Reseated:   func(epoch, applied uint64) { d.note("reseated %d %d", epoch, applied) },
		Refused:    func(seq uint64, reason wire.Code, text string) { d.note("refused %d %v %s", seq, reason, text) },
		Pressure:   func(on bool) { d.note("pressure %t", on) },
		Protection: func(protected bool) { d.note("protection %t", protected) },
		Level:      func(level wire.Level, fidelity float64) { d.note("level %v %v", level, fidelity) },
		Lost: func(err error) {
			d.note("lost")
			d.mu.Lock()
			defer d.mu.Unlock()
			d.errs = append(d.errs, err)
		},
		Resumed: func() { d.note("resumed") },
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
