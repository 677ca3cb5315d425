package world

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sink keeps what the world sends.
type sink struct {
	sent      []string // "player payload", reliable
	shown     [][]byte // broadcasts
	committed [][]byte
	parted    []parting
	closed    bool    // nobody may leave
	coarse    float64 // what the fidelity lacks to 1
}

func (s *sink) Fidelity() float64 { return 1 - s.coarse }

func (s *sink) Commit(delta []byte) { s.committed = append(s.committed, slices.Clone(delta)) }

func (s *sink) Send(player string, payload []byte) {
	s.sent = append(s.sent, fmt.Sprintf("%s %x", player, payload))
}

func (s *sink) BroadcastUnreliable(payload []byte) {
	s.shown = append(s.shown, append([]byte(nil), payload...))
}

func (s *sink) Transfer(player, region string, baggage, delta []byte) error {
	if s.closed || region == "nowhere" {
		return errNowhere
	}
	s.parted = append(s.parted, parting{player, region, slices.Clone(baggage), slices.Clone(delta)})
	return nil
}

var errNowhere = errors.New("no such region")

// parting is a player who leaves for another region.
type parting struct {
	player, region string
	baggage, delta []byte
}

// names are the players of the tests.
var names = []string{"ann", "bob", "cid", "dee", "eve"}

// commands draws any command that a client could send, sensible or not.
func commands(n uint64) *rapid.Generator[Command] {
	return rapid.Custom(func(t *rapid.T) Command {
		c := Command{N: n, Kind: rapid.SampledFrom([]Kind{Move, Take, Take, Take, Sell, Trade, Trade, Cross}).Draw(t, "kind")}
		switch c.Kind {
		case Move:
			c.DX, c.DY = rapid.Int8Range(-1, 1).Draw(t, "dx"), rapid.Int8Range(-1, 1).Draw(t, "dy")
		case Sell, Trade:
			c.Item = rapid.Uint8Range(0, Kinds-1).Draw(t, "item")
			c.Count = rapid.OneOf(rapid.Uint64Range(0, 4), rapid.Uint64()).Draw(t, "count")
		case Poison:
			c.Variant = rapid.SampledFrom([]Variant{Panic, Fatal, Kill, Hang}).Draw(t, "variant")
		case Take, Audit, Cross:
		}
		if c.Kind == Cross {
			c.Partner = "nowhere"
		}
		if c.Kind == Trade {
			c.Price = rapid.OneOf(rapid.Uint64Range(0, 30), rapid.Uint64()).Draw(t, "price")
			c.Partner = rapid.SampledFrom(append(names, "nobody")).Draw(t, "partner")
		}
		return c
	})
}

// play applies count random commands of random players, in their own order.
func play(t *rapid.T, w *World, out output, seqs map[string]uint64, count int) {
	for range count {
		player := rapid.SampledFrom(names).Draw(t, "player")
		seqs[player]++
		c := commands(seqs[player]).Draw(t, "command")
		w.apply(out, player, c.Append(nil))
	}
}

func TestNothingIsMadeOrDestroyed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, seqs := New(), map[string]uint64{}
		before := w.books().Totals
		play(t, w, &sink{}, seqs, rapid.IntRange(1, 200).Draw(t, "commands"))
		after := w.books()
		require.Equal(t, before, after.Totals)
		require.Zero(t, after.Malformed)
		for _, a := range after.Players {
			n := seqs[a.Player]
			require.Equal(t, Journal{Last: n, Applied: n, Hash: a.Journal.Hash}, a.Journal)
		}
	})
}

func TestRestoredWorldGoesOnTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, seqs := New(), map[string]uint64{}
		play(t, w, &sink{}, seqs, rapid.IntRange(0, 60).Draw(t, "before"))
		state := w.Snapshot(nil)

		twin := New()
		twin.seat("somebody else")
		require.NoError(t, twin.Restore(state))
		require.Equal(t, state, twin.Snapshot(nil))

		w.dice, twin.dice = loaded(1), loaded(1)
		a, b := &sink{}, &sink{}
		for range rapid.IntRange(1, 60).Draw(t, "after") {
			player := rapid.SampledFrom(names).Draw(t, "player")
			seqs[player]++
			c := commands(seqs[player]).Draw(t, "command")
			w.apply(a, player, c.Append(nil))
			twin.apply(b, player, c.Append(nil))
		}
		require.Equal(t, a, b)
		require.Equal(t, w.Snapshot(nil), twin.Snapshot(nil))
	})
}

