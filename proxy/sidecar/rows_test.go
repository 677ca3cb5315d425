package sidecar

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
)

func TestRecordsTakeEffect(t *testing.T) {
	table := newTable()
	apply := func(rec buffer.Record) *row {
		t.Helper()
		require.True(t, table.apply(&rec))
		return table.get(1)
	}
	mark := func(id, seq, tries uint64) buffer.Record {
		return buffer.Record{Kind: buffer.KindMark, ID: id, Seq: seq, Number: tries}
	}
	apply(buffer.Record{Kind: buffer.KindSeal})
	ann := apply(attach(1, 1, 1, "ann", "", "first"))
	require.Equal(t, ann, table.named("ann"))
	require.True(t, ann.shows([]byte("first")))
	require.EqualValues(t, 1, apply(action(1, 1, 1)).have)

	apply(attach(1, 1, 2, "ann", "first", "second"))
	require.EqualValues(t, 2, ann.attach)
	require.True(t, ann.shows([]byte("first")), "the answer may not have reached him")
	require.True(t, ann.shows([]byte("second")))
	require.False(t, ann.shows(nil), "no token is nobody's")
	require.False(t, ann.shows([]byte("third")))
	apply(action(1, 1, 2))
	require.False(t, ann.shows([]byte("first")), "he has acted since: it was used")
	apply(attach(1, 1, 1, "ann", "", "late"))
	require.EqualValues(t, 2, ann.attach, "attach numbers never fall")

	apply(mark(1, 2, 2))
	require.Equal(t, [2]uint64{2, 2}, [2]uint64{ann.tried, ann.tries})
	apply(attach(1, 2, 1, "bob", "", ""))
	apply(action(1, 2, 1))
	apply(mark(2, 1, 2))
	require.Zero(t, ann.tried, "one trial at a time")
	apply(mark(0, 0, 0))
	require.Zero(t, table.get(2).tried+table.get(2).tries, "survived")

	apply(buffer.Record{Kind: buffer.KindQuarantine, ID: 1, Seq: 2, Number: 4})
	require.EqualValues(t, 2, ann.have, "the action stands in the log already")
	apply(buffer.Record{Kind: buffer.KindQuarantine, ID: 1, Seq: 3})
	require.EqualValues(t, 3, ann.have, "its seq is used up")
	apply(buffer.Record{Kind: buffer.KindOutcome, Seq: 4, Number: 4, Payload: []byte("x")})
}

// A record that contradicts the ones before it is refused, and changes nothing.
func TestContradictions(t *testing.T) {
	for name, rec := range map[string]buffer.Record{
		"action of nobody":              action(1, 9, 1),
		"action again":                  action(1, 1, 1),
		"action after a gap":            action(1, 1, 3),
		"quarantine of nobody":          {Kind: buffer.KindQuarantine, ID: 9, Seq: 1},
		"quarantine after a gap":        {Kind: buffer.KindQuarantine, ID: 1, Seq: 3},
		"mark of nobody":                {Kind: buffer.KindMark, ID: 9, Seq: 1, Number: 2},
		"attach of id 0":                attach(1, 0, 1, "eve", "", ""),
		"attach that is malformed":      {Kind: buffer.KindAttach, ID: 2, Payload: []byte{9}},
		"attach without a name":         attach(1, 2, 1, "", "", ""),
		"one player with two ids":       attach(1, 2, 1, "ann", "", ""),
		"departure of nobody":           left(1, 9, 1, 1, 1),
		"departure of one hop too many": left(1, 1, 1, 1, 2),
		"departure after a gap":         left(1, 1, 1, 2, 1),
		"departure that is malformed":   {Kind: buffer.KindDepart, ID: 1, Payload: []byte{1}},
		"arrival without a hop":         arrival(1, 2, 0, 0, "bob"),
		"arrival with two ids":          arrival(1, 2, 0, 1, "ann"),
		"arrival that is malformed":     {Kind: buffer.KindArrive, ID: 1, Payload: []byte{1}},
		"delivery of nobody's":          {Kind: buffer.KindDelivered, ID: 9, Number: 1},
		"one id for two players":        attach(1, 1, 2, "bob", "", ""),
		"attach with a byte at the end": {Kind: buffer.KindAttach, ID: 2, Payload: append(attach(1, 2, 1, "bob", "", "").Payload, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable()
			for _, rec := range []buffer.Record{attach(1, 1, 1, "ann", "", "next"), action(1, 1, 1)} {
				require.True(t, table.apply(&rec))
			}
			table.get(1).cut.have = 1
			before := table.marks()
			require.False(t, table.apply(&rec))
			require.Equal(t, before, table.marks())
		})
	}
}

// Whatever records came, a table is in its marks whole.
func TestTableRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newTable()
		for range rapid.IntRange(0, 60).Draw(t, "records") {
			rec := drawRecord(t, table, 1)
			require.True(t, table.apply(&rec))
		}
		for _, r := range table.sorted {
			r.cut = r.stay
		}
		snap := &buffer.Snapshot{Players: table.marks()}
		again := tableOf(snap)
		require.Equal(t, snap.Players, again.marks())
		require.Equal(t, table.last, again.last)
		require.Equal(t, table.trial == nil, again.trial == nil)
		for _, r := range table.sorted {
			got := again.named(r.player)
			require.Equal(t, again.get(r.id), got)
			require.Equal(t, r.have, got.have)
			require.Equal(t, r.have, got.durable, "whoever keeps it said so")
		}
		// And they go on alike.
		for range 20 {
			rec := drawRecord(t, table, 1)
			require.True(t, table.apply(&rec))
			require.True(t, again.apply(&rec), "%v", rec)
		}
		require.Equal(t, table.last, again.last)
	})
}

// drawRecord draws a record that may follow on what the table is. It is no
// outcome and no quarantine of an action that stands in the log.
func drawRecord(t *rapid.T, table *table, epoch uint64) buffer.Record {
	token := rapid.SampledFrom([]string{"", "one", "two", "three"})
	kind := rapid.SampledFrom([]string{
		"attach", "attach again", "action", "action", "action", "quarantine", "mark", "clear", "arrive", "delivered",
	}).Draw(t, "kind")
	if kind == "attach" || len(table.sorted) == 0 {
		id := table.last + 1
		if len(table.sorted) < 4 {
			return attach(epoch, id, 1, fmt.Sprintf("player %d", 9-id), token.Draw(t, "token"), token.Draw(t, "next"))
		}
	}
	r := rapid.SampledFrom(table.sorted).Draw(t, "row")
	if r.away() && kind != "delivered" && kind != "clear" {
		kind = "arrive" // nothing else is written for him
	}
	switch kind {
	case "arrive":
		return arrival(epoch, r.id, rapid.Uint64Max(20).Draw(t, "have"), r.hop+rapid.Uint64Range(1, 2).Draw(t, "hops"), r.player)
	case "delivered":
		return buffer.Record{Epoch: epoch, Kind: buffer.KindDelivered, ID: r.id, Number: r.hop}
	case "attach", "attach again":
		return attach(epoch, r.id, r.attach+1, r.player, token.Draw(t, "token"), token.Draw(t, "next"))
	case "quarantine":
		return buffer.Record{Epoch: epoch, Kind: buffer.KindQuarantine, ID: r.id, Seq: r.have + 1}
	case "mark":
		return buffer.Record{Epoch: epoch, Kind: buffer.KindMark, ID: r.id, Seq: r.have + 1, Number: 2}
	case "clear":
		return buffer.Record{Epoch: epoch, Kind: buffer.KindMark}
	}
	return action(epoch, r.id, r.have+1)
}
