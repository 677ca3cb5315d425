package proxy_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const patience = 20 * time.Second

// mesh is a whole system in one synctest bubble: registry, sidecars with a game
// each, one edge, on a simulated network in virtual time. QUIC, TLS, Consul's
// API and all of our own code are the real ones.
type mesh struct {
	t       *testing.T
	net     *network
	consul  *devconsul.Server
	tls     *tls.Config
	edge    *proxy.Edge
	addr    string
	servers []*server
	hosts   int
	ticks   bool                              // the worlds work in ticks
	world   func(*server, *ledger) game.World // nil: a ledger
	front   func(http.Handler) http.Handler   // what a client has between it and the registry; nil: nothing
	log     *slog.Logger
	closers []func() // in order of opening
}

// inMesh runs test in a bubble with a registry and an edge, and takes everything
// down in the end; the bubble then finds every goroutine that stays.
func inMesh(t *testing.T, test func(m *mesh), change ...func(*proxy.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, change...)
		defer m.close()
		test(m)
	})
}

func newMesh(t *testing.T, change ...func(*proxy.Config)) *mesh {
	t.Helper()
	m := &mesh{t: t, net: newNetwork(), tls: selfSigned(t), log: slog.New(slog.DiscardHandler)}
	if os.Getenv("RESEAT_TEST_LOG") != "" {
		m.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	m.consul = devconsul.New(devconsul.Options{})
	m.closers = append(m.closers, func() { m.consul.Close() })
	cfg := proxy.Config{
		Name: "edge", Regions: []string{"arena"}, PlayerTLS: m.tls, LinkTLS: m.tls,
		Discovery: m.discovery(), Log: m.log, Link: link.Config{Network: m.host()},
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	m.edge, err = proxy.NewEdge(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.edge.Run(ctx) }()
	m.closers = append(m.closers, func() { cancel(); require.NoError(t, <-done) })
	addr, err := m.edge.Addr(ctx)
	require.NoError(t, err)
	m.addr = addr.String()
	return m
}

func (m *mesh) close() {
	for i := range m.closers {
		m.closers[len(m.closers)-1-i]()
	}
}

func (m *mesh) host() host {
	m.hosts++
	return host{m.net, ip(m.hosts)}
}

func (m *mesh) discovery() *discovery.Client {
	var registry http.Handler = m.consul
	if m.front != nil {
		registry = m.front(registry)
	}
	c, err := discovery.New(discovery.Config{Address: "http://consul", Transport: devconsul.Transport(registry)}, m.log)
	require.NoError(m.t, err)
	m.closers = append(m.closers, func() { c.Close() })
	return c
}

// server is a sidecar with its game.
type server struct {
	mesh    *mesh
	host    host
	sidecar *sidecar.Sidecar
	stop    func()
	socket  *pipes

	mu     sync.Mutex
	kill   context.CancelFunc // ends the game as a crash would: its socket closes
	worlds []*ledger
}

// serve starts sidecars with a game beside each.
func (m *mesh) serve(n int) {
	for range n {
		m.start("")
	}
}

// start is serve for one of a name; "": its address.
func (m *mesh) start(name string) *server {
	s := &server{mesh: m, host: m.host(), socket: newPipes()}
	sc, err := sidecar.New(sidecar.Config{
		Name: cmp.Or(name, s.host.ip), Regions: []string{"arena"},
		Game: sidecar.GameConfig{Listener: s.socket},
		Link: link.Config{Network: s.host}, ServerTLS: m.tls, ClientTLS: m.tls,
		Discovery: m.discovery(), Log: m.log.With("sidecar", s.host.ip),
	})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(m.t.Context())
	var g errgroup.Group
	g.Go(func() error { return sc.Run(ctx) })
	g.Go(func() error { s.supervise(ctx); return nil })
	s.sidecar = sc
	s.stop = sync.OnceFunc(func() { cancel(); require.NoError(m.t, g.Wait()) })
	m.closers = append(m.closers, s.stop)
	m.servers = append(m.servers, s)
	return s
}

// supervise starts the game again whenever it has died.
func (s *server) supervise(ctx context.Context) {
	for ctx.Err() == nil {
		gctx, kill := context.WithCancel(ctx)
		s.mu.Lock()
		s.kill = kill
		s.mu.Unlock()
		_ = game.Run(gctx, game.Config{Dial: s.socket.dial, Log: s.mesh.log, New: func(string) game.World {
			w := &ledger{counts: map[string]uint64{}}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.worlds = append(s.worlds, w)
			if s.mesh.world != nil {
				return s.mesh.world(s, w)
			}
			if s.mesh.ticks {
				return tickLedger{w}
			}
			return w
		}})
		kill()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (s *server) killGame() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

// primary waits until a region is served in an epoch above after, and returns
// the server that does.
func (m *mesh) primary(after uint64) (*server, uint64) {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		for _, s := range m.servers {
			if epoch := s.sidecar.Serving("arena"); epoch > after {
				return s, epoch
			}
		}
		time.Sleep(time.Millisecond) // virtual
	}
	require.FailNow(m.t, "nobody serves")
	return nil, 0
}

// ledger is a world that counts each player's actions and answers each with
// the count: a lost, doubled or reordered action shows in the answer.
type ledger struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func (l *ledger) Apply(out *game.Out, a game.Action) {
	l.mu.Lock()
	l.counts[a.Player]++
	n := l.counts[a.Player]
	l.mu.Unlock()
	out.Send(a.Player, fmt.Appendf(nil, "%d", n))
	out.BroadcastUnreliable([]byte("tick"))
	if string(a.Payload) == "shout" {
		out.Broadcast(make([]byte, 8<<10))
	}
}

// tickLedger is the same game in ticks.
type tickLedger struct{ *ledger }

func (l tickLedger) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		l.Apply(out, a)
	}
}

func (l *ledger) Snapshot(dst []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, n := range l.counts {
		dst = binary.AppendUvarint(dst, uint64(len(p)))
		dst = append(dst, p...)
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func (l *ledger) Restore(state []byte) error {
	for len(state) > 0 {
		n, k := binary.Uvarint(state)
		p := string(state[k : k+int(n)])
		state = state[k+int(n):]
		c, k := binary.Uvarint(state)
		state = state[k:]
		l.counts[p] = c
	}
	return nil
}

// bot is a player who remembers what he was told.
type bot struct {
	*player.Client
	mesh *mesh

	mu      sync.Mutex
	answers []string
	sent    uint64
	lost    int
	holds   int
	seats   int
	told    int
}

func (m *mesh) join(name string) *bot {
	b := &bot{mesh: m}
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	count := func(n *int) { b.mu.Lock(); *n++; b.mu.Unlock() }
	c, err := player.Dial(ctx, player.Config{
		Edges: []string{m.addr}, Region: "arena", Player: name, TLS: m.tls, Log: m.log, Transport: m.transport(),
		Handler: player.Handler{
			Update: func(p []byte, reliable bool) {
				if reliable {
					b.mu.Lock()
					b.answers = append(b.answers, string(p))
					b.told++
					b.mu.Unlock()
				}
			},
			Hold:     func(wire.Code) { count(&b.holds) },
			Reseated: func(uint64, uint64) { count(&b.seats) },
			Lost:     func(error) { count(&b.lost) },
		},
	})
	require.NoError(m.t, err)
	b.Client = c
	m.closers = append(m.closers, func() { _ = c.Close() })
	return b
}

// transport is a player's socket.
func (m *mesh) transport() *quic.Transport {
	socket, _ := m.host().Listen("")
	tr := &quic.Transport{Conn: socket}
	m.closers = append(m.closers, func() { _ = tr.Close(); _ = socket.Close() })
	return tr
}

// act hands in n actions, and settle waits until all of the bot's are durable.
func (b *bot) act(n int) {
	ctx, cancel := context.WithTimeout(b.mesh.t.Context(), patience)
	defer cancel()
	for range n {
		seq, err := b.Act(ctx, []byte("act"))
		require.NoError(b.mesh.t, err)
		b.sent = seq
	}
}

// shout makes the world send 8 KiB to every player.
func (b *bot) shout() {
	seq, err := b.Act(b.mesh.t.Context(), []byte("shout"))
	require.NoError(b.mesh.t, err)
	b.sent = seq
}

func (b *bot) settle() {
	deadline := time.Now().Add(patience)
	for b.Durable() < b.sent {
		require.True(b.mesh.t, time.Now().Before(deadline), "durable %d of %d", b.Durable(), b.sent)
		time.Sleep(time.Millisecond) // virtual
	}
}

// heard reads one of the bot's counters.
func (b *bot) heard(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *n
}

// last is the newest answer: the world's count of this bot's actions.
func (b *bot) last() string {
	time.Sleep(50 * time.Millisecond) // virtual: what is under way arrives
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answers[len(b.answers)-1]
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, NextProtos: []string{wire.ALPN}, MinVersion: tls.VersionTLS13,
	}
}
