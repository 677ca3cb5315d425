package proxy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// bad is one thing that a peer must not do: what it does, and the code with which
// its link is closed, or under which it is counted and nothing is closed.
type bad struct {
	play   func(r *raw, epoch uint64)
	closes wire.Code
	counts wire.Code
}

func openBackup() wire.Open {
	return wire.Open{Version: wire.Version, Role: wire.RoleBackup, Region: "arena", Incarnation: "by-hand"}
}

// epochs that nobody has: the frame that carries them does not matter.
var badEpochs = map[string]bad{
	"epoch 0":     {func(r *raw, _ uint64) { r.send(wire.Confirm{Index: 1}) }, 0, wire.CodeStaleEpoch},
	"epoch max":   {func(r *raw, _ uint64) { r.send(wire.Confirm{Epoch: 1<<64 - 1}) }, wire.CodeProtocol, wire.CodeProtocol},
	"stale epoch": {func(r *raw, e uint64) { r.send(wire.Attach{Epoch: e - 1, Handle: 1, Player: "eve"}) }, 0, wire.CodeStaleEpoch},
}

var badEdges = map[string]bad{
	"record from an edge": {func(r *raw, e uint64) { r.send(wire.Record{Epoch: e, Index: 1, Of: e, Kind: 1}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"commit from an edge": {func(r *raw, e uint64) { r.send(wire.Commit{Epoch: e, Index: 1}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"have from an edge":   {func(r *raw, e uint64) { r.send(wire.Have{Epoch: e, Index: 1, Of: e}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"handle 0":            {func(r *raw, e uint64) { r.send(wire.Attach{Epoch: e, Player: "eve"}) }, wire.CodeBadHandle, wire.CodeBadHandle},
	"handle reused": {func(r *raw, e uint64) {
		r.send(wire.Attach{Epoch: e, Handle: 3, Player: "eve"}, wire.Attach{Epoch: e, Handle: 3, Player: "mallory"})
	}, wire.CodeBadHandle, wire.CodeBadHandle},
	"durable above have":       {func(r *raw, e uint64) { r.send(wire.Attach{Epoch: e, Handle: 3, Player: "ann", Durable: 9}) }, 0, wire.CodeLost},
	"confirm of the future":    {func(r *raw, e uint64) { r.send(wire.Confirm{Epoch: e, Index: 1 << 40}) }, wire.CodeAckAhead, wire.CodeAckAhead},
	"pulse of a future number": {func(r *raw, e uint64) { r.send(wire.Pulse{Epoch: e, N: 1 << 40}) }, 0, 0},
	"token of nobody": {func(r *raw, e uint64) {
		r.send(wire.Attach{Epoch: e, Handle: 3, Player: "ann", Show: []byte("forged")})
	}, 0, wire.CodeUnauthorized},
	"no token while attached": {func(r *raw, e uint64) { r.send(wire.Attach{Epoch: e, Handle: 3, Player: "ann"}) }, 0, wire.CodeNotYours},
	"parcel that is none": {func(r *raw, e uint64) {
		r.send(wire.Enter{Epoch: e, Handle: 3, Hop: 1, Player: "eve", From: "sea", Payload: []byte("gold")})
	}, wire.CodeProtocol, wire.CodeProtocol},
	"parcel of another hop": {func(r *raw, e uint64) {
		r.send(wire.Enter{Epoch: e, Handle: 3, Hop: 1, Player: "eve", From: "sea", Payload: buffer.AppendParcel(nil, buffer.Parcel{Hop: 2})})
	}, wire.CodeProtocol, wire.CodeProtocol},
	"parcel that is gone": {func(r *raw, e uint64) {
		r.send(wire.Enter{Epoch: e, Handle: 3, Hop: 1, Player: "eve", From: "sea"})
	}, 0, wire.CodeLost},
	"departed who is here":       {func(r *raw, e uint64) { r.send(wire.Departed{Epoch: e, Hop: 1, Player: "ann"}) }, 0, 0},
	"snapshot of a stale epoch":  {func(r *raw, e uint64) { r.snapshot(e-1, &buffer.Snapshot{Region: "arena", Epoch: e - 1, Index: 1}) }, 0, wire.CodeStaleEpoch},
	"snapshot nobody asked for":  {func(r *raw, e uint64) { r.snapshot(e, &buffer.Snapshot{Region: "arena", Epoch: e, Index: 1}) }, 0, wire.CodeBadSnapshot},
	"snapshot of another region": {func(r *raw, e uint64) { r.snapshot(e, &buffer.Snapshot{Region: "castle", Epoch: e, Index: 1}) }, wire.CodeUnknownName, wire.CodeUnknownName},
	"delta without base": {func(r *raw, e uint64) {
		r.sendSnapshot(wire.SnapshotHead{Epoch: e, Region: "arena", SnapEpoch: e, SnapIndex: 9, Form: wire.FormDelta, Base: 5, Whole: 9, Size: 3, Sum: 1})
	}, wire.CodeBadSnapshot, wire.CodeBadSnapshot},
}

var badBackups = map[string]bad{
	"have above what was sent": {func(r *raw, e uint64) {
		r.matched(e)
		r.send(wire.Have{Epoch: e, Index: 1 << 40, Of: e})
	}, wire.CodeAckAhead, wire.CodeAckAhead},
	"have that goes down":   {func(r *raw, e uint64) { r.matched(e); r.send(wire.Have{Epoch: e, Index: 1, Of: e}) }, 0, 0},
	"have of a stale epoch": {func(r *raw, e uint64) { r.send(wire.Have{Epoch: e - 1, Index: 1, Of: e - 1}) }, 0, wire.CodeStaleEpoch},
	"action from a backup":  {func(r *raw, e uint64) { r.send(wire.Action{Epoch: e, Handle: 1, Seq: 1}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"attach from a backup":  {func(r *raw, e uint64) { r.send(wire.Attach{Epoch: e, Handle: 1, Player: "eve"}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"confirm from a backup": {func(r *raw, e uint64) { r.send(wire.Confirm{Epoch: e, Index: 1}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"enter from a backup": {func(r *raw, e uint64) {
		r.send(wire.Enter{Epoch: e, Handle: 1, Hop: 1, Player: "eve", From: "sea", Payload: buffer.AppendParcel(nil, buffer.Parcel{Hop: 1})})
	}, wire.CodeUnknownType, wire.CodeUnknownType},
	"departed from a backup": {func(r *raw, e uint64) { r.send(wire.Departed{Epoch: e, Hop: 1, Player: "ann"}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"offer from a backup":    {func(r *raw, e uint64) { r.send(wire.Offer{Epoch: e, SnapEpoch: e, SnapIndex: 9}) }, wire.CodeUnknownType, wire.CodeUnknownType},
}

// What a bad edge or a bad backup does to a primary ends its own link at most;
// a player of another edge loses nothing.
func TestBadPeersOfAPrimary(t *testing.T) {
	run := func(name string, open wire.Open, tc bad) {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.serve(1)
				_, first := m.primary(0)
				m.servers[0].killGame() // epochs below ours exist
				s, epoch := m.primary(first)
				ann := m.join("ann")
				ann.act(2)
				ann.settle()
				r := m.dialSidecar(s, open)
				r.until(wire.TypeOpened)
				before := s.sidecar.Stats().Refused[tc.counts]
				tc.play(r, epoch)
				if tc.closes != 0 {
					require.Equal(t, tc.closes, r.closed())
				} else {
					time.Sleep(100 * time.Millisecond) // virtual
					require.NoError(t, r.conn.Context().Err(), "the link stays open")
				}
				if tc.counts != 0 {
					require.Greater(t, s.sidecar.Stats().Refused[tc.counts], before, "counted by reason")
				}
				_ = r.conn.CloseWithError(0, "")
				goesOn(t, ann, "5")
				require.Equal(t, epoch, s.sidecar.Serving("arena"))
			})
		})
	}
	for name, tc := range badEpochs {
		run(name, openArena(), tc)
	}
	for name, tc := range badEdges {
		run(name, openArena(), tc)
	}
	for name, tc := range badBackups {
		run(name, openBackup(), tc)
	}
}

// goesOn acts three times more, and nothing was lost.
func goesOn(t *testing.T, ann *bot, want string) {
	t.Helper()
	ann.act(3)
	ann.settle()
	require.Equal(t, want, ann.last())
	require.Zero(t, ann.heard(&ann.lost))
}

var badPrimaries = map[string]bad{
	"record of unknown kind":  {func(r *raw, e uint64) { r.send(wire.Record{Epoch: e, Index: 1, Of: e, Kind: 99}) }, wire.CodeProtocol, wire.CodeProtocol},
	"record of a stale epoch": {func(r *raw, e uint64) { r.send(wire.Record{Epoch: e - 1, Index: 1, Of: e, Kind: 1}) }, 0, wire.CodeStaleEpoch},
	"record of epoch max":     {func(r *raw, _ uint64) { r.send(wire.Record{Epoch: 1<<64 - 1, Index: 1, Of: 1, Kind: 1}) }, wire.CodeProtocol, wire.CodeProtocol},
	"record after a gap": {func(r *raw, e uint64) {
		r.send(wire.Record{Epoch: e, Index: 7, Of: e, Kind: 1})
		r.until(wire.TypeHave)
	}, 0, 0},
	"commit above the end": {func(r *raw, e uint64) { r.send(wire.Commit{Epoch: e, Index: 1 << 40, Applied: 1 << 41}) }, 0, 0},
	"truncate below the commit": {func(r *raw, e uint64) {
		r.send(wire.Record{Epoch: e, Index: 1, Of: e, Kind: 1}, wire.Commit{Epoch: e, Index: 1})
		r.until(wire.TypeHave)
		r.send(wire.Truncate{Epoch: e})
		var have wire.Have
		require.NoError(r.m.t, have.Decode(r.until(wire.TypeHave)))
		require.Equal(r.m.t, wire.Have{Epoch: e}, have)
	}, 0, 0},
	"record that contradicts": {func(r *raw, e uint64) {
		r.send(wire.Record{Epoch: e, Index: 1, Of: e, Kind: uint64(buffer.KindAction), ID: 9, Seq: 4}, wire.Commit{Epoch: e, Index: 1})
	}, wire.CodeLeft, wire.CodeProtocol},
	"action from a primary": {func(r *raw, e uint64) { r.send(wire.Action{Epoch: e, Handle: 1, Seq: 1}) }, wire.CodeUnknownType, wire.CodeUnknownType},
	"another incarnation":   {func(r *raw, _ uint64) { r.send(wire.Opened{Version: wire.Version, Incarnation: "other"}) }, wire.CodeNotServing, wire.CodeNotServing},
	"snapshot to a backup: of a stale epoch": {func(r *raw, e uint64) {
		r.snapshot(e-1, &buffer.Snapshot{Region: "arena", Epoch: e - 1, Index: 1})
	}, 0, wire.CodeStaleEpoch},
	"snapshot to a backup: of another region": {func(r *raw, e uint64) {
		r.snapshot(e, &buffer.Snapshot{Region: "castle", Epoch: e, Index: 1})
	}, wire.CodeBadSnapshot, wire.CodeUnknownName},
	"snapshot to a backup: wrong hash": {func(r *raw, e uint64) {
		r.sendSnapshot(wire.SnapshotHead{Epoch: e, Region: "arena", SnapEpoch: e, SnapIndex: 1, Whole: 3, Size: 3, Sum: 9})
	}, wire.CodeBadSnapshot, wire.CodeBadSnapshot},
	"snapshot to a backup: too large": {func(r *raw, e uint64) {
		r.sendSnapshot(wire.SnapshotHead{Epoch: e, Region: "arena", SnapEpoch: e, SnapIndex: 1, Whole: 1 << 40, Size: 1 << 40, Sum: 9})
	}, wire.CodeBadSnapshot, wire.CodeTooLarge},
	"snapshot to a backup: delta without base": {func(r *raw, e uint64) {
		r.sendSnapshot(wire.SnapshotHead{Epoch: e, Region: "arena", SnapEpoch: e, SnapIndex: 9, Form: wire.FormDelta, Base: 5, Whole: 9, Size: 3, Sum: 1})
	}, 0, wire.CodeBadSnapshot},
}

// What a bad primary does to its backup harms neither; when its lock is free the
// other one serves.
func TestBadPrimaries(t *testing.T) {
	for name, tc := range badPrimaries {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				im := m.impostor()
				m.serve(1)
				s := m.servers[0]
				r := im.backup()
				before := s.sidecar.Stats().Refused[tc.counts]
				tc.play(r, im.epoch)
				if tc.closes != 0 {
					require.Equal(t, tc.closes, r.closed())
				} else {
					time.Sleep(100 * time.Millisecond) // virtual
					require.NoError(t, r.conn.Context().Err(), "the link stays open")
				}
				if tc.counts != 0 {
					require.Greater(t, s.sidecar.Stats().Refused[tc.counts], before, "counted by reason")
				}
				im.leave()
				m.primary(im.epoch)
				goesOn(t, m.join("ann"), "3")
			})
		})
	}
}

// matched waits until a primary takes us for a backup that has its log, which a
// snapshot may have brought.
func (r *raw) matched(epoch uint64) {
	r.send(wire.Have{Epoch: epoch})
	receiver := &link.Receiver{Limit: wire.MaxSnapshot}
	st, err := r.conn.AcceptUniStream(r.conn.Context())
	require.NoError(r.m.t, err)
	_, snap, err := receiver.Receive(st)
	require.NoError(r.m.t, err)
	r.send(wire.Have{Epoch: epoch, Index: snap.Index, Of: snap.Epoch})
	r.until(wire.TypeCommit)
}

// snapshot sends a whole snapshot.
func (r *raw) snapshot(epoch uint64, snap *buffer.Snapshot) {
	st, err := r.conn.OpenUniStream()
	require.NoError(r.m.t, err)
	_, err = link.Seal(epoch, snap).WriteTo(st)
	require.NoError(r.m.t, err)
	_ = st.Close()
}

// Who may come back with which token: the last one that he was given, or the one
// that he gave for it; nothing else, and it is not durable before he hears of it.
func TestTokensOnALink(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		s, epoch := m.primary(0)
		r := m.dialSidecar(s, openArena()).keep()
		r.until(wire.TypeServing)
		handle := uint64(0)
		attach := func(player, show, next string) {
			handle++
			r.send(wire.Attach{Epoch: epoch, Handle: handle, Player: player, Show: []byte(show), Next: []byte(next)})
		}
		in := func() {
			var f wire.Attached
			require.NoError(t, f.Decode(r.until(wire.TypeAttached)))
			require.Equal(t, handle, f.Handle)
		}
		out := func(want wire.Code) {
			var f wire.Reject
			for f.Handle != handle {
				require.NoError(t, f.Decode(r.until(wire.TypeReject)))
			}
			require.Equal(t, want, f.Reason)
		}
		attach("bob", "", "bob's")
		in()
		attach("ann", "", "first")
		in()
		attach("ann", "first", "second")
		in()
		attach("ann", "first", "third") // the answer may not have reached him
		in()
		for _, show := range []string{"bob's", "second", "thire", "third ", "\x00"} {
			attach("ann", show, "stolen")
			out(wire.CodeUnauthorized)
		}
		attach("ann", "", "stolen")
		out(wire.CodeNotYours)
		attach("ann", "third", "fourth")
		in()
		r.send(wire.Action{Epoch: epoch, Handle: handle, Seq: 1})
		attach("ann", "third", "stolen") // used: he has acted since
		out(wire.CodeUnauthorized)
		attach("ann", "fourth", "fifth")
		in()
	})
}

// The lines of the list of bad inputs between our own processes, and the tests
// that meet each of them: functions of this package, or their subtests.
var badLinks = []struct {
	line  string
	tests []string
}{
	{"stale epoch", []string{"TestBadPeersOfAPrimary/stale epoch", "TestBadPeersOfAPrimary/have of a stale epoch", "TestBadPrimaries/record of a stale epoch"}},
	{"epoch 0 and max", []string{"TestBadPeersOfAPrimary/epoch 0", "TestBadPeersOfAPrimary/epoch max", "TestBadPrimaries/record of epoch max"}},
	{"have above what was sent", []string{"TestBadPeersOfAPrimary/have above what was sent"}},
	{"have that goes down", []string{"TestBadPeersOfAPrimary/have that goes down"}},
	{"confirm of what there is not", []string{"TestBadPeersOfAPrimary/confirm of the future"}},
	{"record after a gap", []string{"TestBadPrimaries/record after a gap"}},
	{"record of an unknown kind", []string{"TestBadPrimaries/record of unknown kind"}},
	{"record that contradicts the rows", []string{"TestBadPrimaries/record that contradicts"}},
	{"truncate below the commit", []string{"TestBadPrimaries/truncate below the commit"}},
	{"commit above the end", []string{"TestBadPrimaries/commit above the end"}},
	{"snapshot above the limit", []string{"TestBadInputOnALinkClosesIt/snapshot above the limit", "TestBadPrimaries/snapshot to a backup: too large"}},
	{"snapshot with a wrong hash", []string{"TestBadInputOnALinkClosesIt/snapshot with a wrong sum", "TestBadPrimaries/snapshot to a backup: wrong hash"}},
	{"snapshot of another region", []string{"TestBadPeersOfAPrimary/snapshot of another region", "TestBadPrimaries/snapshot to a backup: of another region"}},
	{"snapshot of a stale epoch", []string{"TestBadPeersOfAPrimary/snapshot of a stale epoch", "TestBadPrimaries/snapshot to a backup: of a stale epoch"}},
	{"snapshot that nobody asked for", []string{"TestBadPeersOfAPrimary/snapshot nobody asked for"}},
	{"delta without its base", []string{"TestBadPeersOfAPrimary/delta without base", "TestBadPrimaries/snapshot to a backup: delta without base"}},
	{"token of another player, old, changed", []string{"TestTokensOnALink", "TestResumeTokenReplacesTheSession"}},
	{"no token while attached", []string{"TestBadPeersOfAPrimary/no token while attached", "TestTokensOnALink"}},
	{"attach with a lower number", []string{"TestPrimaryRefusesWithoutEffect"}},
	{"two attaches at once", []string{"TestPrimaryRefusesWithoutEffect", "TestTokensOnALink"}},
	{"arrival without what it brings, or with something else", []string{
		"TestBadPeersOfAPrimary/parcel that is none", "TestBadPeersOfAPrimary/parcel of another hop", "TestBadPeersOfAPrimary/parcel that is gone",
	}},
	{"word that somebody has left who is here", []string{"TestBadPeersOfAPrimary/departed who is here"}},
	{"departure for where he is, or for where he comes from", []string{"TestDepartForHere", "TestSentToEachOther"}},
	{"handle 0, handle used twice", []string{"TestBadPeersOfAPrimary/handle 0", "TestBadPeersOfAPrimary/handle reused"}},
	{"attach with more durable than there is", []string{"TestBadPeersOfAPrimary/durable above have", "TestPrimaryRefusesWithoutEffect"}},
	{"echo of a future pulse", []string{"TestBadPeersOfAPrimary/pulse of a future number"}},
	{"frames of another role", []string{
		"TestBadPeersOfAPrimary/record from an edge", "TestBadPeersOfAPrimary/have from an edge",
		"TestBadPeersOfAPrimary/action from a backup", "TestBadPeersOfAPrimary/confirm from a backup", "TestBadPrimaries/action from a primary",
		"TestBadPeersOfAPrimary/enter from a backup", "TestBadPeersOfAPrimary/departed from a backup",
	}},
	{"unknown region, unknown version, open twice", []string{
		"TestUnknownRegionEndsItsStream", "TestBadInputOnALinkClosesIt/unknown version", "TestBadInputOnALinkClosesIt/open twice",
	}},
	{"another incarnation at the address", []string{"TestBadPrimaries/another incarnation"}},
}

// TestBadLinks shows which test meets which line, and that there are such tests.
func TestBadLinks(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source.Write(text)
	}
	for _, b := range badLinks {
		t.Logf("%-45s %s", b.line, strings.Join(b.tests, ", "))
		for _, test := range b.tests {
			name, sub, isSub := strings.Cut(test, "/")
			require.Contains(t, source.String(), "func "+name+"(", "%s", test)
			if isSub {
				require.Regexp(t, regexp.QuoteMeta(`"`+sub+`":`), source.String(), "%s", test)
			}
		}
	}
}
