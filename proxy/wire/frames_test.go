package wire_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// decoder is a pointer to a frame, appender a frame.
type (
	decoder  interface{ Decode(body []byte) error }
	appender interface{ Append(dst []byte) []byte }
)

// decode returns the frame of a type, as a value.
func decode(t wire.Type, body []byte) (appender, error) {
	f := wire.New(t)
	err := f.(decoder).Decode(body)
	return reflect.ValueOf(f).Elem().Interface().(appender), err
}

// fataler is a test, or one run of a property.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// typeOf is the type of a frame, found by its name.
func typeOf(tb fataler, f any) wire.Type {
	tb.Helper()
	name := reflect.TypeOf(f).Name()
	for _, t := range wire.Types() {
		if t.String() == name {
			return t
		}
	}
	tb.Fatalf("%s is in no registry", name)
	return 0
}

// part is a field and its bytes.
type part struct {
	name, value string
	bytes       []byte
}

// parts encodes a struct once more, by nothing but its fields' kinds: what the
// codec does must be what the specification says, not what the codec does.
func parts(f any) []part {
	v := reflect.ValueOf(f)
	out := make([]part, 0, v.NumField())
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		p := part{name: name}
		switch field.Kind() {
		case reflect.Uint64:
			p.value, p.bytes = fmt.Sprint(field.Uint()), binary.AppendUvarint(nil, field.Uint())
		case reflect.Bool:
			p.value, p.bytes = fmt.Sprint(field.Bool()), []byte{0}
			if field.Bool() {
				p.bytes[0] = 1
			}
		case reflect.String:
			p.value = fmt.Sprintf("%q", field.String())
			p.bytes = append(binary.AppendUvarint(nil, uint64(field.Len())), field.String()...)
		case reflect.Slice:
			p.value, p.bytes = fmt.Sprintf("%q", field.Bytes()), field.Bytes()
			if !fills(name) {
				p.bytes = append(binary.AppendUvarint(nil, uint64(field.Len())), field.Bytes()...)
			}
		default:
			panic("no wire form for a " + field.Kind().String())
		}
		out = append(out, p)
	}
	return out
}

// fills tells whether a field of bytes takes the rest of its frame. All others
// say their length.
func fills(name string) bool { return name == "Payload" || name == "Data" || name == "State" }

// whole puts length and type in front of parts.
func whole(t wire.Type, fields []part) []part {
	kind := part{"type", fmt.Sprintf("0x%02x", uint64(t)), binary.AppendUvarint(nil, uint64(t))}
	size := len(kind.bytes)
	for _, p := range fields {
		size += len(p.bytes)
	}
	length := part{"length", fmt.Sprint(size), binary.AppendUvarint(nil, uint64(size))}
	return append([]part{length, kind}, fields...)
}

func join(parts []part) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p.bytes...)
	}
	return b
}

func TestEveryFrameBelongsSomewhere(t *testing.T) {
	for _, typ := range wire.Types() {
		require.NotEmpty(t, wire.Links(typ), typ)
		require.Less(t, typ, wire.Type(0x80), "%v: types take one byte", typ)
	}
	for link := range wire.LinkCount {
		require.NotEmpty(t, link.String())
		require.Positive(t, wire.Largest(link), link)
	}
	require.Equal(t, "Act", wire.TypeAct.String())
	require.Equal(t, "type_0x7f", wire.Type(0x7f).String())
	require.Equal(t, "type_0x1f", wire.Type(0x1f).String(), "a gap in the registry")
}

// The largest frame of a type is exactly as large as its limit says.
func TestMax(t *testing.T) {
	for _, typ := range wire.Types() {
		f := reflect.ValueOf(wire.New(typ)).Elem()
		for i := range f.NumField() {
			fill(f.Type().Field(i).Name, f.Field(i), typ)
		}
		frame := f.Interface().(appender).Append(nil)
		size, n := binary.Uvarint(frame)
		require.Equal(t, len(frame)-n, int(size))
		short := 0 // enumerations are far below the largest varint
		for _, name := range []string{"Version", "Role", "Kind", "Form", "Level", "Fidelity"} {
			if field := f.FieldByName(name); field.IsValid() {
				short += binary.MaxVarintLen64 - len(uvarint(field.Uint()))
			}
		}
		require.Equal(t, wire.Max(typ), int(size)+short, typ)

		for _, link := range wire.Links(typ) {
			got, body, rest, err := wire.Parse(frame, link)
			require.NoError(t, err, typ)
			require.Equal(t, typ, got)
			require.Empty(t, rest)
			back, err := decode(typ, body)
			require.NoError(t, err, typ)
			require.Equal(t, f.Interface(), back)
		}
	}
}

// fill gives a field its largest value.
func fill(name string, field reflect.Value, t wire.Type) {
	limits := map[string]int{
		"Token": wire.MaxToken, "Show": wire.MaxToken, "Next": wire.MaxToken,
		"Payload": wire.MaxUpdate, "Data": wire.MaxChunk, "Delta": wire.MaxOutcome,
	}
	switch t {
	case wire.TypeAct, wire.TypeAction, wire.TypeDo:
		limits["Payload"] = wire.MaxAction
	case wire.TypeOutcome, wire.TypeTransfer, wire.TypeArrive:
		limits["Payload"] = wire.MaxOutcome
	case wire.TypeDepart, wire.TypeEnter:
		limits["Payload"] = wire.MaxParcel
	case wire.TypeRecord:
		limits["Payload"] = wire.MaxRecord
	}
	switch field.Kind() {
	case reflect.Uint64:
		field.SetUint(1<<64 - 1)
		switch name {
		case "Version":
			field.SetUint(wire.Version)
		case "Role":
			field.SetUint(uint64(wire.RoleBackup))
		case "Kind":
			field.SetUint(uint64(buffer.KindDelivered))
		case "Form":
			field.SetUint(wire.FormDelta)
		case "Level":
			field.SetUint(uint64(wire.LevelSevere))
		case "Fidelity":
			field.SetUint(wire.Full)
		case "Base", "Size":
			if t == wire.TypeSnapshot { // below SnapIndex and Whole
				field.SetUint(1<<64 - 2)
			}
		}
	case reflect.Bool:
		field.SetBool(true)
	case reflect.String:
		n := wire.MaxName
		if name == "Text" || name == "Trace" {
			n = wire.MaxText
		}
		field.SetString(strings.Repeat("x", n))
	case reflect.Slice:
		field.SetBytes(make([]byte, limits[name]))
	default:
		panic("no wire form for a " + field.Kind().String())
	}
}
