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
	return b.roster.Run(ctx, func(ctx context.Context, p *link.Peer[discovery.Server]) {
		be := &backend{edge: b.edge, peer: p, log: b.edge.log.With("server", p.Info.Name, "incarnation", p.Info.Incarnation)}
		link.Keep(ctx, p.Info.Address, b.edge.cfg.Link, be.serve, func(err error) { be.log.Debug("dial failed", "error", err) })
	})
}

// lastWords is how long a link may take to say why it ends.
const lastWords = 50 * time.Millisecond

// backend is the link to one incarnation of one sidecar.
type backend struct {
	edge *Edge
	peer *link.Peer[discovery.Server]
	log  *slog.Logger
}

// serve runs the region streams of one link until it ends: one for each region
// whose view lists the sidecar. When one of them breaks the link does: half a link
// is a state that nobody needs.
func (b *backend) serve(ctx context.Context, conn *link.Conn) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	stop := context.AfterFunc(conn.Context(), end)
	defer stop()
	var g errgroup.Group
	streams := &sync.Map{} // of *uplink by stream ID, for datagrams
	g.Go(func() error { b.receiveSnapshots(ctx, conn); return nil })
	g.Go(func() error { b.receiveDatagrams(conn, streams); return nil })
	_ = b.peer.Each(ctx, func(ctx context.Context, region string) error {
		return b.stream(ctx, conn, b.edge.regions[region], streams)
	})
	conn.Close(wire.CodeLeft)
	_ = g.Wait()
}

// stream runs the stream of one region. It returns nil if that has ended and the
// link is as good as before: it may be opened again.
func (b *backend) stream(ctx context.Context, conn *link.Conn, r *region, streams *sync.Map) error {
	u, st, err := openUplink(r, conn, b.peer.Info.Incarnation)
	if err != nil {
		return err
	}
	streams.Store(u.id, u)
	defer streams.Delete(u.id)
	r.opened(u)
	err = u.run(ctx, st)
	if ctx.Err() != nil && conn.Context().Err() == nil || link.Left(err) {
		r.closed(u, wire.CodeLeft)
		if r.wonders(u.incarnation) {
			r.heard(u.incarnation, b.lastWord(conn))
		}
		return nil
	}
	r.closed(u, b.cause(conn))
	return err
}

// lastWord waits a moment for a server that Consul lists no more, or that has left the
// region, to close the link, and returns why it did. Of the two that is sometimes the
// faster.
func (b *backend) lastWord(conn *link.Conn) wire.Code {
	select {
	case <-conn.Context().Done():
		return link.Cause(context.Cause(conn.Context()))
	case <-time.After(lastWords):
		return wire.CodeNone
	}
}

// cause waits a moment for the link to say why its stream ended.
func (b *backend) cause(conn *link.Conn) wire.Code {
	select {
	case <-conn.Context().Done():
	case <-time.After(lastWords):
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
