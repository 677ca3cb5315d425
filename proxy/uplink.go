package proxy

import (
	"context"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// uplinkQueue bounds the control frames that wait for a sidecar to read
	// them: attaches of some ten thousand players, or a hundred players who come
	// from other regions with all that they can carry. A sidecar that lets so much
	// gather is as good as dead: its link is closed.
	uplinkQueue = 16 << 20
	// quantum is how many actions of one player leave before the next player's.
	quantum = 16
)

// uplink is a region stream to one sidecar: to the primary or, warm and nearly
// silent, to a backup.
type uplink struct {
	region      *region
	incarnation string
	conn        *link.Conn
	id          quic.StreamID
	wake        pump.Waker
	heard       *link.Heard

	// Guarded by region.mu.
	control []byte           // frames that wait
	early   *buffer.Snapshot // it came before the Serving of its epoch
	closing bool
	trace   string    // traceparent of its take-over, as it told last
	downAt  time.Time // it has stopped serving, and was well until then; zero: it has not
}

// openUplink opens the region's stream on a link and announces it.
func openUplink(r *region, conn *link.Conn, incarnation string) (*uplink, *quic.Stream, error) {
	st, err := conn.OpenStream()
	if err != nil {
		return nil, nil, err
	}
	u := &uplink{region: r, incarnation: incarnation, conn: conn, id: st.StreamID(), wake: pump.NewWaker(), heard: link.NewHeard(st)}
	r.mu.Lock()
	defer r.mu.Unlock()
	u.add(wire.Open{
		Version: wire.Version, Role: wire.RoleEdge, Region: r.name, Incarnation: r.edge.id, To: incarnation,
		Epoch: r.machine.Promised(),
	})
	return u, st, nil
}

// run serves the stream until it or ctx ends.
func (u *uplink) run(ctx context.Context, st *quic.Stream) error {
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { st.CancelRead(0); st.CancelWrite(0) })
	defer stop()
	g.Go(func() error { return u.read(wire.NewReader(u.heard, wire.LinkRegion)) })
	g.Go(func() error { return pump.Run(ctx, st, u.wake, u) })
	err := g.Wait()
	if code := wire.CodeOf(err); code != wire.CodeLinkClosed && code != wire.CodeNone {
		u.region.edge.stats.refuse(code)
		u.region.log.Error("region stream broken", "event", "protocol", "primary", u.incarnation, "error", err)
		u.conn.Close(code)
	}
	return err
}

// add queues a control frame. The caller holds region.mu.
func (u *uplink) add(f pump.Frame) {
	u.control = f.Append(u.control)
	if len(u.control) > uplinkQueue && !u.closing {
		u.closing = true
		go u.conn.Close(wire.CodeSlow) // not under the region's lock
	}
	u.wake.Wake()
}

// Fill implements pump.Source: control frames, then, when this is the primary,
// actions from the logs that have any, in turn.
func (u *uplink) Fill(dst []byte) []byte {
	r := u.region
	r.mu.Lock()
	defer r.mu.Unlock()
	dst = append(dst, u.control...)
	u.control = u.control[:0]
	if r.serving != u {
		return dst
	}
	epoch := r.machine.Epoch()
	for len(dst) < pump.Batch {
		log := r.buf.NextReady()
		if log == nil {
			break
		}
		s := log.Owner.(*session)
		handle, suspect := s.handle, s.suspect
		for range quantum {
			a, ok := log.Next()
			if !ok {
				break
			}
			f := wire.Action{Epoch: epoch, Handle: handle, Seq: a.Seq, Suspect: a.Seq <= suspect, Payload: a.Payload}
			if fault.Bug(fault.EdgeReplaysInMapOrder) {
				dst = append(f.Append(nil), dst...)
				continue
			}
			dst = f.Append(dst)
		}
		r.buf.Requeue(log)
	}
	return dst
}

// read takes the sidecar's frames until the stream ends.
func (u *uplink) read(reader *wire.Reader) error {
	defer u.region.wakePlayers()
	for {
		if !reader.Buffered() {
			u.region.wakePlayers()
		}
		t, body, err := reader.Next()
		if err != nil {
			return err
		}
		switch t {
		case wire.TypeDepart: // these concern two regions
			u.region.wakePlayers() // who goes is not found here afterwards
			err = u.depart(body)
		case wire.TypeEntered:
			err = u.entered(body)
		default:
			err = u.take(t, body)
		}
		if err != nil {
			return err
		}
	}
}

