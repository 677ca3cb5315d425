package sidecar

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// peers keeps one link to every other sidecar of our regions: to primaries,
// because logs come from there; to backups, so that one that is elected has us at
// once, and because a dead one is noticed by its link.
type peers struct {
	life   *life
	roster *link.Roster[discovery.Server]
}

func newPeers(l *life) *peers {
	return &peers{life: l, roster: link.NewRoster[discovery.Server]()}
}

// see notes which other sidecars a region's view lists.
func (p *peers) see(region string, v discovery.View) {
	others := v.ByIncarnation()
	maps.DeleteFunc(others, func(inc string, s discovery.Server) bool {
		return inc == p.life.id || s.Address == *p.life.sc.addr.Load() // an earlier life of ours
	})
	p.roster.List(region, others)
}

// run starts and stops links as the views change, until ctx ends.
func (p *peers) run(ctx context.Context) error {
	cfg := p.life.sc.cfg.Link
	cfg.TLS = p.life.sc.cfg.ClientTLS
	return p.roster.Run(ctx, func(ctx context.Context, entry *link.Peer[discovery.Server]) {
		s := entry.Info
		peer := &peer{life: p.life, entry: entry, server: s, log: p.life.log.With("peer", s.Incarnation)}
		link.Keep(ctx, s.Address, cfg, peer.serve, func(err error) { peer.suspect(link.Cause(err)) })
	})
}

// peer is the link to one incarnation of another sidecar.
type peer struct {
	life   *life
	entry  *link.Peer[discovery.Server]
	server discovery.Server
	log    *slog.Logger
}

// serve runs the region streams of one link until it ends.
func (p *peer) serve(parent context.Context, conn *link.Conn) {
	ctx, end := context.WithCancel(parent)
	defer end()
	stop := context.AfterFunc(conn.Context(), end)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { p.receiveSnapshots(ctx, conn); return nil })
	_ = p.entry.Each(ctx, func(ctx context.Context, region string) error { return p.stream(ctx, conn, region) })
	if parent.Err() != nil {
		conn.Close(wire.CodeLeft)
	}
	conn.Close(wire.CodeLinkClosed) // half a link is a state that nobody needs
	_ = g.Wait()
	if parent.Err() == nil {
		why := link.Cause(context.Cause(conn.Context()))
		p.log.Debug("link to a peer ended", "reason", why.String())
		p.suspect(why)
	}
}

// stream runs the stream of one region. It returns nil if that has ended and the
// link is as good as before.
func (p *peer) stream(ctx context.Context, conn *link.Conn, region string) error {
	r := p.life.region(region)
	if r == nil {
		return nil // closed at this moment
	}
	st, err := conn.OpenStream()
	if err != nil {
		return err
	}
	u := newUpstream(r, conn, p.server.Incarnation)
	err = u.run(ctx, st)
	if ctx.Err() != nil && conn.Context().Err() == nil || link.Left(err) {
		return nil
	}
	return cmp.Or(err, errStreamEnded)
}

var errStreamEnded = errors.New("the stream has ended")

// suspect tells everybody who decides that this peer looks dead to us, if it is
// the primary of a region and could not say so itself.
func (p *peer) suspect(why wire.Code) {
	reason := failover.Reason(why.String())
	if !reason.Witnessed() || p.life.vigil.Slept(p.life.sc.cfg.Link.IdleTime()) {
		return // it may be us who were away
	}
	for _, r := range p.life.hosting.list() {
		r.suspect(p.server.Incarnation, reason)
		if reason == failover.ReasonRefused {
			r.refusedBy(p.server.Incarnation)
		}
	}
}

// refusedBy notes that nobody listens where a server was: if it is in the set, it is
// not waited for. The link that it has dialed to us, which the kernel tells nothing of,
// is closed; were it alive, it would dial again.
func (r *region) refusedBy(inc string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead[inc] = true
	if s := r.streamOf(inc); s != nil && s.conn != nil {
		go s.conn.Close(wire.CodeRefusedUDP) // not under the region's lock
		return                               // its end says that the backup is gone
	}
	if r.leading {
		r.stepSet(failover.MemberDead{Incarnation: inc})
	}
}

// suspect is a word against the holder of the region's lock, for ourselves and
// for the other backups.
func (r *region) suspect(inc string, reason failover.Reason) {
	r.mu.Lock()
	h := r.view.Primary
	if h == nil || h.Incarnation != inc {
		r.mu.Unlock()
		return
	}
	r.stats.reported.Add(1)
	s := failover.Suspicion{Epoch: h.Epoch, Session: h.Session, Incarnation: inc, Reason: reason}
	code, _ := wire.ParseCode(string(reason))
	for other, u := range r.upstreams {
		if other != inc {
			_ = pump.Add(u.out, wire.Suspect{Epoch: s.Epoch, Reason: code, Session: s.Session, Incarnation: inc})
		}
	}
	r.tellStanding()
	r.mu.Unlock()
	r.post(failover.Witness{From: r.life.id, Suspicion: s})
}

// tellStanding tells those who may take over how long our log is. The caller
// holds r.mu.
func (r *region) tellStanding() {
	index, of := r.records.End()
	if index == 0 {
		return
	}
	r.tryPost(failover.Standing{From: r.life.id, Epoch: of, Index: index})
	for _, u := range r.upstreams {
		_ = pump.Add(u.out, wire.Have{Epoch: r.promised, Index: index, Of: of})
	}
}

// probe makes the link to a peer say what it knows: a packet to a dead process
// is refused at once, where the next keep-alive may be some time off.
func (r *region) probe(inc string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u := r.upstreams[inc]; u != nil {
		_ = pump.Add(u.out, wire.Stale{Epoch: r.promised}) // full: packets are on their way
	}
}

// accept judges a snapshot by its head.
func (p *peer) accept(head wire.SnapshotHead) error {
	r := p.life.region(head.Region)
	if r == nil {
		return &wire.Error{Code: wire.CodeUnknownName, Detail: "a snapshot of a region that is not configured here"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leader == nil || r.leader.incarnation != p.server.Incarnation || head.Epoch != r.promised {
		r.stats.refuse(wire.CodeStaleEpoch)
		return &wire.Error{Code: wire.CodeStaleEpoch, Detail: "a snapshot of a primary that we do not follow"}
	}
	return nil
}

// receiveSnapshots takes the snapshots that a primary sends to us as its backup.
func (p *peer) receiveSnapshots(ctx context.Context, conn *link.Conn) {
	receiver := &link.Receiver{Limit: p.life.sc.cfg.Snapshot.Bytes, Accept: p.accept}
	for {
		st, err := conn.AcceptUniStream(ctx)
		if err != nil {
			return
		}
		head, snap, err := receiver.Receive(st)
		if r := p.life.region(head.Region); err == nil && r != nil {
			r.copied(r.ctx, conn, head, snap)
		}
		if errors.Is(err, link.ErrBase) {
			p.life.sc.stats.refuse(wire.CodeBadSnapshot)
		}
		if err == nil || errors.Is(err, link.ErrBase) || wire.CodeOf(err) == wire.CodeStaleEpoch {
			continue // it comes whole, or is nobody's any more
		}
		if conn.Context().Err() == nil {
			p.life.sc.stats.refuse(wire.CodeOf(err))
			p.log.Warn("snapshot refused", "error", err)
			conn.Close(wire.CodeBadSnapshot)
		}
		return
	}
}
