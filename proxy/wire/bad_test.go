package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// bad is something that must be refused with a code.
type bad struct {
	why   string
	link  wire.Link
	code  wire.Code
	bytes []byte
}

func readBad(tb testing.TB) []bad {
	tb.Helper()
	byName := map[string]wire.Link{}
	for link := range wire.LinkCount {
		byName[link.String()] = link
	}
	file, err := os.ReadFile("testdata/bad.txt")
	require.NoError(tb, err)
	var rows []bad
	for sc := bufio.NewScanner(bytes.NewReader(file)); sc.Scan(); {
		line, why, _ := strings.Cut(sc.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		require.Len(tb, fields, 3, sc.Text())
		link, ok := byName[fields[0]]
		require.True(tb, ok, sc.Text())
		code, ok := wire.ParseCode(fields[1])
		require.True(tb, ok, sc.Text())
		raw, err := hex.DecodeString(fields[2])
		require.NoError(tb, err, sc.Text())
		rows = append(rows, bad{strings.TrimSpace(why), link, code, raw})
	}
	require.NotEmpty(tb, rows)
	return rows
}

// frame makes a frame of any type around a body.
func frame(t wire.Type, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	b := binary.AppendUvarint(nil, uint64(t))
	b = append(b, all...)
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

func uvarint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// What is too long for testdata/bad.txt.
func longBad() []bad {
	long := strings.Repeat("n", 64<<10)
	big := func(n int) []byte { return make([]byte, n) }
	name := append(uvarint(uint64(len(long))), long...)
	one, two := uvarint(1), uvarint(2)
	return []bad{
		{"a player name of 64 KiB", wire.LinkPlayer, wire.CodeTooLarge, wire.Hello{Version: wire.Version, Region: "r", Player: long}.Append(nil)},
		{"a region name of 64 KiB", wire.LinkPlayer, wire.CodeTooLarge, wire.Hello{Version: wire.Version, Region: long, Player: "p"}.Append(nil)},
		{"a game name of 64 KiB", wire.LinkGame, wire.CodeTooLarge, wire.GameHello{Version: wire.Version, Name: long}.Append(nil)},
		{"an attached name of 64 KiB", wire.LinkRegion, wire.CodeTooLarge, wire.Attach{Player: long}.Append(nil)},
		{"a text of 64 KiB", wire.LinkEdge, wire.CodeTooLarge, frame(wire.TypeBye, one, one, two, one, name)},
		{"a text of 257 bytes", wire.LinkEdge, wire.CodeTooLarge, frame(wire.TypeBye, one, one, two, one, uvarint(257), []byte(long[:257]))},
		{"an action one byte too long", wire.LinkPlayer, wire.CodeTooLarge, frame(wire.TypeAct, one, big(wire.MaxAction+1))},
		{"the same on the way to the primary", wire.LinkRegion, wire.CodeTooLarge, frame(wire.TypeAction, one, one, one, one, big(wire.MaxAction+1))},
		{"the same on the way to the game", wire.LinkSidecar, wire.CodeTooLarge, frame(wire.TypeDo, one, one, one, one, big(wire.MaxAction+1))},
		{"an outcome one byte too long", wire.LinkGame, wire.CodeTooLarge, frame(wire.TypeOutcome, one, one, one, big(wire.MaxOutcome+1))},
		{"a record one byte too long", wire.LinkRegion, wire.CodeTooLarge, frame(wire.TypeRecord, one, one, one, two, one, one, one, big(wire.MaxRecord+1))},
		{"baggage one byte too long", wire.LinkGame, wire.CodeTooLarge, wire.Transfer{ID: 1, Player: "p", Region: "r", Payload: big(wire.MaxOutcome + 1)}.Append(nil)},
		{"a delta one byte too long", wire.LinkGame, wire.CodeTooLarge, wire.Transfer{ID: 1, Player: "p", Region: "r", Delta: big(wire.MaxOutcome + 1)}.Append(nil)},
		{"a parcel one byte too long", wire.LinkRegion, wire.CodeTooLarge, wire.Depart{Epoch: 1, Region: "r", Payload: big(wire.MaxParcel + 1)}.Append(nil)},
		{"the same on the way in", wire.LinkRegion, wire.CodeTooLarge, wire.Enter{Epoch: 1, Player: "p", From: "r", Payload: big(wire.MaxParcel + 1)}.Append(nil)},
		{"baggage that comes, one byte too long", wire.LinkSidecar, wire.CodeTooLarge, frame(wire.TypeArrive, one, one, one, big(wire.MaxOutcome+1))},
		{"an update one byte too long", wire.LinkEdge, wire.CodeTooLarge, frame(wire.TypeUpdate, one, big(wire.MaxUpdate+1))},
		{"an output one byte too long", wire.LinkRegion, wire.CodeTooLarge, frame(wire.TypeOutput, one, one, one, big(wire.MaxUpdate+1))},
		{"an emit one byte too long", wire.LinkGame, wire.CodeTooLarge, frame(wire.TypeEmit, one, one, one, one, big(wire.MaxUpdate+1))},
		{"a chunk one byte too long", wire.LinkSnapshot, wire.CodeTooLarge, frame(wire.TypeChunk, one, big(wire.MaxChunk+1))},
		{"a state one byte too long", wire.LinkGame, wire.CodeTooLarge, frame(wire.TypeState, one, one, big(wire.MaxChunk+1))},
	}
}

func TestBadFrames(t *testing.T) {
	for _, tt := range append(readBad(t), longBad()...) {
		t.Run(tt.link.String()+" "+tt.why, func(t *testing.T) {
			good := goodFrame(tt.link)
			for name, split := range splits {
				r := wire.NewReader(split(bytes.NewReader(append(bytes.Clone(good), tt.bytes...))), tt.link)
				typ, body, err := r.Next()
				require.NoError(t, err, name)
				_, err = decode(typ, body)
				require.NoError(t, err, name)

				typ, body, err = r.Next()
				if err == nil {
					_, err = decode(typ, body)
				} else {
					_, _, again := r.Next()
					require.Equal(t, err, again, "errors last")
				}
				requireCode(t, tt.code, err)
				require.LessOrEqual(t, r.Buffer(), wire.MaxBuffer(tt.link))
			}

			typ, body, _, err := wire.Parse(tt.bytes, tt.link)
			if err == nil {
				_, err = decode(typ, body)
			}
			requireCode(t, tt.code, err)
		})
	}
}

// goodFrame is a frame of a link that comes before a bad one.
func goodFrame(link wire.Link) []byte {
	return map[wire.Link]appender{
		wire.LinkPlayer:   wire.Act{Seq: 1, Payload: []byte("hello")},
		wire.LinkEdge:     wire.Durable{Epoch: 1, Seq: 1},
		wire.LinkRegion:   wire.Acked{Epoch: 1, Handle: 1, Seq: 1},
		wire.LinkSnapshot: wire.Chunk{Data: []byte("state")},
		wire.LinkGame:     wire.Beat{N: 1},
		wire.LinkSidecar:  wire.Cut{ID: 1, N: 1},
	}[link].Append(nil)
}

// splits are ways in which the same bytes may come.
var splits = map[string]func(io.Reader) io.Reader{
	"at once":          func(r io.Reader) io.Reader { return r },
	"with the EOF":     iotest.DataErrReader,
	"in halves":        iotest.HalfReader,
	"one byte at once": iotest.OneByteReader,
}

func requireCode(t *testing.T, want wire.Code, err error) {
	t.Helper()
	var e *wire.Error
	require.True(t, errors.As(err, &e), "%v (%T)", err, err)
	require.Equal(t, want.String(), e.Code.String(), e.Detail)
	require.Equal(t, want, wire.CodeOf(err))
	require.NotEmpty(t, e.Detail)
}

// One byte more than the largest frame of a link or type is refused as soon as
// that is known; the largest itself is waited for.
func TestLimitsAreExact(t *testing.T) {
	for link := range wire.LinkCount {
		_, _, _, err := wire.Parse(uvarint(uint64(wire.Largest(link))+1), link)
		requireCode(t, wire.CodeTooLarge, err)
		_, _, _, err = wire.Parse(uvarint(uint64(wire.Largest(link))), link)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	for _, typ := range wire.Types() {
		for _, link := range wire.Links(typ) {
			begin := func(n int) []byte { return append(uvarint(uint64(n)), byte(typ)) }
			_, _, _, err := wire.Parse(begin(wire.Max(typ)+1), link)
			requireCode(t, wire.CodeTooLarge, err)
			_, _, _, err = wire.Parse(begin(wire.Max(typ)), link)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
	}
}

// Every type is refused on every link that it does not belong to.
func TestTypesStayOnTheirLinks(t *testing.T) {
	for typ := range wire.Type(0x80) {
		for link := range wire.LinkCount {
			_, _, _, err := wire.Parse([]byte{2, byte(typ)}, link)
			if slices.Contains(wire.Types(), typ) && slices.Contains(wire.Links(typ), link) {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%v on %v", typ, link)
			} else {
				requireCode(t, wire.CodeUnknownType, err)
			}
		}
	}
}

// Every prefix of every frame is refused as truncated, on a stream and alone.
func TestTruncated(t *testing.T) {
	for _, f := range samples {
		whole := f.Append(nil)
		for _, link := range wire.Links(typeOf(t, f)) {
			for n := 1; n < len(whole); n++ {
				_, _, err := wire.NewReader(bytes.NewReader(whole[:n]), link).Next()
				requireCode(t, wire.CodeProtocol, err)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				_, _, _, err = wire.Parse(whole[:n], link)
				requireCode(t, wire.CodeProtocol, err)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
		}
	}
	_, _, _, err := wire.Parse(nil, wire.LinkEdge)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a datagram of no bytes")
}

// Fields that are cut short inside a whole frame never decode to a frame.
func TestShortBody(t *testing.T) {
	for _, f := range samples {
		typ := typeOf(t, f)
		fields := parts(f)
		opaque := fields[len(fields)-1].name
		body := join(fields)
		if fills(opaque) {
			body = join(fields[:len(fields)-1]) // whatever is left of a payload is a payload
		}
		for n := range body {
			_, err := decode(typ, body[:n])
			require.Error(t, err, "%v with %d of %d bytes", typ, n, len(body))
			require.Contains(t, []wire.Code{wire.CodeProtocol, wire.CodeName}, wire.CodeOf(err))
		}
	}
}