// take handles one frame. Those that belong to a primary's epoch count only
// from the primary that we follow, in that epoch.
func (u *uplink) take(t wire.Type, body []byte) error {
	r := u.region
	r.mu.Lock()
	defer r.mu.Unlock()
	switch t {
	case wire.TypeOutput:
		var f wire.Output
		if err := f.Decode(body); err != nil {
			return err
		}
		if u.fresh(f.Epoch) {
			r.output(f)
		}
		return nil
	case wire.TypeAcked:
		var f wire.Acked
		if err := f.Decode(body); err != nil || !u.fresh(f.Epoch) {
			return err
		}
		return r.acked(f)
	case wire.TypeAttached:
		var f wire.Attached
		if err := f.Decode(body); err != nil || !u.fresh(f.Epoch) {
			return err
		}
		return r.attached(f)
	case wire.TypeGap:
		var f wire.Gap
		if err := f.Decode(body); err != nil || !u.fresh(f.Epoch) {
			return err
		}
		return r.gap(f)
	case wire.TypeReject:
		var f wire.Reject
		if err := f.Decode(body); err != nil || !u.fresh(f.Epoch) {
			return err
		}
		r.reject(f)
		return nil
	default:
		return u.decide(t, body)
	}
}

// decide handles the frames that decide who is primary.
func (u *uplink) decide(t wire.Type, body []byte) error {
	r := u.region
	switch t {
	case wire.TypeOpened:
		var f wire.Opened
		if err := f.Decode(body); err != nil {
			return err
		}
		if f.Epoch > wire.MaxEpoch {
			return &wire.Error{Code: wire.CodeProtocol, Detail: "an epoch that no region has lived to see"}
		}
		if f.Incarnation != u.incarnation {
			return &wire.Error{Code: wire.CodeNotServing, Detail: "another incarnation answers at this address"}
		}
		r.stepLocked(failover.EpochHeard{Epoch: f.Epoch})
	case wire.TypeElected:
		var f wire.Elected
		if err := f.Decode(body); err != nil {
			return err
		}
		r.stepLocked(failover.ElectedHeard{Incarnation: u.incarnation, Epoch: f.Epoch})
		r.tellElected(u.incarnation, f.Epoch, f.Trace)
	case wire.TypeServing:
		var f wire.Serving
		if err := f.Decode(body); err != nil {
			return err
		}
		u.trace, u.downAt = f.Trace, time.Time{}
		r.stepLocked(failover.ServingHeard{Incarnation: u.incarnation, Epoch: f.Epoch})
		if r.serving == u {
			r.guard(wire.Guard{Epoch: f.Epoch, Protected: f.Protected})
		}
	case wire.TypeDown:
		var f wire.Down
		if err := f.Decode(body); err != nil {
			return err
		}
		u.downAt = time.Now().Add(-f.Silent())
		why := failover.Reason(f.Reason.String())
		r.stepLocked(failover.DownHeard{Incarnation: u.incarnation, Epoch: f.Epoch, Reason: why})
		r.learn(u.incarnation, why)
	case wire.TypeGuard:
		var f wire.Guard
		if err := f.Decode(body); err != nil {
			return err
		}
		if u.fresh(f.Epoch) {
			r.guard(f)
		}
	case wire.TypeLoad:
		var f wire.Load
		if err := f.Decode(body); err != nil {
			return err
		}
		if u.fresh(f.Epoch) {
			r.loaded(f)
		}
	case wire.TypePulse:
		var f wire.Pulse
		if err := f.Decode(body); err != nil {
			return err
		}
		if u.fresh(f.Epoch) {
			u.add(f)
		}
	case wire.TypeStale:
		var f wire.Stale
		if err := f.Decode(body); err != nil {
			return err
		}
		r.stepLocked(failover.EpochHeard{Epoch: f.Epoch})
	case wire.TypeFetch:
		var f wire.Fetch
		if err := f.Decode(body); err != nil {
			return err
		}
		return u.fetch(f)
	default:
		return &wire.Error{Code: wire.CodeUnknownType, Detail: fmt.Sprintf("frame %#x from a sidecar", uint64(t))}
	}
	return nil
}

// well is when the sidecar was known to be so last: by its own word, by what it said,
// or because its link stood.
func (u *uplink) well(lost failover.Reason) time.Time {
	stood := time.Now().Add(-u.region.edge.cfg.Link.Stood(reasonCode(lost)))
	switch at := u.heard.At(); {
	case !u.downAt.IsZero():
		return u.downAt
	case at.After(stood):
		return at
	default:
		return stood
	}
}

// fresh tells whether a frame is from the primary that serves, in its epoch.
// What is not is counted and dropped: a deposed primary is harmless here.
func (u *uplink) fresh(epoch uint64) bool {
	r := u.region
	if r.serving == u && r.machine.Epoch() == epoch || fault.Bug(fault.EdgeAcceptsOldEpoch) {
		return true
	}
	r.edge.stats.stale.Add(1)
	if epoch < r.machine.Promised() {
		u.add(wire.Stale{Epoch: r.machine.Promised()})
	}
	return false
}
