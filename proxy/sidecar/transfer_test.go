package sidecar

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// harbor is a primary with a backup and an edge, where ann is and has acted twice.
type harbor struct {
	*rig
	b, edge *stream
}

func newHarbor(t *testing.T) *harbor {
	t.Helper()
	h := &harbor{rig: newRig(t, "a")}
	h.outcomes, h.arrivals = true, true
	h.elect(1, "b")
	h.hasHosted(wire.Hosted{ID: 1, OK: true, Outcomes: true, Arrivals: true})
	h.b = h.backup("b")
	h.edge = h.stream(wire.RoleEdge, "edge")
	require.NoError(t, h.attach(h.edge, wire.Attach{Epoch: 1, Handle: 5, Player: "ann", Next: []byte("token")}))
	h.act(1, 2)
	h.replicate()
	h.frames()
	return h
}

// act hands in actions of ann's, which the game is done with.
func (h *harbor) act(seqs ...uint64) {
	h.t.Helper()
	for _, seq := range seqs {
		require.NoError(h.t, h.action(h.edge, wire.Action{Epoch: 1, Handle: 5, Seq: seq, Payload: fmt.Append(nil, "act ", seq)}))
	}
}

// replicate lets the backup have everything.
func (h *harbor) replicate() {
	h.b.replica.match, h.b.replica.next = h.end(), h.end()+1
	h.settle()
	h.consul()
}

// frames are what waits for the edge, as text.
func (h *harbor) frames() (all []string) {
	each(h.edge.out.Fill(nil), wire.LinkRegion, func(typ wire.Type, body []byte) {
		switch typ {
		case wire.TypeDepart:
			all = append(all, show[wire.Depart](body))
		case wire.TypeEntered:
			all = append(all, show[wire.Entered](body))
		case wire.TypeAttached:
			all = append(all, show[wire.Attached](body))
		case wire.TypeReject:
			all = append(all, show[wire.Reject](body))
		case wire.TypeOutput:
			all = append(all, show[wire.Output](body))
		case wire.TypeAcked:
			all = append(all, show[wire.Acked](body))
		}
	})
	return all
}

func show[F any, P interface {
	*F
	Decode(body []byte) error
}](body []byte,
) string {
	var f F
	if err := P(&f).Decode(body); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%T %+v", f, f)[len("wire."):]
}

func text(f pump.Frame) string { return fmt.Sprintf("%T %+v", f, f)[len("wire."):] }

// sail is the game's word that ann leaves with the last action that it was given.
func (h *harbor) sail(baggage string) {
	h.t.Helper()
	from, to := h.feed.handed, h.feed.handed
	if h.feed.done >= to {
		from++ // it has finished that one
	}
	h.transfer(wire.Transfer{ID: 1, From: from, To: to, Player: "ann", Region: "sea", Delta: []byte("d"), Payload: []byte(baggage)})
}

// lastIndex is the index of the last record of a kind.
func (h *harbor) lastIndex(kind buffer.Kind) uint64 {
	for i := h.end(); i > h.base(); i-- {
		if h.records.At(i).Kind == kind {
			return i
		}
	}
	return 0
}

