package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

func FuzzPlayerLink(f *testing.F) { fuzzLinks(f, wire.LinkPlayer, wire.LinkEdge) }
func FuzzRegionLink(f *testing.F) { fuzzLinks(f, wire.LinkRegion, wire.LinkSnapshot) }
func FuzzGameLink(f *testing.F)   { fuzzLinks(f, wire.LinkGame, wire.LinkSidecar) }

// fuzzLinks feeds arbitrary bytes to readers of one of two links: at once, and in
// pieces whose sizes the fuzzer chooses as well.
func fuzzLinks(f *testing.F, a, b wire.Link) {
	f.Helper()
	for _, link := range []wire.Link{a, b} {
		var all []byte
		for _, s := range samples {
			for _, l := range wire.Links(typeOf(f, s)) {
				if l == link {
					f.Add(link == b, s.Append(nil), []byte{1})
					all = s.Append(all)
				}
			}
		}
		f.Add(link == b, all, []byte{3, 200, 1})
	}
	for _, row := range append(readBad(f), longBad()...) {
		if row.link == a || row.link == b {
			f.Add(row.link == b, row.bytes, []byte{2, 5})
		}
	}
	f.Fuzz(func(t *testing.T, second bool, stream, sizes []byte) {
		link := a
		if second {
			link = b
		}
		whole, wholeErr := consume(t, wire.NewReader(bytes.NewReader(stream), link))
		turn := 0
		next := func() int {
			turn++
			return 1 + int(sizes[turn%len(sizes)])
		}
		if len(sizes) == 0 {
			next = func() int { return 1 }
		}
		cut, cutErr := consume(t, wire.NewReader(&pieces{b: stream, next: next}, link))

		require.Equal(t, whole, cut, "what is accepted does not depend on how it comes")
		require.Equal(t, wire.CodeOf(wholeErr), wire.CodeOf(cutErr))
		require.True(t, bytes.HasPrefix(stream, whole), "what is accepted has one encoding")
		if errors.Is(wholeErr, io.EOF) {
			require.Len(t, whole, len(stream))
		}
	})
}

// consume reads until the first error and encodes again what was accepted. The
// error is io.EOF or an *Error.
func consume(t *testing.T, r *wire.Reader) ([]byte, error) {
	t.Helper()
	var again []byte
	for {
		typ, body, err := r.Next()
		if err == nil {
			var f appender
			if f, err = decode(typ, body); err == nil {
				again = f.Append(again)
				continue
			}
		}
		if !errors.Is(err, io.EOF) {
			var e *wire.Error
			require.True(t, errors.As(err, &e), "%v", err)
			require.Contains(t, wire.Codes(), e.Code)
		}
		return again, err
	}
}

func FuzzSnapshot(f *testing.F) {
	whole := wire.AppendSnapshot(nil, &snapshotSample)
	for n := range whole {
		f.Add(whole[:n])
	}
	f.Add(whole)
	f.Add(append([]byte{1, 'r', 1, 1, 1, 1}, uvarint(1<<63)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := wire.DecodeSnapshot(b, wire.MaxSnapshot)
		if err != nil {
			requireCode(t, wire.CodeBadSnapshot, err)
			return
		}
		require.Equal(t, b, wire.AppendSnapshot([]byte{}, s), "what is accepted has one encoding")
	})
}
