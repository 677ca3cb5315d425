package wire_test

import (
	"bytes"
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

var (
	// number prefers the borders at which a varint grows.
	number = rapid.Custom(func(t *rapid.T) uint64 {
		bits := rapid.IntRange(0, 64).Draw(t, "bits")
		return rapid.Uint64Max(1<<bits-1).Draw(t, "number")
	})
	name = rapid.OneOf(
		rapid.StringMatching(`[a-z0-9._-]{1,64}`),
		rapid.StringMatching(`[\pL\pN ]{1,16}`),
	).Filter(wire.ValidName)
	text = rapid.StringMatching(`[a-z "%<>é]{0,100}`)
)

// drawFrame draws a frame of any type on a link.
func drawFrame(t *rapid.T, link wire.Link) appender {
	var types []wire.Type
	for _, typ := range wire.Types() {
		for _, l := range wire.Links(typ) {
			if l == link {
				types = append(types, typ)
			}
		}
	}
	f := reflect.ValueOf(wire.New(rapid.SampledFrom(types).Draw(t, "type"))).Elem()
	for i := range f.NumField() {
		field, label := f.Field(i), f.Type().Field(i).Name
		switch field.Kind() {
		case reflect.Uint64:
			field.SetUint(number.Draw(t, label))
		case reflect.Bool:
			field.SetBool(rapid.Bool().Draw(t, label))
		case reflect.String:
			field.SetString(map[bool]*rapid.Generator[string]{true: text, false: name}[label == "Text"].Draw(t, label))
		case reflect.Slice:
			field.SetBytes(rapid.SliceOfN(rapid.Byte(), 1, wire.MaxToken).Draw(t, label))
		default:
			t.Fatalf("no wire form for a %v", field.Kind())
		}
		switch label {
		case "Version":
			field.SetUint(wire.Version)
		case "Role":
			field.SetUint(rapid.SampledFrom([]uint64{1, 2, 3}).Draw(t, label))
		case "Kind":
			field.SetUint(rapid.Uint64Range(1, uint64(buffer.KindDelivered)).Draw(t, label))
		case "Epoch":
			field.SetUint(rapid.Uint64Max(wire.MaxEpoch).Draw(t, label)) // a reader refuses others
		case "Level":
			field.SetUint(rapid.Uint64Max(uint64(wire.LevelSevere)).Draw(t, label))
		case "Fidelity":
			field.SetUint(rapid.Uint64Max(wire.Full).Draw(t, label))
		}
	}
	if head, ok := reflect.TypeAssert[*wire.SnapshotHead](f.Addr()); ok {
		fit(t, head)
	}
	return f.Interface().(appender)
}

// fit makes a head one that may be.
func fit(t *rapid.T, head *wire.SnapshotHead) {
	head.Form, head.Base = rapid.Uint64Max(wire.FormDelta).Draw(t, "Form"), 0
	if head.Form == wire.FormPlain {
		head.Whole = head.Size
		return
	}
	head.Size = min(head.Size, 1<<64-2)
	head.Whole = rapid.Uint64Range(head.Size+1, 1<<64-1).Draw(t, "Whole")
	if head.Form == wire.FormDelta {
		head.SnapIndex = max(head.SnapIndex, 2)
		head.Base = rapid.Uint64Range(1, head.SnapIndex-1).Draw(t, "Base")
	}
}

// pieces is a reader that returns its bytes in pieces of the sizes that next says.
type pieces struct {
	b    []byte
	next func() int
}

func (p *pieces) Read(dst []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, p.b[:min(p.next(), len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// Whatever is appended comes out again, in order, however the stream is cut; and
// an encoder made from the specification alone yields the same bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		link := wire.Link(rapid.IntRange(0, int(wire.LinkCount)-1).Draw(t, "link"))
		frames := make([]appender, rapid.IntRange(1, 20).Draw(t, "frames"))
		stream := []byte{}
		for i := range frames {
			f := drawFrame(t, link)
			frames[i] = f
			before := len(stream)
			stream = f.Append(stream)
			require.Equal(t, join(whole(typeOf(t, f), parts(f))), stream[before:])
		}

		sizes := rapid.IntRange(1, 200)
		r := wire.NewReader(&pieces{b: bytes.Clone(stream), next: func() int { return sizes.Draw(t, "piece") }}, link)
		rest := stream
		for _, f := range frames {
			typ, body, err := r.Next()
			require.NoError(t, err)
			back, err := decode(typ, body)
			require.NoError(t, err)
			require.Equal(t, f, back)

			typ, body, rest, err = wire.Parse(rest, link)
			require.NoError(t, err)
			back, err = decode(typ, body)
			require.NoError(t, err)
			require.Equal(t, f, back)
		}
		require.Empty(t, rest)
		_, _, err := r.Next()
		require.Equal(t, io.EOF, err)
	})
}