// A player is told to go on when that is durable, the game is done with the call, and
// what it had sent him has left. Until he is there everybody who comes for him is told
// so, with all that he takes along; later without.
func TestDepart(t *testing.T) {
	h := newHarbor(t)
	first := h.feed.handed
	h.act(3)
	at := h.feed.handed
	h.act(4, 5) // the game has not come to these
	h.emit(wire.Emit{ID: 1, Handle: 1, After: at, Reliable: true, Payload: []byte("farewell")})
	h.transfer(wire.Transfer{ID: 1, From: at, To: at, Player: "ann", Region: "sea", Delta: []byte("d"), Payload: []byte("gold")})
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDepart))
	h.replicate()
	require.Equal(t, []string{text(wire.Acked{Epoch: 1, Handle: 5, Seq: 5})}, h.frames(), "the game may still commit")
	h.finished(first)
	h.finished(h.feed.handed)
	parcel := buffer.AppendParcel(nil, buffer.Parcel{Hop: 1, Have: 3, Baggage: []byte("gold"), Carried: [][]byte{[]byte("act 4"), []byte("act 5")}, Last: 5})
	depart := wire.Depart{Epoch: 1, Handle: 5, Hop: 1, Region: "sea", Payload: parcel}
	require.Equal(t, []string{
		text(wire.Output{Epoch: 1, Handle: 5, Reliable: true, Payload: []byte("farewell")}), text(depart),
	}, h.frames())
	require.True(t, h.feed.isOmitted(at+1) && h.feed.isOmitted(at+2), "they go along")

	h.act(6)
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDepart), "it stays at the edge")
	require.EqualValues(t, 1, h.stats.left.Load())
	h.sail("more gold")
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDepart), "he has left already")

	other := h.stream(wire.RoleEdge, "other")
	attach := wire.Attach{Epoch: 1, Handle: 9, Player: "ann", Durable: 400}
	require.NoError(t, h.attach(other, attach))
	require.Contains(t, fmt.Sprintf("%q", other.out.Fill(nil)), "another session", "whoever has no token does not get what he left")
	attach.Show = []byte("stolen")
	require.NoError(t, h.attach(other, attach))
	require.Contains(t, fmt.Sprintf("%q", other.out.Fill(nil)), "resume token")
	attach.Show = []byte("token")
	require.NoError(t, h.attach(other, attach))
	depart.Handle = 9
	require.Contains(t, h.swap(other).frames(), text(depart), "whoever has it is sent on")
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDepart), "an attach here would mean nothing")

	h.departed(other, wire.Departed{Epoch: 1, Hop: 2, Player: "ann"})
	h.departed(other, wire.Departed{Epoch: 1, Hop: 1, Player: "bob"})
	require.NotNil(t, h.table.named("ann").parcel, "that was another transfer, and another player")
	h.departed(other, wire.Departed{Epoch: 1, Hop: 1, Player: "ann"})
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDelivered))
	require.Nil(t, h.table.named("ann").stream)
	h.departed(other, wire.Departed{Epoch: 1, Hop: 1, Player: "ann"})
	require.Equal(t, h.end(), h.lastIndex(buffer.KindDelivered), "it was known")
	h.replicate()
	require.NoError(t, h.attach(other, wire.Attach{Epoch: 1, Handle: 10, Player: "ann"}), "now the other region judges who he is")
	h.replicate()
	require.Equal(t, []string{text(wire.Depart{Epoch: 1, Handle: 10, Hop: 1, Region: "sea", Payload: []byte{}})}, h.frames())
}

// A player is not told to go on before it is durable that he has left.
func TestDepartIsDurable(t *testing.T) {
	h := newHarbor(t)
	h.act(3)
	h.replicate()
	h.frames()
	h.sail("gold")
	h.finished(h.feed.handed)
	h.settle()
	require.Empty(t, h.frames())
	h.replicate()
	require.Len(t, h.frames(), 1)
}

// Nor before what he was sent while he was here, though that depends on more.
func TestDepartComesLast(t *testing.T) {
	h := newHarbor(t)
	h.act(3)
	h.replicate()
	h.finished(h.feed.handed - 1)
	h.frames()
	at := h.feed.handed
	h.emit(wire.Emit{ID: 1, Handle: 1, After: at, Reliable: true, Payload: []byte("farewell")})
	h.sail("gold")
	departs := h.end()
	h.outcome(wire.Outcome{ID: 1, From: at, To: at, Payload: []byte("and a chest is found")})
	h.finished(at)
	h.b.replica.match, h.b.replica.next = departs, h.end()+1
	h.settle()
	h.consul()
	require.Equal(t, departs, h.commit)
	require.Empty(t, h.frames())
	h.replicate()
	frames := h.frames()
	require.Len(t, frames, 2)
	require.Contains(t, frames[0], "Output")
	require.Contains(t, frames[1], "Depart")
}

// swap looks at another edge from here on.
func (h *harbor) swap(edge *stream) *harbor { h.edge = edge; return h }

