package buffer

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKinds(t *testing.T) {
	seen := map[string]bool{"none": true, "unknown": true}
	for k := KindSeal; k < kinds; k++ {
		require.True(t, k.Valid())
		require.False(t, seen[k.String()], k.String())
		seen[k.String()] = true
	}
	require.False(t, Kind(0).Valid())
	require.False(t, kinds.Valid())
	require.Equal(t, "none", Kind(0).String())
	require.Equal(t, "unknown", kinds.String())
	require.Equal(t, "unknown", Kind(255).String())
}

// Every field counts, and so does where one ends and the next begins.
func TestChained(t *testing.T) {
	records := []Record{
		{},
		{Epoch: 1},
		{Epoch: math.MaxUint64},
		{Kind: KindAction},
		{ID: 1},
		{Seq: 1},
		{Number: 1},
		{Payload: []byte{0}},
		{Payload: []byte{0, 0}},
		{Payload: []byte{1}},
		{Number: 1, Payload: []byte{0}},
	}
	seen := map[uint64]int{}
	for i, r := range records {
		for _, before := range []uint64{0, 1, 1 << 63} {
			chain := r.Chained(before)
			require.NotContains(t, seen, chain, "%+v and %+v", r, records[seen[chain]])
			seen[chain] = i
			require.Equal(t, chain, r.Chained(before))
		}
	}
	one, two := Record{Seq: 1}, Record{Seq: 2}
	require.NotEqual(t, two.Chained(one.Chained(0)), one.Chained(two.Chained(0)), "order counts")
}

var attachments = []Attachment{
	{Player: "ada"},
	{Player: "ada", Token: []byte("shown")},
	{Player: "ada", Next: []byte("given")},
	{Player: "zoë", Token: bytes.Repeat([]byte{0}, 32), Next: bytes.Repeat([]byte{0xff}, 32)},
	{Player: strings.Repeat("n", 255), Token: make([]byte, 255), Next: make([]byte, 255)},
}

func TestAttach(t *testing.T) {
	for _, want := range attachments {
		b := AppendAttach([]byte("before"), want)[len("before"):]
		got, ok := ParseAttach(b)
		require.True(t, ok)
		require.Equal(t, want, got)
		clear(b)
		require.Equal(t, want, got, "it must not alias the payload")
	}
	for _, bad := range []string{
		"", "\x03ada", "\x03ada\x00", "\x03ada\x00\x00x", "\x00\x00\x00", "\x04ada\x00\x00", "\x03ada\x00\x01", "\xff",
	} {
		_, ok := ParseAttach([]byte(bad))
		require.False(t, ok, "%q", bad)
	}
}

func FuzzParseAttach(f *testing.F) {
	for _, a := range attachments {
		b := AppendAttach(nil, a)
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b, 0))
	}
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00"))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := ParseAttach(b)
		if !ok {
			require.Zero(t, a)
			return
		}
		require.NotEmpty(t, a.Player)
		require.Equal(t, b, AppendAttach([]byte{}, a), "what is accepted has one encoding")
	})
}
