//go:build fault

package proxy_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// stage is a mesh with servers, each with an agent of Consul that can fail for it alone,
// and a player. The player has acted, and all of the servers are in sync.
type stage struct {
	*mesh
	v   *verdict
	ann *bot
}

// onStage plays a scenario with so many servers.
func onStage(n int, play func(s *stage)) func(*testing.T, *verdict) {
	return onStageWith(n, func(*mesh) {}, play)
}

// onStageWith is onStage on a mesh that is made ready first.
func onStageWith(n int, setup func(*mesh), play func(s *stage)) func(*testing.T, *verdict) {
	return func(t *testing.T, v *verdict) {
		t.Helper()
		inMesh(t, func(m *mesh) {
			s := &stage{mesh: m, v: v}
			defer func() {
				for _, o := range s.servers {
					o.consul.Heal()
				}
			}()
			setup(m)
			m.serve(n)
			s.ann = m.join("ann")
			s.ann.act(10)
			s.ann.settle()
			if n > 1 {
				s.guarded(n)
			}
			time.Sleep(1500 * time.Millisecond) // virtual: silence counts only against an epoch of some age
			play(s)
		})
	}
}

// roles are the primary and the others.
func (s *stage) roles() (primary *server, epoch uint64, others []*server) {
	primary, epoch = s.primary(0)
	for _, o := range s.servers {
		if o != primary {
			others = append(others, o)
		}
	}
	return primary, epoch, others
}

// sever makes packets between two servers vanish.
func (s *stage) sever(a, b *server) {
	s.net.sever(a.host.ip, b.host.ip, true)
	s.net.sever(b.host.ip, a.host.ip, true)
}

// crash ends a server for everybody else: its packets are refused, and Consul
// hears nothing of it.
func (s *stage) crash(dead ...*server) {
	for _, d := range dead {
		s.net.set(s.net.dead, d.host.ip, true)
		s.consulFails(d, "")
	}
}

// consulFails makes Consul fail for one server, for all paths with that prefix.
func (s *stage) consulFails(of *server, prefix string) {
	match := func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	of.consul.Break(devconsul.NoLeader, match)
}

func (s *stage) consulHeals(of *server) { of.consul.Heal() }

// serves tells whether the server serves within some time.
func (s *stage) serves(o *server, within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if o.now().Serving("arena") > 0 {
			return true
		}
	}
	return false
}

// byHand opens the region at a server as an edge would, and keeps what snapshots
// come.
func (s *stage) byHand(o *server, name string) (r *raw, epoch uint64) {
	open := openArena()
	open.Incarnation = name
	r = s.dialSidecar(o, open).keep()
	var f wire.Serving
	require.NoError(s.t, f.Decode(r.until(wire.TypeServing)))
	return r, f.Epoch
}

// attach brings a player in, by hand.
func (r *raw) attach(a wire.Attach) {
	r.send(a)
	r.until(wire.TypeAttached)
}

// heard takes all frames that have come until now.
func (r *raw) heard() (frames []frame) {
	for {
		select {
		case f, ok := <-r.frames:
			if !ok {
				return frames
			}
			frames = append(frames, f)
		default:
			return frames
		}
	}
}

// count is what the newest world of a server knows of a player.
func (s *server) count(player string) uint64 {
	s.mu.Lock()
	w := s.worlds[len(s.worlds)-1]
	s.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[player]
}

// ghost is a sidecar by hand, registered as any: edges and sidecars open their
// region streams on it, and it says on each what it likes.
type ghost struct {
	s       *stage
	streams chan *raw
}

func (s *stage) ghost() *ghost {
	host, g := s.host(), &ghost{s: s, streams: make(chan *raw, 16)}
	ln, err := link.Listen("", nil, link.Config{TLS: s.tls, Network: host})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	s.closers = append(s.closers, func() { cancel(); ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept(ctx)
			if err != nil {
				return
			}
			go g.serve(ctx, conn)
		}
	}()
	reg, err := s.client(s.broken).Register(ctx, discovery.Server{
		Incarnation: "ghost", Name: "ghost", Address: ln.Addr().String(), Regions: []string{"arena"},
	})
	require.NoError(s.t, err)
	go func() { _ = reg.Run(ctx) }()
	return g
}

func (g *ghost) serve(ctx context.Context, conn *link.Conn) {
	defer conn.Close(wire.CodeLeft)
	st, err := conn.AcceptStream(ctx)
	if err != nil {
		return
	}
	r := &raw{m: g.s.mesh, conn: conn.Conn, stream: st, frames: make(chan frame, 1024)}
	r.listen(wire.LinkRegion)
	r.send(wire.Opened{Version: wire.Version, Incarnation: "ghost", Epoch: 1})
	g.streams <- r
	select {
	case <-ctx.Done():
	case <-conn.Context().Done():
	}
}

// say sends frames to whoever has a stream from there, once they all have.
func (g *ghost) say(to string, frames ...interface{ Append([]byte) []byte }) {
	time.Sleep(time.Second) // virtual: everybody has dialed
	for len(g.streams) > 0 {
		r := <-g.streams
		from := r.conn.RemoteAddr().(*net.UDPAddr).IP.String()
		if from == to && r.conn.Context().Err() == nil {
			r.send(frames...)
		}
	}
}
