package proxy

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// backends keeps one link to every sidecar that any region's view lists: to
// primaries because actions go there, to backups so that a switch costs no
// handshake.
type backends struct {
	edge   *Edge
	roster *link.Roster[discovery.Server]
}

func newBackends(e *Edge) *backends {
	return &backends{edge: e, roster: link.NewRoster[discovery.Server]()}
}

// see notes which sidecars a region's view lists. A stale view changes nothing.
func (b *backends) see(region string, v discovery.View) {
	if !v.Stale {
		b.roster.List(region, v.ByIncarnation())
	}
}

// run starts and stops links as the views change, until ctx ends.
func (b *backends) run(ctx context.Context) error {
	return b.roster.Run(ctx, func(ctx context.Context, s discovery.Server) {
		be := &backend{edge: b.edge, server: s, log: b.edge.log.With("server", s.Name, "incarnation", s.Incarnation)}
		link.Keep(ctx, s.Address, b.edge.cfg.Link, be.serve, func(err error) { be.log.Debug("dial failed", "error", err) })
	})
}

// backend is the link to one incarnation of one sidecar.
type backend struct {
	edge   *Edge
	server discovery.Server
	log    *slog.Logger
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
