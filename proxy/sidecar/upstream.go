package sidecar

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// upstream is a region stream to another sidecar. When that one is the primary of
// the highest epoch heard of, the region log comes this way.
type upstream struct {
	region      *region
	incarnation string
	conn        *link.Conn
	out         *pump.Buffer
	wake        pump.Waker // of out

	// Guarded by region.mu.
	said uint64 // what we said last that we have, in this epoch
	held bool   // it was said
	logs bool   // the log comes from where ours ends: it was compared
}

// upstreamQueue bounds what we say to a peer: some thousand small frames.
const upstreamQueue = 64 << 10

func newUpstream(r *region, conn *link.Conn, inc string) *upstream {
	out := pump.NewBuffer(upstreamQueue)
	u := &upstream{region: r, incarnation: inc, conn: conn, out: out, wake: out.Waker}
	role := wire.RoleBackup
	if !r.game().standby {
		role = wire.RoleStore
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = pump.Add(out, wire.Open{
		Version: wire.Version, Role: role, Region: r.name, Incarnation: r.life.id, To: inc, Epoch: r.promised,
		Session: r.life.session(),
	})
	r.upstreams[inc] = u
	return u
}

// run serves the stream until it or ctx ends, and returns why.
func (u *upstream) run(ctx context.Context, st *quic.Stream) error {
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { st.CancelRead(0); st.CancelWrite(0) })
	defer stop()
	heard := link.NewHeard(st)
	g.Go(func() error { return u.read(ctx, wire.NewReader(heard, wire.LinkRegion)) })
	g.Go(func() error { return pump.Run(ctx, st, u.wake, u) })
	err := g.Wait()
	r := u.region
	if code := wire.CodeOf(err); code != wire.CodeLinkClosed && code != wire.CodeNone && r.ctx.Err() == nil {
		r.stats.refuse(code)
		r.log.Error("stream to a peer broken", "event", "protocol", "peer", u.incarnation, "error", err)
		u.conn.Close(code)
	}
	why := link.Cause(context.Cause(u.conn.Context()))
	r.story.heard(u.incarnation, heard.At())
	r.story.heard(u.incarnation, time.Now().Add(-r.life.sc.cfg.Link.Stood(why)))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.upstreams[u.incarnation] == u {
		delete(r.upstreams, u.incarnation)
	}
	if r.leader == u {
		r.leader = nil
		if r.lost == failover.ReasonNone {
			r.lost = failover.Reason(why.String())
		}
		r.tellStanding()
	}
	return err
}

// Fill implements pump.Source: frames that wait, then, to the primary, how far our
// log goes, once, however many records made it so.
func (u *upstream) Fill(dst []byte) []byte {
	dst = u.out.Fill(dst)
	r := u.region
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leader != u || !r.ready() {
		return dst
	}
	if index, of := r.records.End(); !u.held || index != u.said {
		u.held, u.said = true, index
		dst = wire.Have{Epoch: r.promised, Index: index, Of: of}.Append(dst)
	}
	return dst
}

// ready tells whether what our log has counts: a newcomer's standby game must have
// the region, or it could not take over. A member's log counts while its game is
// away, and so it does while it loads. Nobody should begin to count on one that is
// leaving: it says nothing while there are others.
func (r *region) ready() bool {
	counted := r.member && r.view.Epoch >= r.promised
	return (counted || !r.leaves()) && (r.hosted || r.answers == 0 || r.member)
}

// leaves tells whether this server is to be emptied or to stop, and can be spared: who
// leads this region, or is about to, has others, or has never had us.
func (r *region) leaves() bool {
	others := len(r.view.InSync)
	if r.member {
		others--
	}
	return (r.draining || r.retiring) && others > 1 || r.retiring && !r.member
}

func (u *upstream) read(ctx context.Context, reader *wire.Reader) error {
	for {
		t, body, err := reader.Next()
		if err != nil {
			return err
		}
		if err := u.region.game().room(ctx); err != nil { // a standby that is slow slows the log down
			return err
		}
		if err := u.take(t, body); err != nil {
			return err
		}
	}
}

