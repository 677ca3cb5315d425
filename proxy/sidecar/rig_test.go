package sidecar

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	require.TestingT
	Helper()
}

// rig is one region of one sidecar without its goroutines, its network and its
// Consul: what they would do, a test does by hand. The game is what its queue
// holds.
type rig struct {
	t tb
	*region
	game *gameLink
	up   *upstream // to whom it follows as a backup
}

func newRig(t tb, id string) *rig {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	client, err := discovery.New(discovery.Config{}, log)
	require.NoError(t, err)
	timing := failover.DefaultTiming()
	timing.Grace = 1
	s, err := New(Config{
		Regions: []string{"arena"}, Discovery: client, Timing: timing,
		ServerTLS: &tls.Config{}, ClientTLS: &tls.Config{}, //nolint:gosec // never used
	})
	require.NoError(t, err)
	l := newLife(context.Background(), s)
	l.id = id
	l.reg.Store(new(discovery.Registration)) // its lease is over: see speak
	game := &gameLink{out: pump.NewBuffer(gameQueue), standby: true, ctx: l.ctx, end: l.end}
	l.game.Store(game)
	r := &rig{t: t, game: game}
	r.region = l.hosting.add("arena", func(id uint64, again bool) *region { return newRegion(l, "arena", id, s.floorOf("arena"), again) })
	r.hosted = true
	return r
}

// speak gives the region a lease that lasts.
func (r *rig) speak() { r.lease.renew(time.Now().Add(time.Hour)) }

// elect makes the region primary of an epoch with what it has. The others of its
// in-sync set must have a record for it to be durable.
func (r *rig) elect(epoch uint64, others ...string) {
	r.lead(epoch)
	r.speak()
	r.grant = failover.SetSeen{Members: append([]string{r.life.id}, others...), Known: true}
	r.promote(context.Background())
	r.serving = r.leading
	r.consul()
}

// consul lets every change of the in-sync set succeed.
func (r *rig) consul() {
	r.t.Helper()
	for {
		select {
		case c := <-r.changes:
			r.mu.Lock()
			r.stepSet(failover.SetSeen{Members: c.Members, Known: !c.Clear})
			r.mu.Unlock()
			continue
		case <-r.events: // nobody decides here
			continue
		default:
		}
		require.NoError(r.t, context.Cause(r.ctx), "the incarnation or the game ended")
		return
	}
}

// stream opens a region stream of a peer.
func (r *rig) stream(role wire.Role, peer string) *stream {
	s := &stream{
		region: r.region, role: role, peer: peer, rows: map[uint64]*row{},
		out: pump.NewBuffer(streamQueue), grams: pump.NewDatagrams(),
	}
	s.snaps = newSnapshotSender(s)
	r.opened(s)
	return s
}

// backup opens the stream of a backup that has the whole log, or says so.
func (r *rig) backup(peer string) *stream {
	s := r.stream(wire.RoleBackup, peer)
	s.replica.matched, s.replica.match, s.replica.next = true, r.end(), r.end()+1
	return s
}

// follow makes the rig a backup of whoever sends it frames in that epoch.
func (r *rig) follow(epoch uint64) {
	r.up = newUpstream(r.region, nil, "primary")
	r.mu.Lock()
	r.up.elected(epoch)
	r.mu.Unlock()
}

// hear is a frame of the primary's.
func (r *rig) hear(f pump.Frame) error {
	t, body := split(r.t, f.Append(nil))
	return r.up.take(t, body)
}

// records gives the rig a log as a backup has it.
func (r *rig) receive(records ...buffer.Record) {
	r.t.Helper()
	for _, rec := range records {
		require.NoError(r.t, r.hear(wire.Record{
			Epoch: r.promised, Index: r.end() + 1, Of: rec.Epoch, Kind: uint64(rec.Kind),
			ID: rec.ID, Seq: rec.Seq, Number: rec.Number, Payload: rec.Payload,
		}))
	}
}

// cutNow is a cut as the game would answer it: asked for and answered at once.
func (r *rig) cutNow(index uint64, state string) (*buffer.Snapshot, error) {
	r.cuts.n++
	require.True(r.t, r.ask(r.game, wire.Cut{ID: r.id, N: r.cuts.n}))
	head := wire.CutDone{ID: r.id, N: r.cuts.n, Index: index, Size: uint64(len(state))}
	r.cutBegun(head)
	r.cuts.fresh = nil
	err := r.cuts.seal(cutResult{head, []byte(state)})
	if r.cuts.newest == nil {
		return nil, err
	}
	return opened(r.t, r.cuts.newest), err
}