func TestCommandsDoWhatTheySay(t *testing.T) {
	w, out := New(), &sink{}
	act := func(player string, c Command) Echo {
		t.Helper()
		c.N = w.seat(player).journal.Last + 1
		w.apply(out, player, c.Append(nil))
		echo, err := ParseEcho(w.scratch)
		require.NoError(t, err)
		require.Equal(t, c.N, echo.N)
		return echo
	}

	require.Equal(t, Echo{N: 1, Result: Done, X: Side - 1, Y: 1, Gold: Grant, Applied: 1}, act("ann", Command{Kind: Move, DX: -1, DY: 1}))
	require.Equal(t, Echo{N: 2, Result: Done, X: 0, Y: 1, Gold: Grant, Applied: 2}, act("ann", Command{Kind: Move, DX: 1}))

	require.Equal(t, Done, act("ann", Command{Kind: Take}).Result)
	require.Equal(t, [Kinds]uint64{Gather}, w.byName["ann"].items)
	require.EqualValues(t, Stock-Gather, w.nodes[0])

	require.Equal(t, Refused, act("bob", Command{Kind: Trade, Partner: "ann", Count: Gather + 1, Price: 5}).Result)
	require.Equal(t, Refused, act("bob", Command{Kind: Trade, Partner: "ann", Count: 1, Price: Grant + 1}).Result)
	require.Equal(t, Refused, act("bob", Command{Kind: Trade, Partner: "bob", Count: 1, Price: 1}).Result)
	require.Equal(t, Refused, act("bob", Command{Kind: Trade, Partner: "zoe", Count: 1, Price: 1}).Result)
	echo := act("bob", Command{Kind: Trade, Partner: "ann", Count: 2, Price: 5})
	require.Equal(t, Done, echo.Result)
	require.EqualValues(t, Grant-5, echo.Gold)
	require.EqualValues(t, Grant+5, w.byName["ann"].gold)
	require.Equal(t, [Kinds]uint64{1}, w.byName["ann"].items)
	require.Equal(t, [Kinds]uint64{2}, w.byName["bob"].items)

	require.Equal(t, Refused, act("ann", Command{Kind: Sell, Count: 2}).Result)
	require.EqualValues(t, Grant+5+Wage, act("ann", Command{Kind: Sell, Count: 1}).Gold)
	require.EqualValues(t, 1, w.trades)
}

func TestSoldItemsReturnToANodeOfTheirKind(t *testing.T) {
	w := New()
	f := w.seat("ann")
	before := w.books().Totals
	for i := range nodes {
		f.x, f.y = uint8(i%(Side/area)*area), uint8(i/(Side/area)*area)
		require.Equal(t, i, f.node())
		for item := range uint8(Kinds) {
			f.items[item]++ // out of a node far away
			w.nodes[item]--
			require.Equal(t, Done, w.do(f, &Command{Kind: Sell, Item: item, Count: 1}))
			require.Equal(t, before, w.books().Totals)
		}
	}
}

func TestNobodyTakesFromAnEmptyNode(t *testing.T) {
	w := New()
	f := w.seat("ann")
	w.nodes[f.node()] = 2
	take := Command{Kind: Take, N: 1}
	result, roll := w.take(&sink{}, f, 1, take.Append(nil))
	require.Equal(t, Done, result)
	require.NotZero(t, roll)
	require.EqualValues(t, 2, f.items[0])
	out := &sink{}
	result, roll = w.take(out, f, 2, take.Append(nil))
	require.Equal(t, Refused, result)
	require.Zero(t, roll)
	require.Empty(t, out.committed)
}

// loaded is a dice that rolls the same for the same seed.
func loaded(seed byte) dice { return dice{source: rand.NewChaCha8([32]byte{seed})} }

func TestWhoIsThereIsNoPartOfTheState(t *testing.T) {
	w := New()
	w.seat("ann")
	before := w.Snapshot(nil)
	w.Join(nil, "ann")
	w.Join(nil, "bob")
	require.Equal(t, before, w.Snapshot(nil))
	require.NoError(t, w.Restore(before))
	require.Len(t, w.present, 2, "joins are of this process")
	w.Leave(nil, "ann")
	w.Leave(nil, "nobody")
	require.Equal(t, map[string]bool{"bob": true}, w.present)
}