// take handles one frame.
func (u *upstream) take(t wire.Type, body []byte) error {
	r := u.region
	r.mu.Lock()
	defer r.mu.Unlock()
	switch t {
	case wire.TypeRecord: // the hot one
		var f wire.Record
		if err := f.Decode(body); err != nil || !u.follow(f.Epoch) {
			return err
		}
		return u.record(&f)
	case wire.TypeCommit:
		var f wire.Commit
		if err := f.Decode(body); err != nil || !u.follow(f.Epoch) {
			return err
		}
		return r.committed(f)
	case wire.TypeTruncate:
		var f wire.Truncate
		if err := f.Decode(body); err != nil || !u.follow(f.Epoch) {
			return err
		}
		u.truncate(f)
		return nil
	case wire.TypePulse:
		var f wire.Pulse
		if err := f.Decode(body); err != nil || !u.follow(f.Epoch) {
			return err
		}
		return pump.Add(u.out, f)
	}
	return u.decide(t, body)
}

// decide handles the frames that tell who is primary.
func (u *upstream) decide(t wire.Type, body []byte) error {
	r := u.region
	switch t {
	case wire.TypeOpened:
		var f wire.Opened
		if err := f.Decode(body); err != nil {
			return err
		}
		if f.Incarnation != u.incarnation {
			return &wire.Error{Code: wire.CodeNotServing, Detail: "another incarnation answers at this address"}
		}
	case wire.TypeElected:
		var f wire.Elected
		if err := f.Decode(body); err != nil {
			return err
		}
		u.elected(f.Epoch)
	case wire.TypeStale:
		var f wire.Stale
		if err := f.Decode(body); err != nil {
			return err
		}
		r.tryPost(failover.EpochHeard{Epoch: f.Epoch})
	case wire.TypeDown:
		var f wire.Down
		if err := f.Decode(body); err != nil {
			return err
		}
		why := failover.Reason(f.Reason.String())
		r.story.lastWord(u.incarnation, f.Epoch, why, f.Silent())
		if r.leader == u && f.Epoch == r.promised && r.lost == failover.ReasonNone {
			r.lost = why
			r.tellStanding()
		}
	case wire.TypeFree:
		var f wire.Free
		if err := f.Decode(body); err != nil {
			return err
		}
		if f.Next == 0 {
			r.tryPost(failover.Freed{Epoch: f.Epoch, Heir: f.Heir})
			return nil
		}
		u.inherit(f)
	case wire.TypeServing, wire.TypeGuard, wire.TypeReject: // for edges
	default:
		return &wire.Error{Code: wire.CodeUnknownType, Detail: fmt.Sprintf("frame %#x from a sidecar", uint64(t))}
	}
	return nil
}

// inherit takes the lock that the primary whom we follow has passed on to us, ahead of
// Consul's news, unless they are needed to know what the in-sync set is now.
func (u *upstream) inherit(f wire.Free) {
	r := u.region
	v := &r.view
	if r.leader != u || f.Epoch != r.promised || v.Epoch >= f.Next || !v.InSyncKnown || v.InSyncVersion != discovery.SetVersion(f.Before) {
		return
	}
	members := v.InSync
	if f.Left {
		members = slices.DeleteFunc(slices.Clone(members), func(inc string) bool { return inc == u.incarnation })
	}
	r.grant = failover.SetSeen{Members: members, Known: true, Version: discovery.SetVersion(f.After)}
	r.granted, r.inOrder = f.Next, true
	r.story.inherits(f.Next, f.Trace)
	r.tryPost(failover.Given{Epoch: f.Next})
}

// elected follows a primary of an epoch that is not below any that we have heard
// of, and tells it what we have.
func (u *upstream) elected(epoch uint64) {
	r := u.region
	if epoch < r.promised && !fault.Bug(fault.BackupAcceptsOldEpoch) {
		r.stats.refuse(wire.CodeStaleEpoch)
		_ = pump.Add(u.out, wire.Stale{Epoch: r.promised})
		return
	}
	r.promiseLocked(epoch)
	r.tryPost(failover.EpochHeard{Epoch: epoch})
	r.leader, u.held, u.logs = u, false, false
	r.led, r.lost = time.Now(), failover.ReasonNone
	u.wake.Wake()
}

