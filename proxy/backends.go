package proxy

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// backends keeps one link to every sidecar that any region's view lists: to
// primaries because actions go there, to backups so that a switch costs no
// handshake.
type backends struct {
	edge *Edge
	wake chan struct{} // one slot

	mu    sync.Mutex // guards the fields below
	views map[string][]discovery.Server
}

func newBackends(e *Edge) *backends {
	return &backends{edge: e, wake: make(chan struct{}, 1), views: map[string][]discovery.Server{}}
}

// see notes which sidecars a region's view lists. A stale view changes nothing.
func (b *backends) see(region string, v discovery.View) {
	if v.Stale {
		return
	}
	b.mu.Lock()
	b.views[region] = v.Servers
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// wanted lists the sidecars of all views by incarnation.
func (b *backends) wanted() map[string]discovery.Server {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]discovery.Server{}
	for _, servers := range b.views {
		for _, s := range servers {
			out[s.Incarnation] = s
		}
	}
	return out
}

// run starts and stops links as the views change, until ctx ends.
func (b *backends) run(ctx context.Context) error {
	var g errgroup.Group
	running := map[string]context.CancelFunc{}
	defer func() {
		for _, stop := range running {
			stop()
		}
		_ = g.Wait()
	}()
	for {
		wanted := b.wanted()
		for inc, stop := range running {
			if _, ok := wanted[inc]; !ok {
				stop()
				delete(running, inc)
			}
		}
		for inc, server := range wanted {
			if running[inc] == nil {
				bctx, stop := context.WithCancel(ctx)
				running[inc] = stop
				be := &backend{edge: b.edge, server: server, log: b.edge.log.With("server", server.Name, "incarnation", inc)}
				g.Go(func() error { be.run(bctx); return nil })
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.wake:
		}
	}
}

// backend is the link to one incarnation of one sidecar.
type backend struct {
	edge   *Edge
	server discovery.Server
	log    *slog.Logger
}

// run dials, serves, and dials again for as long as the sidecar is listed.
func (b *backend) run(ctx context.Context) {
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), // a new incarnation is there at once
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	for {
		began := time.Now()
		conn, err := link.Dial(ctx, b.server.Address, b.edge.cfg.Link)
		if err == nil {
			b.serve(ctx, conn)
		} else {
			b.log.Debug("dial failed", "error", err)
		}
		if time.Since(began) > time.Second {
			delay.Reset()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay.NextBackOff()):
		}
	}
}

// serve runs the region streams of one link until it ends. When one of them
// ends the link does: half a link is a state that nobody needs.
func (b *backend) serve(ctx context.Context, conn *link.Conn) {
	var g errgroup.Group
	streams := sync.Map{} // of *uplink by stream ID, for datagrams
	for _, name := range b.server.Regions {
		r := b.edge.regions[name]
		if r == nil {
			continue
		}
		u, st, err := openUplink(r, conn, b.server.Incarnation)
		if err != nil {
			break
		}
		streams.Store(u.id, u)
		r.opened(u)
		g.Go(func() error {
			_ = u.run(ctx, st)
			if ctx.Err() != nil {
				conn.Close(wire.CodeLeft)
			}
			why := b.cause(conn)
			r.closed(u, why)
			return nil
		})
	}
	g.Go(func() error { b.receiveSnapshots(ctx, conn); return nil })
	g.Go(func() error { b.receiveDatagrams(conn, &streams); return nil })
	_ = g.Wait()
	conn.Close(wire.CodeLeft)
}

// cause waits a moment for the link to say why its stream ended.
func (b *backend) cause(conn *link.Conn) wire.Code {
	select {
	case <-conn.Context().Done():
	case <-time.After(50 * time.Millisecond):
		conn.Close(wire.CodeLinkClosed)
	}
	return link.Cause(context.Cause(conn.Context()))
}

// accept judges a snapshot by its head.
func (b *backend) accept(head wire.SnapshotHead) error {
	if b.edge.regions[head.Region] == nil {
		return &wire.Error{Code: wire.CodeUnknownName, Detail: "a snapshot of a region that is not served here"}
	}
	return nil
}

func (b *backend) receiveSnapshots(ctx context.Context, conn *link.Conn) {
	receiver := &link.Receiver{Limit: b.edge.cfg.Limits.SnapshotBytes, Accept: b.accept}
	for {
		st, err := conn.AcceptUniStream(ctx)
		if err != nil {
			return
		}
		head, snap, err := receiver.Receive(st)
		if err == nil {
			b.edge.regions[head.Region].takeSnapshot(conn, head.Epoch, snap)
			continue
		}
		if errors.Is(err, link.ErrBase) {
			continue // it comes whole
		}
		if conn.Context().Err() != nil {
			return
		}
		b.edge.stats.refuse(wire.CodeBadSnapshot)
		b.log.Error("snapshot refused", "region", head.Region, "error", err)
		conn.Close(wire.CodeBadSnapshot)
		return
	}
}

func (b *backend) receiveDatagrams(conn *link.Conn, streams *sync.Map) {
	for {
		data, err := conn.ReceiveDatagram(conn.Context())
		if err != nil {
			return
		}
		id, frames, ok := link.SplitDatagram(data)
		u, _ := streams.Load(id)
		if !ok || u == nil {
			continue
		}
		for len(frames) > 0 {
			t, body, rest, err := wire.Parse(frames, wire.LinkRegion)
			if err != nil || t != wire.TypeOutput || u.(*uplink).take(t, body) != nil {
				b.edge.stats.refuse(wire.CodeProtocol)
				break
			}
			frames = rest
		}
	}
}