// A game that lets go somebody who is not there changes nothing.
func TestDepartOfNobody(t *testing.T) {
	h := newHarbor(t)
	end := h.end()
	for _, f := range []wire.Transfer{
		{ID: 1, From: h.feed.handed, To: h.feed.handed, Player: "bob", Region: "sea"},
		{ID: 1, From: 1, Player: "ann", Region: "sea", Payload: []byte("before she came")},
	} {
		if f.Player == "ann" {
			require.NoError(t, h.enter(h.edge, enter(9, "ann", buffer.Parcel{Hop: 1})))
			end = h.end()
		}
		h.transfer(f)
		require.Equal(t, end, h.end(), f)
	}
	require.EqualValues(t, 2, h.stats.refusals.Counts()[wire.CodeBadHandle])
	h.transfer(wire.Transfer{ID: 1, From: 1, To: 99, Player: "ann", Region: "sea"})
	require.ErrorContains(t, h.game.ctx.Err(), "canceled", "of actions that it was not given")
}

// A game that is given its actions again lets the same players go again: that is no
// other transfer, though the player may be back by then.
func TestDepartAgain(t *testing.T) {
	h := newHarbor(t)
	h.outcomes = false
	h.act(3)
	h.sail("gold")
	require.NoError(t, h.enter(h.edge, enter(9, "ann", buffer.Parcel{Hop: 2, Have: 3, Last: 3})))
	end := h.end()
	f := wire.Transfer{ID: 1, From: h.lastIndex(buffer.KindAction) - 1, To: h.lastIndex(buffer.KindAction), Player: "ann", Region: "sea"}
	h.transfer(f)
	require.Equal(t, end, h.end())
	require.False(t, h.table.named("ann").away())
	require.Empty(t, h.stats.refusals.Counts(), "nothing is wrong")
}

// More than fits into a parcel is refused, and its seqs are used up.
func TestParcelIsFull(t *testing.T) {
	h := newHarbor(t)
	h.act(3)
	at := h.feed.handed
	for seq := uint64(4); seq <= 24; seq++ {
		require.NoError(t, h.action(h.edge, wire.Action{Epoch: 1, Handle: 5, Seq: seq, Payload: make([]byte, wire.MaxAction)}))
	}
	h.transfer(wire.Transfer{ID: 1, From: at, To: at, Player: "ann", Region: "sea", Payload: make([]byte, wire.MaxOutcome), Delta: make([]byte, wire.MaxOutcome)})
	parcel := h.table.named("ann").parcel
	require.LessOrEqual(t, len(parcel), wire.MaxParcel)
	require.LessOrEqual(t, len(h.records.At(h.end()).Payload), wire.MaxRecord)
	p, ok := buffer.ParseParcel(parcel)
	require.True(t, ok)
	require.Len(t, p.Carried, wire.MaxCarried/(wire.MaxAction+3))
	require.EqualValues(t, 24, p.Last)

	there := newHarbor(t)
	require.NoError(t, there.enter(there.edge, wire.Enter{Epoch: 1, Handle: 9, Hop: 1, Player: "bob", From: "harbor", Payload: parcel}))
	there.replicate()
	require.EqualValues(t, 24, there.table.named("bob").have)
	refused := 0
	for _, f := range there.frames() {
		if bytes.Contains([]byte(f), []byte("too much was on its way")) {
			refused++
		}
	}
	require.Equal(t, 21-len(p.Carried), refused)
}

func enter(handle uint64, player string, p buffer.Parcel) wire.Enter {
	return wire.Enter{
		Epoch: 1, Handle: handle, Hop: p.Hop, Player: player, From: "sea", Show: []byte("token"), Next: []byte("next"),
		Payload: buffer.AppendParcel(nil, p),
	}
}

