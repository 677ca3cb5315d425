package proxy_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// dialSidecar opens a region stream by hand, as an edge would, well or badly.
func (m *mesh) dialSidecar(s *server, open wire.Open) *raw {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	addr, err := s.sidecar.Addr(ctx)
	require.NoError(m.t, err)
	conn, err := link.Dial(ctx, addr, link.Config{TLS: m.tls, Network: m.host()})
	require.NoError(m.t, err)
	m.closers = append(m.closers, func() { conn.Close(wire.CodeLeft) })
	st, err := conn.OpenStreamSync(ctx)
	require.NoError(m.t, err)
	r := &raw{m: m, conn: conn.Conn, stream: st, frames: make(chan frame, 1024)}
	r.listen(wire.LinkRegion)
	if open.To == "" {
		at, _ := s.now().Position("arena", 0)
		open.To = at.Incarnation
	}
	r.send(open)
	return r
}

// keep takes and confirms the snapshots of the primary, as an edge must for
// anything to become durable where no backup is.
func (r *raw) keep() *raw {
	receiver := &link.Receiver{Limit: wire.MaxSnapshot}
	go func() {
		for {
			st, err := r.conn.AcceptUniStream(r.conn.Context())
			if err != nil {
				return
			}
			if _, snap, err := receiver.Receive(st); err == nil {
				_, _ = r.stream.Write(wire.Confirm{Epoch: snap.Epoch, Index: snap.Outcome}.Append(nil))
			}
		}
	}()
	return r
}

func openArena() wire.Open {
	return wire.Open{Version: wire.Version, Role: wire.RoleEdge, Region: "arena", Incarnation: "by-hand"}
}

// What an edge may say wrongly without harm: each is answered, nothing is applied.
func TestPrimaryRefusesWithoutEffect(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		s, epoch := m.primary(0)
		r := m.dialSidecar(s, openArena()).keep()
		r.until(wire.TypeServing)
		attach := func(handle, number, durable uint64) {
			r.send(wire.Attach{
				Epoch: epoch, Handle: handle, Number: number, Durable: durable, Player: "ann", Next: []byte("first"),
			})
		}
		attach(7, 0, 0)
		var at wire.Attached
		require.NoError(t, at.Decode(r.until(wire.TypeAttached)))
		require.Equal(t, wire.Attached{Epoch: epoch, Handle: 7, Number: 1}, at)

		act := func(epoch, handle, seq uint64) {
			r.send(wire.Action{Epoch: epoch, Handle: handle, Seq: seq, Payload: []byte("x")})
		}
		act(epoch, 7, 1)
		act(epoch, 7, 1) // a repeat
		act(epoch, 7, 9) // a gap
		var gap wire.Gap
		require.NoError(t, gap.Decode(r.until(wire.TypeGap)))
		require.Equal(t, wire.Gap{Epoch: epoch, Handle: 7, Have: 1}, gap)
		act(epoch, 8, 1)   // a handle that nobody attached
		act(epoch-1, 7, 2) // a lower epoch
		var stale wire.Stale
		require.NoError(t, stale.Decode(r.until(wire.TypeStale)))
		require.Equal(t, epoch, stale.Epoch)

		attach(9, 0, 50) // more is durable than this region has
		var no wire.Reject
		require.NoError(t, no.Decode(r.until(wire.TypeReject)))
		require.Equal(t, wire.CodeLost, no.Reason)

		// The player comes by another edge; this one is the older attachment now.
		other := m.dialSidecar(s, wire.Open{Version: wire.Version, Role: wire.RoleEdge, Region: "arena", Incarnation: "other"}).keep()
		other.until(wire.TypeServing)
		other.send(wire.Attach{Epoch: epoch, Handle: 1, Player: "ann"}) // without his token
		require.NoError(t, no.Decode(other.until(wire.TypeReject)))
		require.Equal(t, wire.CodeNotYours, no.Reason)
		other.send(wire.Attach{Epoch: epoch, Handle: 1, Player: "ann", Show: []byte("first"), Next: []byte("second")})
		require.NoError(t, at.Decode(other.until(wire.TypeAttached)))
		require.Equal(t, wire.Attached{Epoch: epoch, Handle: 1, Number: 2, Have: 1, Durable: at.Durable}, at)
		require.NoError(t, no.Decode(r.until(wire.TypeReject)))
		require.Equal(t, wire.Reject{Epoch: epoch, Handle: 7, Reason: wire.CodeStaleAttach}, no)
		act(epoch, 7, 2)
		attach(7, 1, 0) // with its old number
		require.NoError(t, no.Decode(r.until(wire.TypeReject)))
		require.Equal(t, wire.CodeStaleAttach, no.Reason)

		time.Sleep(time.Second) // virtual
		stats := s.sidecar.Stats()
		require.EqualValues(t, 1, stats.Actions, "one action was applied, once")
		require.EqualValues(t, 1, stats.Repeats)
		require.EqualValues(t, 1, stats.Gaps)
		require.EqualValues(t, 1, stats.Refused[wire.CodeStaleEpoch])
		require.EqualValues(t, 2, stats.Refused[wire.CodeBadHandle])
		require.EqualValues(t, 1, stats.Refused[wire.CodeStaleAttach])
		require.EqualValues(t, 1, stats.Refused[wire.CodeLost])
	})
}

