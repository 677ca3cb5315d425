package certs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clocked is a reloader whose clock the test moves, and its log.
type clocked struct {
	*reloader
	clock time.Time
	log   bytes.Buffer
}

func newClocked(t *testing.T, f Files) *clocked {
	t.Helper()
	r, err := newReloader(f, f.load)
	require.NoError(t, err)
	c := &clocked{reloader: r, clock: time.Now()}
	r.now = func() time.Time { return c.clock }
	r.looked = c.clock

	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&c.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return c
}

// after is the name on the certificate that is in use some time later.
func (c *clocked) after(d time.Duration) string {
	c.clock = c.clock.Add(d)
	return c.current().Leaf.Subject.CommonName
}

// logged is what was logged since the last call, in lines.
func (c *clocked) logged() int {
	defer c.log.Reset()
	return strings.Count(c.log.String(), "\n")
}

func named(name string) leafNames { return leafNames{common: name} }

func TestReload(t *testing.T) {
	f := newFiles(t)
	ca := newCA(t, f.CA)
	ca.issue(t, f, named("first"))
	r := newClocked(t, f)

	ca.issue(t, f, named("second"))
	require.Equal(t, "first", r.after(lookEvery-1), "not looked at yet")
	require.Equal(t, "second", r.after(1))
	require.Contains(t, r.log.String(), "certificate reloaded")
	require.Equal(t, 1, r.logged())

	require.Equal(t, "second", r.after(time.Hour))
	require.Zero(t, r.logged(), "nothing has changed")
}

func TestReloadKeepsTheOldOne(t *testing.T) {
	f := newFiles(t)
	ca := newCA(t, f.CA)
	ca.issue(t, f, named("good"))
	r := newClocked(t, f)

	// Half-way through a change: a new certificate with the old key.
	key, err := os.ReadFile(f.Key)
	require.NoError(t, err)
	ca.issue(t, f, named("new"))
	newKey, err := os.ReadFile(f.Key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.Key, key, 0o600))
	require.Equal(t, "good", r.after(time.Second))
	require.Equal(t, "good", r.after(time.Second))
	require.Contains(t, r.log.String(), "private key does not match")
	require.Equal(t, 1, r.logged(), "said once, not with every look")

	// Gone, for a moment.
	require.NoError(t, os.Remove(f.Key))
	require.Equal(t, "good", r.after(time.Second))
	require.Equal(t, 1, r.logged(), "another trouble")

	// There, and exposed. What heals it changes neither time nor size.
	require.NoError(t, os.WriteFile(f.Key, newKey, 0o600))
	require.NoError(t, os.Chmod(f.Key, 0o644))
	require.Equal(t, "good", r.after(time.Second))
	require.NoError(t, os.Chmod(f.Key, 0o600))
	require.Equal(t, "new", r.after(time.Second))

	// An expired one is no better than the one in use.
	require.NoError(t, remake(f, time.Now().Add(-devLife-time.Hour), named("expired")))
	require.Equal(t, "new", r.after(time.Second))
	require.Contains(t, r.log.String(), "expired on")
}

// A link reloads with the checks of its start.
func TestReloadOfLink(t *testing.T) {
	f := newFiles(t)
	ca := newCA(t, f.CA)
	ca.issue(t, f, linkNames(RoleServer))
	_, r, err := link(f)
	require.NoError(t, err)
	now := time.Now()
	r.now = func() time.Time { now = now.Add(time.Second); return now }
	newCA(t, newFiles(t).CA).issue(t, f, linkNames(RoleEdge))
	require.Equal(t, []string{roleName(RoleServer)}, r.current().Leaf.DNSNames, "of another CA")
	ca.issue(t, f, linkNames(RoleEdge))
	require.Equal(t, []string{roleName(RoleEdge)}, r.current().Leaf.DNSNames)
}

// Connections go on while certificates change under them.
func TestReloadDuringHandshakes(t *testing.T) {
	f := newFiles(t)
	ca := newCA(t, f.CA)
	ca.issue(t, f, publicNames)
	r := newClocked(t, f)
	var mu sync.Mutex
	r.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		r.clock = r.clock.Add(time.Second) // every handshake looks
		return r.clock
	}
	player, err := PlayerClient(f.CA)
	require.NoError(t, err)
	server := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: r.server}

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				c, s := shake(player, server)
				if err := errors.Join(c, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		ca.issue(t, f, publicNames)
	}
	wg.Wait()
	want, err := f.load(time.Now())
	require.NoError(t, err)
	require.Equal(t, want.Leaf.SerialNumber, r.current().Leaf.SerialNumber, "the last one is in use")
}

func TestHooksAgree(t *testing.T) {
	set := newSet(t)
	r, err := newReloader(set.Edge, set.Edge.load)
	require.NoError(t, err)
	one, err := r.server(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	two, err := r.client(&tls.CertificateRequestInfo{})
	require.NoError(t, err)
	require.Same(t, one, two)
}