// A player who comes is taken in once, whoever says so how often; what a new primary
// lacks of what came with him is made up for.
func TestArrive(t *testing.T) {
	h := newHarbor(t)
	f := enter(7, "eve", buffer.Parcel{Hop: 3, Have: 40, Baggage: []byte("gold"), Carried: [][]byte{[]byte("act 41"), nil, []byte("act 43")}, Last: 43})
	f.Durable = 42
	h.game.out.Fill(nil)
	require.NoError(t, h.enter(h.edge, f))
	var given []string
	each(h.game.out.Fill(nil), wire.LinkSidecar, func(typ wire.Type, body []byte) { given = append(given, typ.String()) })
	require.Equal(t, []string{"Join", "Arrive", "Join", "Do", "Do"}, given, "he is named, comes, is there, and acts")
	require.Empty(t, h.frames(), "it is not durable")
	h.replicate()
	require.Equal(t, []string{
		text(wire.Entered{Epoch: 1, Handle: 7, Hop: 3, From: "sea"}), text(wire.Attached{Epoch: 1, Handle: 7, Number: 1, Have: 43, Durable: 43}),
		text(wire.Reject{Epoch: 1, Handle: 7, Seq: 42, Reason: wire.CodeQuarantined, Text: deadly}),
	}, h.frames())
	require.EqualValues(t, 1, h.stats.arrivals.Load())

	end := h.end()
	require.NoError(t, h.enter(h.edge, f), "the edge has not heard")
	require.Equal(t, end, h.end(), "and nothing is written")
	other := h.stream(wire.RoleEdge, "other")
	f.Handle, f.Next = 8, []byte("another")
	require.NoError(t, h.enter(other, f))
	require.Equal(t, h.lastIndex(buffer.KindAttach), h.end(), "by another edge: an attach, and nothing else")
	h.replicate()
	require.Contains(t, h.swap(other).frames(), text(wire.Entered{Epoch: 1, Handle: 8, Hop: 3, From: "sea"}))
	require.EqualValues(t, 1, h.stats.arrivals.Load())

	// A backup that got the arrival, and not all that came with it, takes over.
	b := newRig(t, "b")
	b.arrivals = true
	b.follow(1)
	for i := h.base() + 1; i <= h.lastIndex(buffer.KindArrive)+1; i++ {
		b.receive(*h.records.At(i))
	}
	b.elect(2)
	edge := b.stream(wire.RoleEdge, "edge")
	f.Epoch, f.Next = 2, []byte("next")
	require.NoError(t, b.rig().enter(edge, f))
	require.EqualValues(t, 43, b.table.named("eve").have)
}

func (r *rig) rig() *region { return r.region }

func TestEnterRefused(t *testing.T) {
	h := newHarbor(t)
	good := buffer.Parcel{Hop: 1, Have: 3, Last: 3}
	for want, change := range map[string]func(*wire.Enter){
		"the region does not know it": func(f *wire.Enter) { f.Payload = nil },
		"actions 4 to 9 were durable": func(f *wire.Enter) { f.Durable = 9 },
	} {
		f := enter(7, "eve", good)
		change(&f)
		require.NoError(t, h.enter(h.edge, f))
		require.Contains(t, fmt.Sprint(h.frames()), want)
	}
	h.arrivals = false
	require.NoError(t, h.enter(h.edge, enter(7, "eve", good)))
	require.Contains(t, fmt.Sprint(h.frames()), "takes in nobody")
	h.arrivals = true

	for want, change := range map[string]func(*wire.Enter){
		"malformed parcel": func(f *wire.Enter) { f.Payload = f.Payload[1:] },
		"a malformed":      func(f *wire.Enter) { f.Hop = 2 },
		"handle 0":         func(f *wire.Enter) { f.Handle = 0 },
		"two players":      func(f *wire.Enter) { f.Handle = 5 },
	} {
		f := enter(7, "eve", good)
		change(&f)
		require.ErrorContains(t, h.enter(h.edge, f), want)
	}
	require.Nil(t, h.table.named("eve"))
	f := enter(7, "eve", good)
	f.Epoch = 9
	require.NoError(t, h.enter(h.edge, f))
	require.Nil(t, h.table.named("eve"), "of an epoch that is not ours")
}

