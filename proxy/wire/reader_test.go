package wire_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// counted counts the calls of Read.
type counted struct {
	r     io.Reader
	reads int
}

func (c *counted) Read(b []byte) (int, error) {
	c.reads++
	return c.r.Read(b)
}

func TestReaderTinyFrames(t *testing.T) {
	const n = 10_000
	var stream []byte
	for i := range uint64(n) {
		stream = wire.Act{Seq: i, Payload: []byte{byte(i)}}.Append(stream)
	}
	for name, split := range splits {
		src := &counted{r: split(bytes.NewReader(stream))}
		r := wire.NewReader(src, wire.LinkPlayer)
		for i := range uint64(n) {
			reads, buffered := src.reads, r.Buffered()
			typ, body, err := r.Next()
			require.NoError(t, err)
			require.Equal(t, buffered, reads == src.reads, "Buffered says whether Next reads")
			require.Equal(t, wire.TypeAct, typ)
			var f wire.Act
			require.NoError(t, f.Decode(body))
			require.Equal(t, wire.Act{Seq: i, Payload: []byte{byte(i)}}, f)
		}
		_, _, err := r.Next()
		require.Equal(t, io.EOF, err)
		_, _, err = r.Next()
		require.Equal(t, io.EOF, err, "errors last")
		if name == "at once" {
			require.Less(t, src.reads, len(stream)/2000, "many frames come with one Read")
		}
		require.LessOrEqual(t, r.Buffer(), wire.MaxBuffer(wire.LinkPlayer))
	}
}

// The largest frame of every link passes, in pieces too, between small ones.
func TestReaderLargeFrames(t *testing.T) {
	large := map[wire.Link]appender{
		wire.LinkPlayer: wire.Act{Seq: 1<<64 - 1, Payload: make([]byte, wire.MaxAction)},
		wire.LinkEdge:   wire.Update{Epoch: 1<<64 - 1, Payload: make([]byte, wire.MaxUpdate)},
		wire.LinkRegion: wire.Record{
			Epoch: wire.MaxEpoch, Index: 1<<64 - 1, Of: 1<<64 - 1, Kind: 1, ID: 1<<64 - 1, Seq: 1<<64 - 1, Number: 1<<64 - 1,
			Payload: make([]byte, wire.MaxOutcome),
		},
		wire.LinkSnapshot: wire.Chunk{Offset: 1<<64 - 1, Data: make([]byte, wire.MaxChunk)},
		wire.LinkGame:     wire.Emit{ID: 1<<64 - 1, Handle: 1<<64 - 1, After: 1<<64 - 1, Payload: make([]byte, wire.MaxUpdate)},
		wire.LinkSidecar:  wire.Outcome{ID: 1<<64 - 1, From: 1<<64 - 1, To: 1<<64 - 1, Payload: make([]byte, wire.MaxOutcome)},
	}
	for link, f := range large {
		stream := goodFrame(link)
		for range 3 {
			stream = append(f.Append(stream), goodFrame(link)...)
		}
		require.GreaterOrEqual(t, wire.MaxBuffer(link), len(f.Append(nil)))
		for name, split := range splits {
			if name == "one byte at once" && link != wire.LinkPlayer {
				split = func(io.Reader) io.Reader { return &pieces{b: stream, next: func() int { return 977 }} }
			}
			r := wire.NewReader(split(bytes.NewReader(stream)), link)
			var again []byte
			for range 7 {
				typ, body, err := r.Next()
				require.NoError(t, err, "%v, %s", link, name)
				back, err := decode(typ, body)
				require.NoError(t, err)
				again = back.Append(again)
			}
			require.True(t, bytes.Equal(stream, again), "%v, %s", link, name)
			_, _, err := r.Next()
			require.Equal(t, io.EOF, err)
			require.LessOrEqual(t, r.Buffer(), wire.MaxBuffer(link))
		}
	}
}

// A length that lies costs nothing: memory is taken for what has come.
func TestReaderLyingLength(t *testing.T) {
	large := wire.Update{Payload: make([]byte, wire.MaxUpdate)}.Append(nil)
	r := wire.NewReader(bytes.NewReader(large[:20]), wire.LinkEdge)
	before := r.Buffer()
	_, _, err := r.Next()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, before, r.Buffer())
	require.LessOrEqual(t, before, 1024, "an idle player costs little")
}