// opened is a sealed snapshot as its receiver has it.
func opened(t tb, s *link.Sealed) *buffer.Snapshot {
	var b bytes.Buffer
	_, err := s.WriteTo(&b)
	require.NoError(t, err)
	_, snap, err := link.ReceiveSnapshot(&b, wire.MaxSnapshot)
	require.NoError(t, err)
	return snap
}

// split is one frame's type and body.
func split(t tb, encoded []byte) (wire.Type, []byte) {
	typ, body, err := wire.NewReader(bytes.NewReader(encoded), wire.LinkRegion).Next()
	require.NoError(t, err)
	return typ, append([]byte(nil), body...)
}

// each calls do with every frame of some bytes.
func each(encoded []byte, kind wire.Link, do func(wire.Type, []byte)) {
	reader := wire.NewReader(bytes.NewReader(encoded), kind)
	for {
		t, body, err := reader.Next()
		if err != nil {
			return
		}
		do(t, append([]byte(nil), body...))
	}
}

// attach is the record with which a player gets a row.
func attach(epoch, id, number uint64, player, token, next string) buffer.Record {
	return buffer.Record{Epoch: epoch, Kind: buffer.KindAttach, ID: id, Number: number, Payload: buffer.AppendAttach(nil,
		buffer.Attachment{Player: player, Token: []byte(token), Next: []byte(next)})}
}

func action(epoch, id, seq uint64) buffer.Record {
	return buffer.Record{Epoch: epoch, Kind: buffer.KindAction, ID: id, Seq: seq, Payload: []byte("act")}
}

// arrival is the record with which a player comes from another region.
func arrival(epoch, id, have, hop uint64, player string) buffer.Record {
	return buffer.Record{Epoch: epoch, Kind: buffer.KindArrive, ID: id, Seq: have, Payload: buffer.AppendArrival(nil, buffer.Arrival{
		Attachment: buffer.Attachment{Player: player, Next: []byte("next")}, Number: hop, Hop: hop, From: "sea", Baggage: []byte("gold"),
	})}
}

// left is the record with which a player leaves in a call with the action at an
// index, with his actions up to have applied and nothing on the way.
func left(epoch, id, index, have, hop uint64) buffer.Record {
	return departs(epoch, id, index, index, true, nil, buffer.Parcel{Hop: hop, Have: have, Last: have})
}

func departs(epoch, id, from, to uint64, outcome bool, delta []byte, p buffer.Parcel) buffer.Record {
	p.Baggage = []byte("gold")
	return buffer.Record{Epoch: epoch, Kind: buffer.KindDepart, ID: id, Seq: from, Number: to, Payload: buffer.AppendDeparture(nil,
		buffer.Departure{Outcome: outcome, Region: "sea", Delta: delta, Parcel: buffer.AppendParcel(nil, p)})}
}

// The rig itself: a cold region is founded, plays, cuts, and its edge confirms.
func TestRig(t *testing.T) {
	r := newRig(t, "a")
	r.hosted = false
	r.lead(1)
	r.speak()
	r.found(t.Context())
	r.hasHosted(wire.Hosted{ID: 1, OK: true})
	r.announce(1)
	edge := r.stream(wire.RoleEdge, "edge")
	require.NoError(t, r.attach(edge, wire.Attach{Epoch: 1, Handle: 5, Player: "ann"}))
	require.NoError(t, r.action(edge, wire.Action{Epoch: 1, Handle: 5, Seq: 1}))
	r.finished(3)
	snap, err := r.cutNow(3, "state")
	require.NoError(t, err)
	require.Equal(t, []buffer.PlayerMark{{Player: "ann", ID: 1, Attach: 1, Applied: 1}}, snap.Players)
	require.Zero(t, r.commit)
	require.NoError(t, r.confirm(edge, wire.Confirm{Epoch: 1, Index: snap.Outcome}))
	require.EqualValues(t, 3, r.commit)
	require.Equal(t, snap.Index, r.kept[0].Index)
	r.consul()
}