func TestAnEmptyVaultGivesWhatItHas(t *testing.T) {
	w := New()
	w.vault = Grant + 1
	require.EqualValues(t, Grant, w.seat("ann").gold)
	require.EqualValues(t, 1, w.seat("bob").gold)
	require.Zero(t, w.seat("cid").gold)
	f := w.byName["ann"]
	f.items[0] = 1
	require.Equal(t, Refused, w.do(f, &Command{Kind: Sell, Count: 1}))
}

func TestMalformedActionsAreCountedAndChangeNothingElse(t *testing.T) {
	w, out := New(), &sink{}
	w.seat("ann")
	poison := Command{Kind: Poison, N: 1, Variant: Panic} // not allowed here
	for _, payload := range []string{
		string(poison.Append(nil)), "\x06\x01\x00", "\x06\x01\x05", "\x06\x01",
		"", "\x01", "\x09\x01", "\x01\x00\x01\x01", // no kind, no count, unknown kind, count 0
		"\x01\x01\x02\x00", "\x01\x01\x00", "\x02\x01\x00", // two steps at once, short, trailing
		"\x03\x01\x03\x01", "\x04\x01\x00\x01", // unknown item, no price
	} {
		w.apply(out, "ann", []byte(payload))
	}
	b := w.books()
	require.EqualValues(t, 13, b.Malformed)
	require.Equal(t, Journal{}, b.Players[0].Journal)
	require.Empty(t, out.sent)
}

func TestPositionsAreShownAtALowRate(t *testing.T) {
	w, out := New(), &sink{}
	for i := range 100 {
		w.seat(fmt.Sprintf("bot-%03d", i+1))
		w.Join(nil, fmt.Sprintf("bot-%03d", i+1))
	}
	w.Leave(nil, "bot-100")
	move := Command{Kind: Move}
	for range 3 * showEvery {
		move.N++
		w.apply(out, "bot-001", move.Append(nil))
	}
	require.Len(t, out.shown, 3)
	require.Equal(t, TagShow, TagOf(out.shown[0]))
	require.Len(t, out.shown[0], 1+2*99)
	require.Zero(t, TagOf(nil))
}

// A crowd sees the board as often as each of them acts.
func TestPositionsAreShownToACrowd(t *testing.T) {
	w, out := New(), &sink{}
	const crowd = 2 * showEvery
	for i := range crowd {
		w.Join(nil, fmt.Sprintf("bot-%03d", i+1))
	}
	move := Command{Kind: Move}
	for range 3 * crowd {
		move.N++
		w.apply(out, "bot-001", move.Append(nil))
	}
	require.Len(t, out.shown, 3)
}

// While the mesh gives something up there are as many fewer broadcasts, and the state
// is the same.
func TestPositionsAreShownLessOften(t *testing.T) {
	states := map[string]bool{}
	for coarse, want := range map[float64]int{0: 40, 0.25: 30, 0.5: 20, 0.75: 10, 1: 0} {
		w, out := New(), &sink{coarse: coarse}
		move := Command{Kind: Move, DX: 1}
		for range 40 * showEvery {
			move.N++
			w.apply(out, "ann", move.Append(nil))
		}
		require.Len(t, out.shown, want)
		require.Len(t, out.sent, 40*showEvery)
		states[string(w.Snapshot(nil))] = true
	}
	require.Len(t, states, 1)
}

func BenchmarkSnapshot100(b *testing.B) {
	w := New()
	for i := range 100 {
		w.seat(fmt.Sprintf("bot-%03d", i+1)).journal = Journal{Last: 1 << 20, Applied: 1 << 20, Hash: 1<<63 + 1}
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = w.Snapshot(dst[:0])
	}
	b.ReportMetric(float64(len(dst)), "bytes")
}

func BenchmarkApply(b *testing.B) {
	w, c := New(), Command{Kind: Move, DX: 1}
	var payload []byte
	b.ReportAllocs()
	for b.Loop() {
		c.N++
		payload = c.Append(payload[:0])
		w.apply(discard{}, "ann", payload)
	}
}

type discard struct{}

func (discard) Send(string, []byte)        {}
func (discard) BroadcastUnreliable([]byte) {}
func (discard) Commit([]byte)              {}
func (discard) Fidelity() float64          { return 1 }
func (discard) Transfer(_, region string, _, _ []byte) error {
	if region == "nowhere" {
		return errNowhere
	}
	return nil
}
