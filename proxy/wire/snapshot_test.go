package wire_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

func TestSnapshotOrder(t *testing.T) {
	sorted := wire.AppendSnapshot(nil, &snapshotSample)
	s := snapshotSample
	s.Players = slices.Clone(s.Players)
	slices.Reverse(s.Players)
	mixed := slices.Clone(s.Players)
	require.Equal(t, sorted, wire.AppendSnapshot(nil, &s), "one snapshot, one encoding")
	require.Equal(t, mixed, s.Players, "the snapshot is only read")
	require.Equal(t, append([]byte("abc"), sorted...), wire.AppendSnapshot([]byte("abc"), &s))
}

func TestBadSnapshots(t *testing.T) {
	players := func(names ...string) []byte {
		s := buffer.Snapshot{Region: "r"}
		b := wire.AppendSnapshot(nil, &s)
		b = append(b[:len(b)-1], byte(len(names)))
		for _, name := range names {
			b = append(append(b, byte(len(name))), name...)
			b = append(b, make([]byte, 11)...)
		}
		return b
	}
	_, err := wire.DecodeSnapshot(players("ada", "bob"), wire.MaxSnapshot)
	require.NoError(t, err)

	whole := wire.AppendSnapshot(nil, &snapshotSample)
	for name, b := range map[string][]byte{
		"empty":                  nil,
		"no region":              {0, 1, 1, 1, 1, 1, 0},
		"a player twice":         players("ada", "ada"),
		"players out of order":   players("bob", "ada"),
		"an empty player":        players(""),
		"a player CR LF":         players("a\r\n"),
		"more players than fit":  {1, 'r', 1, 1, 1, 1, 1, 2, 1, 'a', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 's'},
		"2^63 players":           slices.Concat([]byte{1, 'r', 1, 1, 1, 1, 1}, uvarint(1<<63), make([]byte, 100)),
		"an epoch in two bytes":  {1, 'r', 0x81, 0, 1, 1, 1, 1, 0},
		"an index above 64 bits": slices.Concat([]byte{1, 'r', 1}, bytes.Repeat([]byte{0xff}, 10), []byte{1, 1, 1, 0}),
		"a token of 65 bytes":    slices.Concat([]byte{1, 'r', 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, 1, 65}, make([]byte, 65), []byte{0, 0, 0, 0, 0, 0, 0}),
		"a next token too long":  slices.Concat([]byte{1, 'r', 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, 1, 0, 65}, make([]byte, 65), []byte{0, 0, 0, 0, 0, 0}),
		"a place too long":       slices.Concat([]byte{1, 'r', 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, 1, 0, 0, 0, 0, 0, 65}, make([]byte, 65), []byte{0, 0}),
		"a place that rings":     {1, 'r', 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, 1, 0, 0, 0, 0, 0, 1, 7, 0, 0},
		"a parcel too long":      slices.Concat([]byte{1, 'r', 1, 1, 1, 1, 1, 1, 1, 'a', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0}, uvarint(wire.MaxParcel+1), make([]byte, wire.MaxParcel+1)),
	} {
		_, err := wire.DecodeSnapshot(b, wire.MaxSnapshot)
		requireCode(t, wire.CodeBadSnapshot, fmt.Errorf("%s: %w", name, err))
	}
	for n := range len(whole) - len(snapshotSample.State) {
		_, err := wire.DecodeSnapshot(whole[:n], wire.MaxSnapshot)
		requireCode(t, wire.CodeBadSnapshot, err)
	}
	_, err = wire.DecodeSnapshot(whole, len(whole))
	require.NoError(t, err)
	_, err = wire.DecodeSnapshot(whole, len(whole)-1)
	requireCode(t, wire.CodeTooLarge, err)
}

func TestSnapshotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &buffer.Snapshot{
			Region: name.Draw(t, "region"), Epoch: number.Draw(t, "epoch"), Index: number.Draw(t, "index"),
			Outcome: number.Draw(t, "outcome"), Of: number.Draw(t, "of"), Chain: number.Draw(t, "chain"),
			State: rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "state"),
		}
		for _, p := range rapid.SliceOfDistinct(name, rapid.ID).Draw(t, "players") {
			s.Players = append(s.Players, buffer.PlayerMark{
				Player: p, ID: number.Draw(t, "id"), Attach: number.Draw(t, "attach"), Applied: number.Draw(t, "applied"),
				Token: token.Draw(t, "token"), Next: token.Draw(t, "next"),
				Tried: number.Draw(t, "tried"), Tries: number.Draw(t, "tries"),
				Hop: number.Draw(t, "hop"), From: place.Draw(t, "from"), To: place.Draw(t, "to"), Parcel: token.Draw(t, "parcel"),
			})
		}
		encoded := wire.AppendSnapshot(nil, s)
		back, err := wire.DecodeSnapshot(encoded, len(encoded))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(s.Players, func(a, b buffer.PlayerMark) int { return bytes.Compare([]byte(a.Player), []byte(b.Player)) })
		require.Equal(t, s, back)
	})
}

