package proxy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const patience = 20 * time.Second

// mesh is a whole system in one synctest bubble: registry, sidecars with a game
// each, edges, on a simulated network in virtual time. QUIC, TLS, Consul's API
// and all of our own code are the real ones.
type mesh struct {
	t          *testing.T
	net        *network
	consul     *devconsul.Server
	broken     *devconsul.Faults // what everybody but the test asks in its place
	admin      *discovery.Client // which no fault concerns that is not Consul's own
	tls        *tls.Config
	edges      []*edge
	edge       *proxy.Edge // the first one, until it is started again
	addr       string      // of the first edge
	servers    []*server
	hosts      int
	more       []string                   // regions beside arena
	ticks      bool                       // the ledgers work in ticks
	world      func(s *server) game.World // in place of a ledger
	regional   func(s *server, region string) game.World
	change     func(name string, cfg *proxy.Config)
	log        *slog.Logger
	tracer     *trace.Tracer // of the sidecars; nil: they are not traced
	edgeTracer *trace.Tracer // of the controllers beside the edges
	violations atomic.Int32
	poisoned   atomic.Int32 // games that died of an action
	left       sync.Map     // the actions that were quarantined, as "player seq"
	closers    []func()     // in order of opening
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
	return newMeshAt(t, 0, change...)
}

// newMeshAt is a mesh whose Consul is so far away from everybody.
func newMeshAt(t *testing.T, away time.Duration, change ...func(*proxy.Config)) *mesh {
	t.Helper()
	m := &mesh{t: t, net: newNetwork(), tls: selfSigned(t), log: slog.New(slog.DiscardHandler)}
	if os.Getenv("RESEAT_TEST_LOG") != "" {
		m.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	m.log = slog.New(&clerk{m.log.Handler(), &m.left})
	m.consul = devconsul.New(devconsul.Options{})
	m.closers = append(m.closers, func() { m.consul.Close() })
	m.broken = devconsul.NewFaults(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(away) // virtual
		m.consul.ServeHTTP(w, r)
		time.Sleep(away)
	}))
	m.admin = m.client(devconsul.NewFaults(m.consul))
	m.change = func(_ string, cfg *proxy.Config) {
		for _, c := range change {
			c(cfg)
		}
	}
	m.addEdge()
	m.edge, m.addr = m.edges[0].edge, m.edges[0].addr
	return m
}

func (m *mesh) regions() []string { return append([]string{"arena"}, m.more...) }

func (m *mesh) close() {
	for i := range m.closers {
		m.closers[len(m.closers)-1-i]()
	}
}

func (m *mesh) host() host {
	m.hosts++
	return host{m.net, ip(m.hosts)}
}

// client talks to Consul through faults of its own.
func (m *mesh) client(faults *devconsul.Faults) *discovery.Client {
	c, err := discovery.New(discovery.Config{Address: "http://consul", Transport: devconsul.Transport(faults)}, m.log)
	require.NoError(m.t, err)
	m.closers = append(m.closers, func() { c.Close() })
	return c
}

// primary waits until the region is served in an epoch above after, and returns
// the server that does.
func (m *mesh) primary(after uint64) (*server, uint64) { return m.primaryOf("arena", after) }

func (m *mesh) primaryOf(region string, after uint64) (*server, uint64) {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		for _, s := range m.servers {
			if epoch := s.now().Serving(region); epoch > after {
				return s, epoch
			}
		}
		time.Sleep(time.Millisecond) // virtual
	}
	require.FailNow(m.t, "nobody serves")
	return nil, 0
}

// eventually waits for something to become true.
func (m *mesh) eventually(what string, ok func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) { // virtual
		require.True(m.t, time.Now().Before(deadline), what)
	}
}

// inSync is the published in-sync set.
func (m *mesh) inSync() discovery.InSync { return m.inSyncOf("arena") }

func (m *mesh) inSyncOf(region string) discovery.InSync {
	set, err := m.admin.InSync(m.t.Context(), region)
	require.NoError(m.t, err)
	return set
}

// guarded waits until n sidecars are in the in-sync set of each region.
func (m *mesh) guarded(n int) {
	m.t.Helper()
	for _, region := range m.regions() {
		m.eventually("in-sync set", func() bool { return len(m.inSyncOf(region).Members) == n })
	}
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
