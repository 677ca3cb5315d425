package proxy_test

import (
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
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// mesh is a whole system in one process, on real sockets: registry, sidecars
// with a game each, one edge.
type mesh struct {
	t       *testing.T
	consul  *devconsul.Server
	address string
	tls     *tls.Config
	edge    *proxy.Edge
	addr    string
	servers map[string]*server
	log     *slog.Logger
}

// server is a sidecar with its game.
type server struct {
	sidecar  *sidecar.Sidecar
	stop     context.CancelFunc
	killGame context.CancelFunc // ends the game as a crash would: its socket closes
	done     chan struct{}
	mu       sync.Mutex
	worlds   []*ledger
}

func newMesh(t *testing.T, change ...func(*proxy.Config)) *mesh {
	m := &mesh{t: t, servers: map[string]*server{}, tls: selfSigned(t), log: slog.New(slog.DiscardHandler)}
	if os.Getenv("RESEAT_TEST_LOG") != "" {
		m.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	m.consul = devconsul.New(devconsul.Options{})
	web := httptest.NewServer(m.consul)
	m.address = web.URL
	t.Cleanup(func() { web.CloseClientConnections(); web.Close() })

	cfg := proxy.Config{
		Name: "edge", Regions: []string{"arena"}, Listen: "127.0.0.1:0", PlayerTLS: m.tls, LinkTLS: m.tls,
		Discovery: m.discovery(), Log: m.log, Link: testLink(),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	m.edge, err = proxy.NewEdge(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); require.NoError(t, m.edge.Run(ctx)) }()
	t.Cleanup(func() { cancel(); <-done })
	addr, err := m.edge.Addr(ctx)
	require.NoError(t, err)
	m.addr = addr.String()
	return m
}

// testLink is patient: under -race on a busy machine a second is short.
func testLink() link.Config { return link.Config{Idle: 2 * time.Second} }

func (m *mesh) discovery() *discovery.Client {
	c, err := discovery.New(discovery.Config{Address: m.address}, m.log)
	require.NoError(m.t, err)
	return c
}

// serve starts a sidecar with a game beside it.
func (m *mesh) serve(name string) *server {
	socket := "unix:" + filepath.Join(m.t.TempDir(), name+".sock")
	sc, err := sidecar.New(sidecar.Config{
		Name: name, Regions: []string{"arena"}, Listen: "127.0.0.1:0",
		Game: sidecar.GameConfig{Socket: socket, BeatTimeout: 5 * time.Second, RestartMin: 10 * time.Millisecond},
		Link: testLink(), ServerTLS: m.tls, ClientTLS: m.tls, Discovery: m.discovery(), Log: m.log.With("sidecar", name),
	})
	require.NoError(m.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{sidecar: sc, done: make(chan struct{})}
	gameCtx, kill := context.WithCancel(ctx)
	s.stop, s.killGame = cancel, kill
	go func() { defer close(s.done); require.NoError(m.t, sc.Run(ctx)) }()
	_, err = sc.Addr(ctx)
	require.NoError(m.t, err)
	go s.play(gameCtx, socket)
	m.t.Cleanup(func() { cancel(); <-s.done })
	m.servers[name] = s
	return s
}

// play runs the game once; a crash is a closed socket.
func (s *server) play(ctx context.Context, socket string) {
	_ = game.Run(ctx, game.Config{Address: socket, New: func(string) game.World {
		w := &ledger{counts: map[string]uint64{}}
		s.mu.Lock()
		s.worlds = append(s.worlds, w)
		s.mu.Unlock()
		return w
	}})
}

func (s *server) serves() bool { return s.sidecar.Stats().Takeovers > 0 }

// primary waits for the one server that serves and has not been killed.
func (m *mesh) primary(except ...*server) *server {
	var found *server
	require.Eventually(m.t, func() bool {
	next:
		for _, s := range m.servers {
			for _, e := range except {
				if s == e {
					continue next
				}
			}
			if s.serves() {
				found = s
				return true
			}
		}
		return false
	}, patience, 5*time.Millisecond)
	return found
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
	out.Send(a.Player, fmt.Appendf(nil, "%d:%s", n, a.Payload))
	out.BroadcastUnreliable([]byte("tick"))
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
	mu      sync.Mutex
	answers []string
	durable uint64
	lost    int
	holds   int
	seats   int
}

func (m *mesh) join(name string) *bot {
	b := &bot{}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	count := func(n *int) { b.mu.Lock(); *n++; b.mu.Unlock() }
	c, err := player.Dial(ctx, player.Config{
		Edges: []string{m.addr}, Region: "arena", Player: name, TLS: m.tls, Log: m.log,
		Handler: player.Handler{
			Update: func(p []byte, reliable bool) {
				if reliable {
					b.mu.Lock()
					b.answers = append(b.answers, string(p))
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
	m.t.Cleanup(func() { _ = c.Close() })
	return b
}

func (b *bot) act(t *testing.T, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range n {
		_, err := b.Act(ctx, fmt.Appendf(nil, "a%d", i))
		require.NoError(t, err)
	}
}

// settle waits until everything that the bot sent is durable.
func (b *bot) settle(t *testing.T, upTo uint64) {
	require.Eventually(t, func() bool { return b.Durable() >= upTo }, patience, 5*time.Millisecond,
		"durable %d of %d", b.Durable(), upTo)
}

func selfSigned(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, NextProtos: []string{wire.ALPN}, MinVersion: tls.VersionTLS13,
	}
}