// While a region is handed over players who come wait, for the heir or for later.
func TestEnterWhileYielding(t *testing.T) {
	h := newHarbor(t)
	h.finished(h.feed.handed)
	h.yielding = &yielding{to: "b", wake: pump.NewWaker()}
	end := h.end()
	require.NoError(t, h.enter(h.edge, enter(7, "eve", buffer.Parcel{Hop: 1})))
	require.Equal(t, end, h.end())
	h.resume()
	require.Equal(t, h.lastIndex(buffer.KindArrive), h.end())
}

// A game is silenced only when it is done with all that it was given: what it commits
// of actions counts until then. If it says anything later, and the hand-over fails, it
// does not go on.
func TestMutedWhenApplied(t *testing.T) {
	h := newHarbor(t)
	y := &yielding{to: "b", wake: pump.NewWaker(), late: true}
	h.yielding = y
	h.freeze(y)
	require.False(t, h.isMuted(), "an action is under way")
	h.sail("gold")
	require.True(t, h.table.named("ann").away(), "and what comes of it counts")
	h.finished(h.feed.handed)
	h.freeze(y)
	require.True(t, h.isMuted())
	h.outcome(wire.Outcome{ID: 1, From: h.feed.done + 1, To: h.feed.done, Payload: []byte("time passes")})
	require.True(t, h.torn)
	h.resume()
	require.Error(t, h.game.ctx.Err(), "its state is ahead of the log")
}

// What a game does while the log is not ours to write is not in it: the game gets the
// region anew when it is ours again.
func TestTornGameBeginsAnew(t *testing.T) {
	for name, say := range map[string]func(h *harbor){
		"nothing": func(*harbor) {},
		"outcome": func(h *harbor) { h.outcome(wire.Outcome{ID: 1, From: h.feed.handed, To: h.feed.handed}) },
		"depart":  func(h *harbor) { h.sail("gold") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarbor(t)
			h.game.out.Fill(nil)
			h.fence()
			say(h)
			require.Equal(t, name != "nothing", h.torn)
			h.elect(2, "b")
			hosted := false
			each(h.game.out.Fill(nil), wire.LinkSidecar, func(typ wire.Type, _ []byte) { hosted = hosted || typ == wire.TypeHost })
			require.Equal(t, name != "nothing", hosted)
			require.False(t, h.table.named("ann").away())
		})
	}
}

// What a player brings, and two games die of, is given to no third one. He is told,
// and the baggage is in the log of the process, for a person to look at.
func TestArrivalIsQuarantined(t *testing.T) {
	var lines bytes.Buffer
	r := newRig(t, "c")
	r.log = slog.New(slog.NewTextHandler(&lines, nil))
	r.arrivals = true
	r.follow(2)
	come := arrival(1, 1, 5, 3, "ann")
	r.receive(
		come, action(1, 1, 6),
		buffer.Record{Epoch: 2, Kind: buffer.KindMark, ID: 1, Seq: come.Trial(), Number: 2},
	)
	require.NoError(t, r.hear(wire.Commit{Epoch: 2, Index: 3}))
	r.elect(3)
	effects, _ := r.given(nil, 0)
	require.Equal(t, []effect{{index: 2}}, effects, "the action is tried, the arrival is not")
	require.Contains(t, lines.String(), "event=quarantined_arrival player=ann from=sea hop=3 deaths=2 baggage=\"Z29sZA==\"")
	require.EqualValues(t, 3, r.table.named("ann").hop, "he is here, without it")
	require.EqualValues(t, 6, r.table.named("ann").have)

	edge := r.stream(wire.RoleEdge, "edge")
	require.NoError(t, r.attach(edge, wire.Attach{Epoch: 3, Handle: 5, Number: 3, Player: "ann", Durable: 6}))
	r.cuts.covers = cut{r.end(), r.end()}
	r.settle()
	h := &harbor{rig: r, edge: edge}
	require.Contains(t, h.frames(), text(wire.Reject{Epoch: 3, Handle: 5, Reason: wire.CodeQuarantined, Text: deadlyPlayer}))
}
