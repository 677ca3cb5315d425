package sidecar

import (
	"context"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// snapshotSender sends snapshots to one edge, on a stream of their own each, so
// that a large one does not hold up actions and acks. While one is under way
// only the newest of the others waits.
type snapshotSender struct {
	stream *stream
	next   chan *link.Sealed // one slot
	base   uint64            // index of the last one that was sent, of epoch
	epoch  uint64
	newest uint64 // index of the last one that was offered; guarded by region.mu
}

func newSnapshotSender(s *stream) *snapshotSender {
	return &snapshotSender{stream: s, next: make(chan *link.Sealed, 1)}
}

// offer replaces what waits. It never blocks; callers hold region.mu.
func (s *snapshotSender) offer(snap *link.Sealed) {
	select {
	case <-s.next:
	default:
	}
	s.next <- snap
	s.newest = snap.Head.SnapIndex
}

func (s *snapshotSender) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case snap := <-s.next:
			base := s.base
			if snap.Head.SnapEpoch != s.epoch {
				base = 0
			}
			if err := s.stream.conn.SendTo(ctx, snap, base); err != nil {
				return err
			}
			s.base, s.epoch = snap.Head.SnapIndex, snap.Head.SnapEpoch
		}
	}
}

// receiveSnapshots takes the snapshots that edges send on a link, one after the
// other: only what a take-over asked for comes this way.
func (l *life) receiveSnapshots(conn *link.Conn) {
	for {
		st, err := conn.AcceptUniStream(l.ctx)
		if err != nil {
			return
		}
		if err := l.receiveSnapshot(st); err != nil {
			st.CancelRead(quic.StreamErrorCode(wire.CodeBadSnapshot))
			l.sc.stats.refuse(wire.CodeOf(err))
			l.log.Warn("snapshot refused", "error", err)
			conn.Close(wire.CodeOf(err))
			return
		}
	}
}

func (l *life) receiveSnapshot(r io.Reader) error {
	head, snap, err := link.ReceiveSnapshot(r, l.sc.cfg.Snapshot.Bytes)
	if err != nil {
		return err
	}
	region := l.region(head.Region)
	if region == nil {
		return &wire.Error{Code: wire.CodeUnknownName, Detail: fmt.Sprintf("snapshot of region %q", head.Region)}
	}
	if head.Epoch != region.ourEpoch() {
		l.sc.stats.refuse(wire.CodeStaleEpoch)
		return nil
	}
	region.log.Info("snapshot fetched", "event", "restored", "epoch", head.Epoch, "bytes", head.Whole,
		"players", len(snap.Players), "index", snap.Index)
	region.restoreFrom(l.ctx, snap)
	return nil
}