// follow tells whether a frame is from the primary that we follow. A lower epoch
// is refused and counted.
func (u *upstream) follow(epoch uint64) bool {
	r := u.region
	switch {
	case epoch == r.promised && r.leader == u, fault.Bug(fault.BackupAcceptsOldEpoch):
		return true
	case epoch > r.promised:
		u.elected(epoch) // its word came by another road first
		return true
	case epoch < r.promised:
		r.stats.refuse(wire.CodeStaleEpoch)
		_ = pump.Add(u.out, wire.Stale{Epoch: r.promised})
	default:
		r.stats.refuse(wire.CodeNotServing)
	}
	return false
}

// record appends a record of the primary's log to ours. The same one again
// changes nothing; after a gap we say what we have.
func (u *upstream) record(f *wire.Record) error {
	r := u.region
	end := r.end()
	u.logs = true
	if f.Index <= end {
		return nil
	}
	if f.Index > end+1 {
		u.held = false
		u.wake.Wake()
		return nil
	}
	rec := buffer.Record{
		Epoch: f.Of, Kind: buffer.Kind(f.Kind), ID: f.ID, Seq: f.Seq, Number: f.Number, Payload: f.Payload,
	}
	r.records.Append(rec)
	r.note(f.Index, &rec)
	r.stats.received.Add(1)
	r.stats.receivedBytes.Add(uint64(len(f.Payload)))
	u.wake.Wake()
	return nil
}

// committed lets what is durable take effect here.
func (r *region) committed(f wire.Commit) error {
	r.commit = max(r.commit, min(f.Index, r.end()))
	if f.Index <= r.end() { // else the outcome of what was survived may be in what we lack
		r.safe = max(r.safe, f.Applied)
	}
	r.take(r.commit)
	if r.barred && r.commit == f.Index {
		r.barred = !r.tryPost(failover.Matched{})
	}
	return r.feedGame()
}

// truncate cuts our log to what it has in common with the primary's. What is
// durable is in both; a log that would lose it is worthless, and begins anew.
func (u *upstream) truncate(f wire.Truncate) {
	r := u.region
	u.logs = false
	at := r.records.EndOf(f.Index, f.Of)
	r.records.Truncate(at)
	r.feed.forget(at)
	r.stats.truncated.Add(1)
	if end, of := r.records.End(); end > f.Index || of > f.Of || at < r.commit {
		r.log.Warn("our log has nothing in common with the primary's: starting over", "event", "diverged",
			"end", end, "of", of, "common", f.Index, "commit", r.commit)
		if slices.Contains(r.view.InSync, r.life.id) { // as one that could be elected with nothing
			r.stats.refuse(wire.CodeProtocol)
			r.quit(&endError{wire.CodeProtocol, errContradiction})
		}
		r.records.Reset(0, 0, 0) // the snapshot that comes replaces the rest
		r.cutMarks = 0
	}
	u.held = false
	u.wake.Wake()
}

// copied installs a snapshot of the primary's, as its backup.
func (r *region) copied(ctx context.Context, conn *link.Conn, head wire.SnapshotHead, snap *buffer.Snapshot) {
	r.mu.Lock()
	u := r.leader
	switch {
	case u == nil || u.conn != conn || head.Epoch != r.promised || snap.Epoch != head.Epoch:
		r.mu.Unlock()
		r.stats.refuse(wire.CodeStaleEpoch)
		return
	case u.logs || r.covers(snap): // one of many
		if snap.Index <= r.commit { // else it may hold what a next primary does not have
			r.keep(snap)
		}
		r.mu.Unlock()
		return
	case r.life.sc.restores.bad(r.name, idOf(snap)):
		_ = pump.Add(u.out, wire.Reject{Epoch: r.promised, Seq: snap.Index, Reason: wire.CodeBadSnapshot, Text: "games died of it"})
		r.mu.Unlock()
		return
	}
	r.install(snap)
	fault.Point(fault.SnapshotHalfApplied)
	r.log.Info("snapshot copied", "event", "copied", "epoch", head.Epoch, "bytes", head.Whole, "players", len(snap.Players), "index", snap.Index)
	u.held = false
	u.wake.Wake()
	send := func(context.Context) {}
	if game := r.game(); game.standby {
		send = r.host(snap, true)
	}
	r.mu.Unlock()
	send(ctx)
}

// covers tells whether a snapshot is of a place in our log. The caller holds r.mu.
func (r *region) covers(snap *buffer.Snapshot) bool {
	end := r.end()
	return end > 0 && snap.Index >= r.base() && snap.Index <= end && r.records.ChainAt(snap.Index) == snap.Chain
}