// A region that is not open (yet, or any more) ends the stream that asks for it, and
// leaves the link to the others.
func TestUnknownRegionEndsItsStream(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		s, _ := m.primary(0)
		open := openArena()
		open.Region = "atlantis"
		r := m.dialSidecar(s, open)
		for range r.frames { // until the stream ends
			require.FailNow(t, "a frame of a region that is not there")
		}
		require.True(t, link.Left(r.ended), "%v", r.ended)
		require.NoError(t, r.conn.Context().Err(), "the link stays")
		require.Positive(t, s.sidecar.Stats().Refused[wire.CodeUnknownName], "counted by reason")
	})
}

// What a peer must not say closes its link, with a code; players of another
// edge do not notice.
func TestBadInputOnALinkClosesIt(t *testing.T) {
	for name, tc := range map[string]struct {
		open func(*wire.Open)
		play func(r *raw)
		code wire.Code
	}{
		"unknown version": {func(o *wire.Open) { o.Version = 77 }, nil, wire.CodeVersion},
		"open twice":      {nil, func(r *raw) { r.send(openArena()) }, wire.CodeUnknownType},
		"player's frame":  {nil, func(r *raw) { r.send(wire.Act{Seq: 1}) }, wire.CodeUnknownType},
		"handle 0":        {nil, func(r *raw) { r.send(wire.Attach{Epoch: 1, Player: "eve"}) }, wire.CodeBadHandle},
		"snapshot with a wrong sum": {nil, func(r *raw) {
			r.sendSnapshot(wire.SnapshotHead{Epoch: 1, Region: "arena", SnapEpoch: 1, SnapIndex: 1, Whole: 3, Size: 3, Sum: 9})
		}, wire.CodeBadSnapshot},
		"snapshot above the limit": {nil, func(r *raw) {
			r.sendSnapshot(wire.SnapshotHead{Epoch: 1, Region: "arena", SnapEpoch: 1, SnapIndex: 1, Whole: 1 << 40, Size: 1 << 40, Sum: 9})
		}, wire.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.serve(1)
				ann := m.join("ann")
				s, _ := m.primary(0)
				open := openArena()
				if tc.open != nil {
					tc.open(&open)
				}
				r := m.dialSidecar(s, open)
				if tc.play != nil {
					r.until(wire.TypeServing)
					tc.play(r)
				}
				require.Equal(t, tc.code, r.closed())
				require.Positive(t, s.sidecar.Stats().Refused[tc.code], "counted by reason")
				ann.act(5)
				ann.settle()
				require.Equal(t, "5", ann.last())
			})
		})
	}
}

// sendSnapshot sends a head and three bytes on a snapshot stream.
func (r *raw) sendSnapshot(head wire.SnapshotHead) {
	st, err := r.conn.OpenUniStream()
	require.NoError(r.m.t, err)
	_, err = st.Write(wire.Chunk{Data: []byte("abc")}.Append(head.Append(nil)))
	require.NoError(r.m.t, err)
}

// A player who does not read is closed; nobody else notices.
func TestSlowPlayerHarmsNobody(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		ann := m.join("ann")
		slow := m.dialSilent()
		slow.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "slow"})
		for slow.conn.Context().Err() == nil {
			ann.shout() // the world answers all players, at length
			ann.settle()
			require.Less(t, ann.sent, uint64(1000))
		}
		require.Equal(t, wire.CodeSlow, slow.closed())
		ann.act(5)
		ann.settle()
		require.Zero(t, ann.heard(&ann.lost))
	})
}