// What is wrong is known before the rest has come.
func TestReaderRefusesEarly(t *testing.T) {
	for _, tt := range []struct {
		begin string
		code  wire.Code
	}{
		{"\x80\x80\x80\x80\x08", wire.CodeTooLarge},
		{"\x05\x02", wire.CodeUnknownType},
		{"\xe3\x01\x01", wire.CodeTooLarge},
		{"\x00", wire.CodeProtocol},
		{"\x02\x83\x83", wire.CodeProtocol},
		{strings.Repeat("\xff", 10), wire.CodeProtocol},
	} {
		waits := iotest.ErrReader(errors.New("it read on"))
		r := wire.NewReader(io.MultiReader(strings.NewReader(tt.begin), waits), wire.LinkPlayer)
		_, _, err := r.Next()
		requireCode(t, tt.code, err)
	}
}

// The transport's own errors are nobody's fault: they pass as they are.
func TestReaderTransportError(t *testing.T) {
	reset := errors.New("reset")
	for _, begin := range [][]byte{nil, []byte("\x07\x03")} {
		r := wire.NewReader(io.MultiReader(bytes.NewReader(begin), iotest.ErrReader(reset)), wire.LinkPlayer)
		for range 2 {
			_, _, err := r.Next()
			require.Equal(t, reset, err)
			require.Equal(t, wire.CodeLinkClosed, wire.CodeOf(err))
		}
	}
}

// Frames that came together with an error come before it.
func TestReaderDataBeforeError(t *testing.T) {
	stream := append(goodFrame(wire.LinkPlayer), goodFrame(wire.LinkPlayer)...)
	r := wire.NewReader(iotest.DataErrReader(bytes.NewReader(stream)), wire.LinkPlayer)
	for range 2 {
		_, _, err := r.Next()
		require.NoError(t, err)
	}
	_, _, err := r.Next()
	require.Equal(t, io.EOF, err)
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReaderNoProgress(t *testing.T) {
	_, _, err := wire.NewReader(idle{}, wire.LinkPlayer).Next()
	require.Equal(t, io.ErrNoProgress, err)
}

// Appending to one frame's fields must not change the next frame.
func TestBodyIsCapped(t *testing.T) {
	stream := append(goodFrame(wire.LinkPlayer), goodFrame(wire.LinkPlayer)...)
	_, body, rest, err := wire.Parse(stream, wire.LinkPlayer)
	require.NoError(t, err)
	var f wire.Act
	require.NoError(t, f.Decode(body))
	_ = append(f.Payload, "xx"...)
	require.Equal(t, goodFrame(wire.LinkPlayer), rest)
}

// Append leaves alone what is in front of the frame, whatever room there is.
func TestAppendAfter(t *testing.T) {
	for _, f := range samples {
		alone := f.Append(nil)
		for room := range len(alone) + 2 {
			dst := append(make([]byte, 0, 3+room), "abc"...)
			require.Equal(t, append([]byte("abc"), alone...), f.Append(dst), "%T", f)
		}
	}
}

// A reason that quotes anything still reaches the peer.
func TestTextFits(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"plain":                          "plain",
		"line\r\nline\x00\x1b[2J":        "line??line??[2J",
		"bad \xff\xc3 utf8":              "bad ?? utf8",
		strings.Repeat("x", 300):         strings.Repeat("x", 256),
		"x" + strings.Repeat("é", 200):   "x" + strings.Repeat("é", 127),
		strings.Repeat("\x00", 300):      strings.Repeat("?", 256),
		strings.Repeat("日", 100) + "end": strings.Repeat("日", 85),
	} {
		frame := wire.Bye{Reason: wire.CodeShutdown, Text: text}.Append(nil)
		_, body, _, err := wire.Parse(frame, wire.LinkEdge)
		require.NoError(t, err)
		var f wire.Bye
		require.NoError(t, f.Decode(body))
		require.Equal(t, want, f.Text)
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": true, "Großer Wald": true, "🎮": true, "a\n": false, "\xff": false,
		strings.Repeat("n", 64): true, strings.Repeat("n", 65): false, "\ufffd": true,
	} {
		require.Equal(t, want, wire.ValidName(name), "%q", name)
	}
}

// An epoch above MaxEpoch is refused on a region stream, whatever the frame; in
// Open and Opened, which begin with a version, the receiver looks at it.
func TestReaderRefusesEpochs(t *testing.T) {
	for _, f := range []appender{wire.Elected{Epoch: wire.MaxEpoch + 1}, wire.Acked{Epoch: 1<<64 - 1}} {
		_, _, err := wire.NewReader(bytes.NewReader(f.Append(nil)), wire.LinkRegion).Next()
		require.Equal(t, wire.CodeProtocol, wire.CodeOf(err))
	}
	_, _, err := wire.NewReader(bytes.NewReader(wire.Elected{Epoch: wire.MaxEpoch}.Append(nil)), wire.LinkRegion).Next()
	require.NoError(t, err)
}
