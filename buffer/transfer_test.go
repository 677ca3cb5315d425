package buffer

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var parcels = []Parcel{
	{Hop: 1, Baggage: []byte{}},
	{Hop: 7, Have: 300, Baggage: []byte("3 gold"), Last: 300},
	{Hop: 128, Have: 300, Baggage: []byte{}, Carried: [][]byte{[]byte("jump"), {}, nil, []byte("run")}, Last: 304},
	{Hop: maxSeq, Have: maxSeq, Baggage: bytes.Repeat([]byte{0xff}, 200), Carried: [][]byte{nil}, Last: maxSeq + 1 + maxAfter},
}

func TestParcel(t *testing.T) {
	for _, want := range parcels {
		b := AppendParcel([]byte("before"), want)[len("before"):]
		got, ok := ParseParcel(b)
		require.True(t, ok)
		require.Equal(t, want, got)
		for n := range b {
			_, ok := ParseParcel(b[:n])
			require.False(t, ok, "%d of %d bytes", n, len(b))
		}
	}
	for name, bad := range map[string]string{
		"hop 0":                  "\x00\x00\x00\x00\x00",
		"a byte at the end":      "\x01\x00\x00\x00\x00\x00",
		"a hop in two bytes":     "\x81\x00\x00\x00\x00\x00",
		"more actions than fit":  "\x01\x00\x00\xff\xff\xff\xff\x7f\x00",
		"an action beyond it":    "\x01\x00\x00\x01\x09x\x00",
		"baggage beyond it":      "\x01\x00\x09x\x00\x00",
		"2^63 of them refused":   "\x01\x00\x00\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
		"a hop that never comes": "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00\x00\x00",
	} {
		_, ok := ParseParcel([]byte(bad))
		require.False(t, ok, name)
	}
}

var departures = []Departure{
	{Region: "sea", Delta: []byte{}, Parcel: AppendParcel(nil, parcels[0])},
	{Outcome: true, Region: "Großer Wald", Delta: []byte("ann leaves"), Parcel: AppendParcel(nil, parcels[2])},
}

func TestDeparture(t *testing.T) {
	for _, want := range departures {
		b := AppendDeparture([]byte("before"), want)[len("before"):]
		got, ok := ParseDeparture(b)
		require.True(t, ok)
		require.Equal(t, want, got)
		for n := range b {
			_, ok := ParseDeparture(b[:n])
			require.False(t, ok, "%d of %d bytes", n, len(b))
		}
	}
	for name, bad := range map[string]string{
		"neither 0 nor 1": "\x02\x03sea\x00\x01\x00\x00\x00\x00",
		"no region":       "\x01\x00\x00\x01\x00\x00\x00\x00",
		"no parcel":       "\x01\x03sea\x00",
	} {
		_, ok := ParseDeparture([]byte(bad))
		require.False(t, ok, name)
	}
}

var arrivals = []Arrival{
	{Attachment: Attachment{Player: "ann"}, Number: 1, Hop: 1, From: "sea", Baggage: []byte{}},
	{Attachment: attachments[3], Number: 300, Hop: maxSeq, From: "Großer Wald", Baggage: []byte("3 gold")},
}

func TestArrival(t *testing.T) {
	for _, want := range arrivals {
		b := AppendArrival([]byte("before"), want)[len("before"):]
		got, ok := ParseArrival(b)
		require.True(t, ok)
		require.Equal(t, want, got)
		for n := range len(b) - len(want.Baggage) {
			_, ok := ParseArrival(b[:n])
			require.False(t, ok, "%d of %d bytes", n, len(b))
		}
		rec := Record{Kind: KindArrive, Seq: 5, Payload: b}
		require.Equal(t, ^want.Hop, rec.Trial())
		require.Greater(t, rec.Trial(), uint64(maxSeq), "no action has such a seq")
	}
	for name, bad := range map[string]string{
		"hop 0":      "\x01\x00\x03sea\x06\x03ann\x00\x00",
		"no region":  "\x01\x01\x00\x06\x03ann\x00\x00",
		"no player":  "\x01\x01\x03sea\x03\x00\x00\x00",
		"no attach":  "\x01\x01\x03sea\x00",
		"hop 2^63":   "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x03sea\x06\x03ann\x00\x00",
		"long form":  "\x81\x00\x01\x03sea\x06\x03ann\x00\x00",
		"too little": "\x01\x01\x03se",
	} {
		_, ok := ParseArrival([]byte(bad))
		require.False(t, ok, name)
	}
	action := Record{Kind: KindAction, Seq: 5}
	require.EqualValues(t, 5, action.Trial())
}

func TestParcelRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Byte(), 0, 9)
		p := Parcel{
			Hop: rapid.Uint64Range(1, maxSeq).Draw(t, "hop"), Have: rapid.Uint64Max(maxSeq).Draw(t, "have"), Baggage: some.Draw(t, "baggage"),
		}
		for range rapid.IntRange(0, 5).Draw(t, "carried") {
			payload := some.Draw(t, "payload")
			if rapid.Bool().Draw(t, "refused") {
				payload = nil
			}
			p.Carried = append(p.Carried, payload)
		}
		p.Last = p.Have + uint64(len(p.Carried)) + rapid.Uint64Max(3).Draw(t, "after")
		got, ok := ParseParcel(AppendParcel(nil, p))
		require.True(t, ok)
		require.Equal(t, p, got)
	})
}

// What is accepted has one encoding.
func FuzzParseParcel(f *testing.F) {
	for _, p := range parcels {
		f.Add(AppendParcel(nil, p))
	}
	f.Add([]byte("\x01\x00\x00\x01\x09x\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := ParseParcel(b)
		if !ok {
			require.Zero(t, p)
			return
		}
		require.GreaterOrEqual(t, p.Last, p.Have)
		require.Equal(t, b, AppendParcel([]byte{}, p))
	})
}

func FuzzParseDeparture(f *testing.F) {
	for _, d := range departures {
		f.Add(AppendDeparture(nil, d))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := ParseDeparture(b)
		if !ok {
			require.Zero(t, d)
			return
		}
		require.Equal(t, b, AppendDeparture([]byte{}, d))
	})
}

func FuzzParseArrival(f *testing.F) {
	for _, a := range arrivals {
		f.Add(AppendArrival(nil, a))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := ParseArrival(b)
		if !ok {
			require.Zero(t, a)
			return
		}
		require.Equal(t, b, AppendArrival([]byte{}, a))
	})
}
