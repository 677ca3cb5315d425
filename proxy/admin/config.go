package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/controller"
	"github.com/reseat-proxy/reseat/proxy/journal"
)

// DefaultListen is where the API of an edge is, unless it is told otherwise.
const DefaultListen = "127.0.0.1:7700"

// minToken is the shortest token in bytes: 128 bits in hexadecimal.
const minToken = 32

// Source tells of the mesh: a discovery.MeshWatch does.
type Source interface {
	Subscribe() (meshes <-chan discovery.Mesh, stop func())
}

// Edge is the edge that this API belongs to: a proxy.Edge. Its methods do not wait.
type Edge interface {
	Status() proxy.Status
	Stats() proxy.Counters
	Kept(region string) buffer.Stats
	Waits(region string) proxy.Waits
	Failovers() []proxy.Failover
	ForgetFailovers()
	Events() *journal.Reader[proxy.Event]
}

// Controller decides for the mesh, here or elsewhere. Servers are incarnations.
// What only the controller can do is answered with a controller.ElsewhereError by the others.
type Controller interface {
	// Status is the mesh as the controller sees it, or, when leads is false, as
	// everybody can. It does not wait.
	Status() (status mesh.Status, leads bool)
	Drain(ctx context.Context, server string) error
	Undrain(ctx context.Context, server string) error
	Move(ctx context.Context, region, server string) error
}

// Tester is what tests ask the controller for, besides.
type Tester interface {
	// Want makes these regions regions of the mesh.
	Want(ctx context.Context, regions []WantedRegion) error
	// Reset forgets the failures that the level comes from.
	Reset(ctx context.Context) error
}

// Faults breaks servers on purpose. A server is an incarnation, kind one of kill,
// freeze and cut; the last two end after d.
type Faults interface {
	Strike(ctx context.Context, server, kind string, d time.Duration) error
}

// Config says what the API shows, and to whom.
type Config struct {
	Listen string // TCP address; if empty, DefaultListen
	// Listener is what is listened on already, at Listen; nil: Run listens. Run closes it.
	Listener net.Listener
	Token    string      // bearer token; required unless Listen is a loopback address
	TLS      *tls.Config // likewise
	Pprof    bool        // serve /debug/pprof
	Test     bool        // serve what breaks things on purpose

	Source     Source
	Edge       Edge
	Controller Controller
	Edges      func(context.Context) ([]discovery.EdgeServer, error) // who is registered; nil: nobody asks
	Consul     func() discovery.Stats                                // nil: not shown
	Work       func() controller.Stats                               // of the controller; nil: not shown
	Tester     Tester                                                // with Test; nil: regions are only waited for
	Faults     Faults                                                // with Test; nil: only drains can be simulated
	Page       http.Handler                                          // the live page; nil: there is none

	Log *slog.Logger
}

func (c Config) check() (Config, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Source == nil || c.Edge == nil || c.Controller == nil {
		return c, errors.New("admin: source, edge and controller are required")
	}
	return c, CheckReach(c.Listen, c.Token != "", c.TLS != nil)
}

// CheckReach refuses an address that other machines can reach without a token, or
// without TLS to carry it.
func CheckReach(listen string, token, tls bool) error {
	host, _, err := net.SplitHostPort(listen)
	switch {
	case err != nil:
		return fmt.Errorf("admin: %q is not an address: write host:port, as %s", listen, DefaultListen)
	case loopback(host) || token && tls:
		return nil
	case !token && !tls:
		return fmt.Errorf("admin: %s is open to other machines: set admin.token_file and admin.tls_cert with admin.tls_key, or listen on 127.0.0.1", listen)
	case !token:
		return fmt.Errorf("admin: %s is open to other machines, and anybody could drain servers there: set admin.token_file, or listen on 127.0.0.1", listen)
	}
	return fmt.Errorf("admin: %s is open to other machines, and the token would cross the network in the clear: set admin.tls_cert and admin.tls_key, or listen on 127.0.0.1", listen)
}

// loopback tells whether only this machine can reach host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// ReadToken reads the token in a file that only its owner may read.
func ReadToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("admin: token file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("admin: token file %s can be read by others (mode %04o): chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("admin: token file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("admin: token file %s must hold one word of at least %d bytes: make one with `openssl rand -hex 32`", path, minToken)
	}
	return token, nil
}
