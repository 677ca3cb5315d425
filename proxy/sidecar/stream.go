package sidecar

import (
	"context"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// streamQueue bounds what waits for an edge to read it. An edge that lets so
// much gather is slow or gone: its link is closed, and it attaches again.
const streamQueue = 8 << 20

// stream is a region stream as its sidecar sees it.
type stream struct {
	region *region
	conn   *link.Conn
	id     quic.StreamID
	role   wire.Role
	peer   string // incarnation of the edge or backup
	// session is that of a backup in Consul; empty: it has not said.
	session string
	out     *pump.Buffer
	grams   *pump.Datagrams
	gram    []byte // scratch, guarded by region.mu
	snaps   *snapshotSender
	offer   uint64 // epoch in which it made its offer; owned by the reader

	// Guarded by region.mu.
	rows      map[uint64]*row // by the edge's handle
	confirmed uint64          // end of the newest snapshot that it keeps, of our epoch
	holds     bool            // it has confirmed one
	replica   replica         // of a backup
	left      bool            // a backup that has opened another one since
	load      wire.Load       // what it was told last
	heard     time.Time       // when the last pulse was sent that it has echoed
}

// serveStream serves one region stream until it closes. A frame that must not
// be there closes the stream's link: on a trusted link it is a bug, and the
// peer begins anew.
func serveStream(l *life, conn *link.Conn, st *quic.Stream) {
	reader := wire.NewReader(st, wire.LinkRegion)
	s, err := openStream(l, conn, st, reader)
	if wire.CodeOf(err) == wire.CodeUnknownName { // not yet, or not any more: the peer asks again while the region is ours
		l.sc.stats.refuse(wire.CodeUnknownName)
		leave(st)
		return
	}
	if err != nil {
		l.sc.stats.refuse(wire.CodeOf(err))
		l.log.Warn("region stream refused", "reason", wire.CodeOf(err).String(), "error", err)
		conn.Close(wire.CodeOf(err))
		return
	}
	g, ctx := errgroup.WithContext(s.region.ctx)
	stop := context.AfterFunc(ctx, func() {
		if s.region.ctx.Err() != nil && l.ctx.Err() == nil {
			leave(st) // the region is closed, and the link serves others
			return
		}
		st.CancelRead(0)
		st.CancelWrite(0)
	})
	g.Go(func() error { return s.read(ctx, reader) })
	g.Go(func() error { return pump.Run(ctx, st, s.out.Waker, s) })
	g.Go(func() error { return s.grams.Run(ctx, conn.SendDatagram) })
	g.Go(func() error { return s.snaps.run(ctx) })
	err = g.Wait()
	stop()
	s.region.closed(s)
	if code := wire.CodeOf(err); code != wire.CodeLinkClosed && code != wire.CodeNone && s.region.ctx.Err() == nil {
		l.sc.stats.refuse(code)
		l.log.Warn("region stream broken", "event", "protocol", "peer", s.peer, "reason", code.String(), "error", err)
		conn.Close(code)
	}
}

// leave closes one stream, and nothing else of the link.
func leave(st *quic.Stream) {
	st.CancelRead(quic.StreamErrorCode(wire.CodeLeft))
	st.CancelWrite(quic.StreamErrorCode(wire.CodeLeft))
}

func openStream(l *life, conn *link.Conn, st *quic.Stream, reader *wire.Reader) (*stream, error) {
	t, body, err := reader.Next()
	if err != nil {
		return nil, err
	}
	if t != wire.TypeOpen {
		return nil, &wire.Error{Code: wire.CodeNotHello, Detail: "the first frame of a region stream must be Open"}
	}
	var open wire.Open
	if err := open.Decode(body); err != nil {
		return nil, err
	}
	if open.Epoch > wire.MaxEpoch {
		return nil, &wire.Error{Code: wire.CodeProtocol, Detail: "an epoch that no region has lived to see"}
	}
	if open.To != l.id { // a process that was here before, or its own earlier life
		return nil, &wire.Error{Code: wire.CodeNotServing, Detail: "this is " + l.id + ", and not " + open.To}
	}
	r := l.region(open.Region)
	if r == nil {
		return nil, &wire.Error{Code: wire.CodeUnknownName, Detail: "region " + open.Region + " is not open here"}
	}
	s := &stream{
		region: r, conn: conn, id: st.StreamID(), role: open.Role, peer: open.Incarnation, session: open.Session,
		out: pump.NewBuffer(streamQueue), grams: pump.NewDatagrams(), rows: map[uint64]*row{},
	}
	s.snaps = newSnapshotSender(s)
	r.opened(s)
	if open.Epoch > 0 {
		r.post(failover.EpochHeard{Epoch: open.Epoch})
	}
	return s, nil
}

// opened greets a stream with all that its peer has missed.
func (r *region) opened(s *stream) {
	r.mu.Lock()
	if old := r.streamOf(s.peer); s.role.Backup() && old != nil {
		old.left = true // we have not heard of it yet
		delete(r.streams, old)
	}
	r.streams[s] = struct{}{}
	delete(r.dead, s.peer)
	s.add(wire.Opened{Version: wire.Version, Incarnation: r.life.id, Epoch: r.epoch, Serving: r.serving})
	switch leads := r.epoch > 0 && r.epoch == r.promised; {
	case s.role.Backup() && r.leading:
		s.add(wire.Elected{Epoch: r.epoch, Trace: r.trace})
		r.stepSet(failover.BackupUp{Incarnation: s.peer})
	case s.role.Backup():
	case r.serving:
		s.add(wire.Serving{Epoch: r.epoch, Protected: r.guarded, Trace: r.trace})
	case leads:
		s.add(wire.Elected{Epoch: r.epoch, Trace: r.trace})
	}
	r.mu.Unlock()
	if s.role == wire.RoleEdge {
		r.post(failover.EdgeUp{Edge: s.peer})
		r.cuts.join(s)
	}
}

// closed forgets a stream and detaches its players.
func (r *region) closed(s *stream) {
	r.mu.Lock()
	delete(r.streams, s)
	for _, row := range s.rows {
		if row.stream == s {
			r.detach(row, wire.CodeLinkClosed)
		}
	}
	if s.role.Backup() && r.leading && r.streamOf(s.peer) == nil {
		r.stepSet(failover.BackupGone{Incarnation: s.peer})
	}
	r.cuts.confirmedByAll()
	r.settle()
	r.mu.Unlock()
	if s.role == wire.RoleEdge {
		r.post(failover.EdgeDown{Edge: s.peer})
	}
}

// add queues a control frame. The caller holds region.mu or does not care for order.
func (s *stream) add(f pump.Frame) {
	if pump.Add(s.out, f) != nil {
		s.slow()
	}
}

// acked is add for the frame that is sent most: it does not allocate.
func (s *stream) acked(f wire.Acked) {
	if pump.Add(s.out, f) != nil {
		s.slow()
	}
}

func (s *stream) slow() {
	s.region.stats.refuse(wire.CodeSlow)
	go s.conn.Close(wire.CodeSlow) // not under the region's lock
}

// send queues an update: a reliable one on the stream, one that may be lost as
// a datagram if it fits. The caller holds region.mu.
func (s *stream) send(o wire.Output) {
	if o.Reliable || len(o.Payload) > wire.MaxDatagram {
		if pump.Add(s.out, o) != nil {
			s.slow()
		}
		return
	}
	s.gram = o.Append(link.AppendDatagram(s.gram[:0], s.id))
	s.grams.Put(s.gram)
}

func (s *stream) read(ctx context.Context, reader *wire.Reader) error {
	for {
		t, body, err := reader.Next()
		if err != nil {
			return err
		}
		if err := s.region.game().room(ctx); err != nil { // back-pressure: the game reads slowly
			return err
		}
		if err := s.take(t, body); err != nil {
			return err
		}
	}
}

// says tells whether a peer of that role may send a frame of that type.
func says(role wire.Role, t wire.Type) bool {
	switch t {
	case wire.TypeAction, wire.TypeAttach, wire.TypeDetach, wire.TypeConfirm, wire.TypeOffer, wire.TypeEnter, wire.TypeDeparted:
		return role == wire.RoleEdge
	case wire.TypeHave, wire.TypeReject:
		return role.Backup()
	}
	return true
}

// take handles one frame from the peer.
func (s *stream) take(t wire.Type, body []byte) error {
	r := s.region
	if !says(s.role, t) {
		return &wire.Error{Code: wire.CodeUnknownType, Detail: fmt.Sprintf("frame %v of another role's from %s", t, s.peer)}
	}
	switch t {
	case wire.TypeAction:
		var f wire.Action
		if err := f.Decode(body); err != nil {
			return err
		}
		return r.action(s, f)
	case wire.TypeAttach:
		var f wire.Attach
		if err := f.Decode(body); err != nil {
			return err
		}
		return r.attach(s, f)
	case wire.TypeEnter:
		var f wire.Enter
		if err := f.Decode(body); err != nil {
			return err
		}
		return r.enter(s, f)
	case wire.TypeDeparted:
		var f wire.Departed
		if err := f.Decode(body); err != nil {
			return err
		}
		r.departed(s, f)
	case wire.TypeDetach:
		var f wire.Detach
		if err := f.Decode(body); err != nil {
			return err
		}
		r.detached(s, f)
	case wire.TypeConfirm:
		var f wire.Confirm
		if err := f.Decode(body); err != nil {
			return err
		}
		return r.confirm(s, f)
	case wire.TypeHave:
		var f wire.Have
		if err := f.Decode(body); err != nil {
			return err
		}
		return r.have(s, f)
	case wire.TypePulse:
		var f wire.Pulse
		if err := f.Decode(body); err != nil {
			return err
		}
		r.echoed(s, f)
	case wire.TypeReject:
		var f wire.Reject
		if err := f.Decode(body); err != nil {
			return err
		}
		r.refused(s, f)
	case wire.TypeOffer:
		var f wire.Offer
		if err := f.Decode(body); err != nil {
			return err
		}
		r.offered(s, f)
	case wire.TypeSuspect:
		var f wire.Suspect
		if err := f.Decode(body); err != nil {
			return err
		}
		r.stats.heard.Add(1)
		r.post(failover.Witness{From: s.peer, Suspicion: failover.Suspicion{
			Epoch: f.Epoch, Session: f.Session, Incarnation: f.Incarnation, Reason: failover.Reason(f.Reason.String()),
		}})
	case wire.TypeStale:
		var f wire.Stale
		if err := f.Decode(body); err != nil {
			return err
		}
		r.post(failover.EpochHeard{Epoch: f.Epoch})
	default:
		return &wire.Error{Code: wire.CodeUnknownType, Detail: fmt.Sprintf("frame %#x from %s", uint64(t), s.peer)}
	}
	return nil
}

// streamOf is the stream of a backup, or nil. The caller holds r.mu.
func (r *region) streamOf(inc string) *stream {
	for s := range r.streams {
		if s.role.Backup() && s.peer == inc {
			return s
		}
	}
	return nil
}

// offered passes an edge's offer on, unless games have died of that snapshot; the
// edge offers the one before it too.
func (r *region) offered(s *stream, f wire.Offer) {
	if f.Epoch < r.ourEpoch() {
		return // an answer to an earlier epoch's question
	}
	if r.life.sc.restores.bad(r.name, snapID{f.SnapEpoch, f.SnapIndex}) {
		r.log.Error("games died of this snapshot: looking for another one", "event", "bad_snapshot",
			"snapshot_epoch", f.SnapEpoch, "index", f.SnapIndex)
		r.stats.refuse(wire.CodeBadSnapshot)
		return
	}
	if s.offer == f.Epoch {
		return // the one before the newest: not needed
	}
	s.offer = f.Epoch
	r.post(failover.Offered{Edge: s.peer, Epoch: f.SnapEpoch, Index: f.SnapIndex})
}

// refused is a backup's word that it cannot take a snapshot: it gets the next one.
func (r *region) refused(s *stream, f wire.Reject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.leading || f.Epoch != r.epoch || !s.role.Backup() || s.replica.matched {
		return
	}
	s.replica.copying = 0
	r.cuts.wanted = true
	r.cuts.wake.Wake()
}
