package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

var update = flag.Bool("update", false, "write testdata/frames.txt and testdata/snapshot.txt anew")

const framesHead = `# Frames of the protocol "` + wire.ALPN + `", byte by byte.
#
# A block is one frame: its name and the links that it belongs to; then length,
# type and fields in the order of the wire, each as
#
#     name = value | bytes in hex
#
# Numbers are decimal (the type is hexadecimal), strings and bytes are quoted as
# in Go, C or JSON with \xNN for bytes. An implementation is right when encoding
# the values yields the bytes, and decoding the bytes yields the values.

`

const snapshotHead = `# A snapshot as the chunks carry it, byte by byte, as in frames.txt; then its
# CRC-32C as the head announces it.

`

// TestGoldenFrames holds the codec against testdata/frames.txt, and the file
// against an encoder that shares nothing with the codec.
func TestGoldenFrames(t *testing.T) {
	var want bytes.Buffer
	want.WriteString(framesHead)
	for _, f := range samples {
		typ := typeOf(t, f)
		fmt.Fprintf(&want, "%v on %s\n", typ, linkNames(typ))
		writeParts(&want, whole(typ, parts(f)))
	}
	golden(t, "testdata/frames.txt", want.Bytes())

	seen := map[wire.Type]bool{}
	for _, block := range readBlocks(t, "testdata/frames.txt") {
		name, _, _ := strings.Cut(block.title, " ")
		t.Run(name, func(t *testing.T) {
			typ, f := block.frame(t, name)
			seen[typ] = true
			require.Equal(t, hex.EncodeToString(block.bytes), hex.EncodeToString(f.Append(nil)))
			for _, link := range wire.Links(typ) {
				got, body, rest, err := wire.Parse(block.bytes, link)
				require.NoError(t, err)
				require.Equal(t, typ, got)
				require.Empty(t, rest)
				back, err := decode(got, body)
				require.NoError(t, err)
				require.Equal(t, normal(f), normal(back))
			}
		})
	}
	for _, typ := range wire.Types() {
		require.True(t, seen[typ], "no sample of %v", typ)
	}
}

func TestGoldenSnapshot(t *testing.T) {
	s := snapshotSample
	head := parts(struct {
		Region                                  string
		Epoch, Index, Outcome, Of, Chain, Count uint64
	}{s.Region, s.Epoch, s.Index, s.Outcome, s.Of, s.Chain, uint64(len(s.Players))})
	for _, p := range s.Players {
		head = append(head, parts(p)...)
	}
	head = append(head, parts(struct{ State []byte }{s.State})...)
	var want bytes.Buffer
	want.WriteString(snapshotHead + "Snapshot\n")
	writeParts(&want, head)
	fmt.Fprintf(&want, "Sum\n")
	writeParts(&want, parts(struct{ Sum uint64 }{wire.Sum(join(head))}))
	golden(t, "testdata/snapshot.txt", want.Bytes())

	blocks := readBlocks(t, "testdata/snapshot.txt")
	require.Len(t, blocks, 2)
	encoded := wire.AppendSnapshot(nil, &s)
	require.Equal(t, hex.EncodeToString(blocks[0].bytes), hex.EncodeToString(encoded))
	require.Equal(t, blocks[1].bytes, binary.AppendUvarint(nil, wire.Sum(encoded)))
	back, err := wire.DecodeSnapshot(blocks[0].bytes, wire.MaxSnapshot)
	require.NoError(t, err)
	require.Equal(t, &s, back)
}

func TestSum(t *testing.T) {
	require.EqualValues(t, 0xe3069283, wire.Sum([]byte("123456789")), "the check value of CRC-32C")
}

func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(have), "run go test -update, if the change is meant")
}

func writeParts(w *bytes.Buffer, parts []part) {
	for _, p := range parts {
		line := fmt.Sprintf("    %-11s = %s | % x", p.name, p.value, p.bytes)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	w.WriteByte('\n')
}

func linkNames(t wire.Type) string {
	at := wire.Links(t)
	names := make([]string, len(at))
	for i, link := range at {
		names[i] = link.String()
	}
	return strings.Join(names, ", ")
}

// block is one frame of a golden file.
type block struct {
	title  string
	values map[string]string
	bytes  []byte
}

func readBlocks(t *testing.T, path string) []block {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	var blocks []block
	for sc := bufio.NewScanner(bytes.NewReader(file)); sc.Scan(); {
		line := sc.Text()
		switch {
		case line == "" || line[0] == '#':
		case line[0] != ' ':
			blocks = append(blocks, block{title: line, values: map[string]string{}})
		default:
			b := &blocks[len(blocks)-1]
			name, rest, _ := strings.Cut(line, "=")
			bar := strings.LastIndex(rest, "|")
			require.Positive(t, bar, line)
			raw, err := hex.DecodeString(strings.ReplaceAll(rest[bar+1:], " ", ""))
			require.NoError(t, err, line)
			b.values[strings.TrimSpace(name)] = strings.TrimSpace(rest[:bar])
			b.bytes = append(b.bytes, raw...)
		}
	}
	return blocks
}

// frame builds the frame that the block's values describe.
func (b block) frame(t *testing.T, name string) (wire.Type, appender) {
	t.Helper()
	n, err := strconv.ParseUint(b.values["type"], 0, 64)
	require.NoError(t, err)
	typ := wire.Type(n)
	require.Equal(t, name, typ.String())
	v := reflect.ValueOf(wire.New(typ)).Elem()
	for i := range v.NumField() {
		value, ok := b.values[v.Type().Field(i).Name]
		require.True(t, ok, "%s lacks %s", name, v.Type().Field(i).Name)
		switch field := v.Field(i); field.Kind() {
		case reflect.Uint64:
			n, err := strconv.ParseUint(value, 10, 64)
			require.NoError(t, err)
			field.SetUint(n)
		case reflect.Bool:
			field.SetBool(value == "true")
		case reflect.String:
			field.SetString(unquote(t, value))
		case reflect.Slice:
			field.SetBytes([]byte(unquote(t, value)))
		default:
			t.Fatalf("no wire form for a %v", field.Kind())
		}
	}
	return typ, v.Interface().(appender)
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	s, err := strconv.Unquote(s)
	require.NoError(t, err)
	return s
}

// normal makes no difference between no bytes and nil.
func normal(f any) any {
	v := reflect.New(reflect.TypeOf(f)).Elem()
	v.Set(reflect.ValueOf(f))
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Slice && field.Len() == 0 {
			field.SetZero()
		}
	}
	return v.Interface()
}