// place is a name, or none.
var place = rapid.OneOf(rapid.Just(""), name)

// token is none, or one of any size.
var token = rapid.Custom(func(t *rapid.T) []byte {
	b := rapid.SliceOfN(rapid.Byte(), 0, wire.MaxToken).Draw(t, "bytes")
	if len(b) == 0 {
		return nil
	}
	return b
})

func headOf(blob []byte) wire.SnapshotHead {
	return wire.SnapshotHead{Whole: uint64(len(blob)), Size: uint64(len(blob)), Sum: wire.Sum(blob)}
}

func TestAssembler(t *testing.T) {
	for _, size := range []int{1, 100, wire.MaxChunk - 1, wire.MaxChunk, wire.MaxChunk + 1, 5*wire.MaxChunk + 7} {
		blob := bytes.Repeat([]byte("state"), size)[:size]
		a := wire.NewAssembler(headOf(blob))
		n := 0
		for c := range wire.Chunks(blob) {
			require.False(t, a.Done())
			require.LessOrEqual(t, len(c.Data), wire.MaxChunk)
			require.NoError(t, a.Add(c))
			n++
		}
		require.Equal(t, (size+wire.MaxChunk-1)/wire.MaxChunk, n)
		require.True(t, a.Done())
		got, err := a.Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(blob, got))
		require.LessOrEqual(t, a.Room(), size)
		requireCode(t, wire.CodeBadSnapshot, a.Add(wire.Chunk{Offset: uint64(size), Data: []byte("x")}))
	}
	for c := range wire.Chunks(make([]byte, 3*wire.MaxChunk)) {
		require.Zero(t, c.Offset)
		break // a loop may be left
	}
}

// Chunks of any size will do, as long as they are in order.
func TestAssemblerAnyChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blob := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "blob")
		a := wire.NewAssembler(headOf(blob))
		for at := 0; at < len(blob); {
			n := rapid.IntRange(1, len(blob)-at).Draw(t, "n")
			require.NoError(t, a.Add(wire.Chunk{Offset: uint64(at), Data: blob[at : at+n]}))
			at += n
			require.Equal(t, at == len(blob), a.Done())
		}
		got, err := a.Bytes()
		require.NoError(t, err)
		require.Equal(t, blob, got)
	})
}

func TestBadChunks(t *testing.T) {
	blob := []byte("0123456789")
	for name, c := range map[string]wire.Chunk{
		"a hole":            {Offset: 5, Data: blob[5:]},
		"an overlap":        {Offset: 3, Data: blob[3:]},
		"the same again":    {Offset: 0, Data: blob[:4]},
		"beyond the end":    {Offset: 4, Data: make([]byte, 7)},
		"an offset of 2^64": {Offset: math.MaxUint64, Data: blob[:1]},
		"empty":             {Offset: 4},
	} {
		a := wire.NewAssembler(headOf(blob))
		require.NoError(t, a.Add(wire.Chunk{Data: blob[:4]}))
		requireCode(t, wire.CodeBadSnapshot, fmt.Errorf("%s: %w", name, a.Add(c)))
		_, err := a.Bytes()
		requireCode(t, wire.CodeBadSnapshot, err)
		require.NoError(t, a.Add(wire.Chunk{Offset: 4, Data: blob[4:]}), "a refused chunk changes nothing")
		got, err := a.Bytes()
		require.NoError(t, err)
		require.Equal(t, blob, got)
	}
}

func TestAssemblerEarly(t *testing.T) {
	early := wire.NewAssembler(wire.SnapshotHead{Size: 6})
	require.NoError(t, early.Add(wire.Chunk{Data: []byte("state")}))
	_, err := early.Bytes()
	requireCode(t, wire.CodeBadSnapshot, err)
}

func TestVerify(t *testing.T) {
	blob := []byte("state")
	head := headOf(blob)
	require.NoError(t, head.Verify(blob))
	requireCode(t, wire.CodeBadSnapshot, head.Verify(blob[:4]))
	requireCode(t, wire.CodeBadSnapshot, head.Verify([]byte("State")))
	for _, change := range []func(*wire.SnapshotHead){
		func(h *wire.SnapshotHead) { h.Whole++ },
		func(h *wire.SnapshotHead) { h.Sum++ },
		func(h *wire.SnapshotHead) { h.Sum += 1 << 32 },
	} {
		other := head
		change(&other)
		requireCode(t, wire.CodeBadSnapshot, other.Verify(blob))
	}
}

// A head that lies costs nothing: memory is taken for what has come.
func TestAssemblerLyingHead(t *testing.T) {
	a := wire.NewAssembler(wire.SnapshotHead{Size: math.MaxUint64})
	for i := range 10 {
		require.NoError(t, a.Add(wire.Chunk{Offset: uint64(i * 1000), Data: make([]byte, 1000)}))
		require.LessOrEqual(t, a.Room(), 2*(i+1)*1000)
	}
	require.False(t, a.Done())
}
