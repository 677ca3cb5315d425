package wire_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// hot are the frames that travel for every action or update: encoding, decoding
// and reading them must not allocate. Append and Decode are called on the
// concrete types, as everybody does: through an interface frames would escape.
var hot = map[string]struct {
	link   wire.Link
	frame  []byte
	append func(dst []byte) []byte
	decode func(body []byte) error
}{
	"Act":     {wire.LinkPlayer, act.Append(nil), act.Append, func(b []byte) error { var f wire.Act; return f.Decode(b) }},
	"Durable": {wire.LinkEdge, durable.Append(nil), durable.Append, func(b []byte) error { var f wire.Durable; return f.Decode(b) }},
	"Update":  {wire.LinkEdge, upd.Append(nil), upd.Append, func(b []byte) error { var f wire.Update; return f.Decode(b) }},
	"Action":  {wire.LinkRegion, action.Append(nil), action.Append, func(b []byte) error { var f wire.Action; return f.Decode(b) }},
	"Acked":   {wire.LinkRegion, acked.Append(nil), acked.Append, func(b []byte) error { var f wire.Acked; return f.Decode(b) }},
	"Record":  {wire.LinkRegion, record.Append(nil), record.Append, func(b []byte) error { var f wire.Record; return f.Decode(b) }},
	"Have":    {wire.LinkRegion, have.Append(nil), have.Append, func(b []byte) error { var f wire.Have; return f.Decode(b) }},
	"Commit":  {wire.LinkRegion, commit.Append(nil), commit.Append, func(b []byte) error { var f wire.Commit; return f.Decode(b) }},
	"Outcome": {wire.LinkGame, outcome.Append(nil), outcome.Append, func(b []byte) error { var f wire.Outcome; return f.Decode(b) }},
	"Done":    {wire.LinkGame, done.Append(nil), done.Append, func(b []byte) error { var f wire.Done; return f.Decode(b) }},
	"Output":  {wire.LinkRegion, output.Append(nil), output.Append, func(b []byte) error { var f wire.Output; return f.Decode(b) }},
	"Do":      {wire.LinkSidecar, do.Append(nil), do.Append, func(b []byte) error { var f wire.Do; return f.Decode(b) }},
	"Emit":    {wire.LinkGame, emit.Append(nil), emit.Append, func(b []byte) error { var f wire.Emit; return f.Decode(b) }},
}

var (
	payload = make([]byte, 100) // a typical action; its frame's length takes one byte
	longer  = make([]byte, 200) // a typical update; its frame's length takes two

	act     = wire.Act{Seq: 123456, Payload: payload}
	durable = wire.Durable{Epoch: 7, Seq: 123456}
	upd     = wire.Update{Epoch: 7, Payload: longer}
	action  = wire.Action{Epoch: 7, Handle: 300, Seq: 123456, Payload: payload}
	acked   = wire.Acked{Epoch: 7, Handle: 300, Seq: 123456}
	record  = wire.Record{Epoch: 7, Index: 1 << 30, Of: 7, Kind: uint64(buffer.KindAction), ID: 300, Seq: 123456, Payload: payload}
	have    = wire.Have{Epoch: 7, Index: 1 << 30, Of: 7}
	commit  = wire.Commit{Epoch: 7, Index: 1 << 30, Applied: 1<<30 - 1}
	outcome = wire.Outcome{ID: 1, From: 1 << 30, To: 1<<30 + 4, Payload: longer}
	done    = wire.Done{ID: 1, Index: 1 << 30}
	output  = wire.Output{Epoch: 7, Handle: 300, Reliable: true, Payload: longer}
	do      = wire.Do{ID: 1, Index: 1 << 30, Handle: 300, Seq: 123456, Payload: payload}
	emit    = wire.Emit{ID: 1, Handle: 300, After: 1 << 30, Reliable: true, Payload: longer}
)

// endless repeats a stream for ever.
type endless struct {
	stream []byte
	at     int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.stream[e.at:])
	e.at = (e.at + n) % len(e.stream)
	return n, nil
}

func TestHotFramesDoNotAllocate(t *testing.T) {
	for name, h := range hot {
		dst := make([]byte, 0, 1024)
		_, body, _, err := wire.Parse(h.frame, h.link)
		require.NoError(t, err)
		r := wire.NewReader(&endless{stream: bytes.Repeat(h.frame, 100)}, h.link)
		for range 10_000 {
			_, _, err := r.Next() // until the buffer has its size
			require.NoError(t, err)
		}
		for what, f := range map[string]func() bool{
			"Append": func() bool { return len(h.append(dst)) == len(h.frame) },
			"Decode": func() bool { return h.decode(body) == nil },
			"Next":   func() bool { _, _, err := r.Next(); return err == nil },
			"Parse":  func() bool { _, _, _, err := wire.Parse(h.frame, h.link); return err == nil },
		} {
			good := true
			require.Zero(t, testing.AllocsPerRun(1000, func() { good = good && f() }), "%s of %s", what, name)
			require.True(t, good)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, h := range hot {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 1024)
			for b.Loop() {
				dst = h.append(dst[:0])
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, h := range hot {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			_, body, _, err := wire.Parse(h.frame, h.link)
			require.NoError(b, err)
			for b.Loop() {
				if h.decode(body) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkNext is the whole way in: from the stream to the fields.
func BenchmarkNext(b *testing.B) {
	for name, h := range hot {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := wire.NewReader(&endless{stream: bytes.Repeat(h.frame, 100)}, h.link)
			for b.Loop() {
				_, body, err := r.Next()
				if err != nil || h.decode(body) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkHello(b *testing.B) {
	b.ReportAllocs()
	hello := wire.Hello{Version: wire.Version, Region: "harbor", Player: "ada", Token: make([]byte, 16)}
	_, body, _, err := wire.Parse(hello.Append(nil), wire.LinkPlayer)
	require.NoError(b, err)
	for b.Loop() {
		var f wire.Hello
		if f.Decode(body) != nil {
			b.Fatal("refused")
		}
	}
}

// BenchmarkSnapshot is a region of 1000 players with 1 MiB of state, cut into
// chunks, put together and decoded.
func BenchmarkSnapshot(b *testing.B) {
	s := &buffer.Snapshot{Region: "harbor", Epoch: 1, Index: 1, State: make([]byte, 1<<20)}
	for i := range uint64(1000) {
		s.Players = append(s.Players, buffer.PlayerMark{Player: "player-" + string(rune('0'+i%10)) + string(rune(0x4e00+i)), Applied: i})
	}
	blob := wire.AppendSnapshot(nil, s)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		blob = wire.AppendSnapshot(blob[:0], s)
		a := wire.NewAssembler(headOf(blob))
		for c := range wire.Chunks(blob) {
			if a.Add(c) != nil {
				b.Fatal("refused")
			}
		}
		whole, err := a.Bytes()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := wire.DecodeSnapshot(whole, wire.MaxSnapshot); err != nil {
			b.Fatal(err)
		}
	}
}
