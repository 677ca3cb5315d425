package proxy_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Each of these ends one session, with a code that says why, and nothing else:
// a player who was there before goes on and loses nothing.
func TestBadInputEndsOnlyItsSession(t *testing.T) {
	hello := wire.Hello{Version: wire.Version, Region: "arena", Player: "mallory"}
	spare := wire.Spare{Version: wire.Version}
	inputs := map[string]struct {
		play func(r *raw)
		code wire.Code
	}{
		"first frame not a hello": {func(r *raw) { r.send(wire.Act{Seq: 1}) }, wire.CodeNotHello},
		"unknown type":            {func(r *raw) { r.write([]byte{2, 0x7f, 0}) }, wire.CodeUnknownType},
		"type of another link":    {func(r *raw) { r.send(wire.Serving{Epoch: 9}) }, wire.CodeUnknownType},
		"empty frame":             {func(r *raw) { r.write([]byte{0}) }, wire.CodeProtocol},
		"length 2^62":             {func(r *raw) { r.write(bytes.Repeat([]byte{0xff}, 8)); r.write([]byte{0x3f}) }, wire.CodeTooLarge},
		"truncated hello": {func(r *raw) {
			b := hello.Append(nil)
			r.write(b[:len(b)-3])
			require.NoError(r.m.t, r.stream.Close())
		}, wire.CodeProtocol},
		"trailing bytes in a hello": {func(r *raw) {
			b := hello.Append(nil)
			b[0]++
			r.write(append(b, 0))
		}, wire.CodeProtocol},
		"unknown version":              {func(r *raw) { h := hello; h.Version = 99; r.send(h) }, wire.CodeVersion},
		"unknown region":               {func(r *raw) { h := hello; h.Region = "atlantis"; r.send(h) }, wire.CodeUnknownName},
		"name with control characters": {func(r *raw) { h := hello; h.Player = "a\x1b[31m"; r.send(h) }, wire.CodeName},
		"join twice":                   {func(r *raw) { r.hello(hello); r.send(hello) }, wire.CodeJoinTwice},
		"another player's id":          {func(r *raw) { h := hello; h.Player = "witness"; r.send(h) }, wire.CodeNotYours},
		"seq 0":                        {func(r *raw) { w := r.hello(hello); _ = w; r.send(wire.Act{Seq: 0, Payload: []byte("x")}) }, wire.CodeGap},
		"seq gap":                      {func(r *raw) { w := r.hello(hello); r.send(wire.Act{Seq: w.Durable + 2, Payload: []byte("x")}) }, wire.CodeGap},
		"seq 2^64-1":                   {func(r *raw) { r.hello(hello); r.send(wire.Act{Seq: 1<<64 - 1, Payload: []byte("x")}) }, wire.CodeGap},
		"seq reused with another payload": {func(r *raw) {
			w := r.hello(hello)
			r.send(wire.Act{Seq: w.Durable + 1, Payload: []byte("x")}, wire.Act{Seq: w.Durable + 1, Payload: []byte("y")})
		}, wire.CodeReused},
		"action too large": {func(r *raw) {
			w := r.hello(hello)
			r.send(wire.Act{Seq: w.Durable + 1, Payload: make([]byte, wire.MaxAction+600)})
		}, wire.CodeTooLarge},
		"action just too large": {func(r *raw) {
			w := r.hello(hello)
			r.send(wire.Act{Seq: w.Durable + 1, Payload: make([]byte, wire.MaxAction+1)})
		}, wire.CodeTooLarge},
		"durable mark that the region does not have": {func(r *raw) {
			h := hello
			h.Player, h.Durable, h.Tail = "from another world", 7000, 7000
			r.send(h)
		}, wire.CodeLost},
		"act on a spare connection":      {func(r *raw) { r.send(spare, wire.Act{Seq: 1}) }, wire.CodeNotHello},
		"spare twice":                    {func(r *raw) { r.send(spare, spare) }, wire.CodeNotHello},
		"spare of an unknown version":    {func(r *raw) { r.send(wire.Spare{Version: 99}) }, wire.CodeVersion},
		"nonsense on a spare connection": {func(r *raw) { r.send(spare); r.write([]byte{0}) }, wire.CodeProtocol},
		"spare in a running session":     {func(r *raw) { r.hello(hello); r.send(spare) }, wire.CodeJoinTwice},
		"stream half-open after the join": {func(r *raw) {
			r.hello(hello)
			r.write([]byte{40, byte(wire.TypeAct), 1})
			require.NoError(r.m.t, r.stream.Close())
		}, wire.CodeProtocol},
	}
	for name, tc := range inputs {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.serve(1)
				witness := m.join("witness")
				before := m.edge.Stats()
				r := m.dial()
				tc.play(r)
				code, bye := r.bye()
				require.Equal(t, tc.code, code, "%v", code)
				require.Equal(t, tc.code, bye.Reason)
				after := m.edge.Stats()
				require.Equal(t, before.Refused[code]+before.Ended[code]+1, after.Refused[code]+after.Ended[code], "counted by reason")
				witness.act(3)
				witness.settle()
				require.Zero(t, witness.heard(&witness.lost))
			})
		})
	}
}

// A seq that was sent already, with the same payload, changes nothing.
func TestRepeatsAreHarmless(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		r := m.dial()
		r.hello(wire.Hello{Player: "ann"})
		one, two := wire.Act{Seq: 1, Payload: []byte("x")}, wire.Act{Seq: 2, Payload: []byte("y")}
		r.send(one, one, two, one, two)
		var d wire.Durable
		for d.Seq < 2 {
			require.NoError(t, d.Decode(r.until(wire.TypeDurable)))
		}
		r.send(one, two) // durable already
		r.send(wire.Act{Seq: 3, Payload: []byte("z")})
		for d.Seq < 3 {
			require.NoError(t, d.Decode(r.until(wire.TypeDurable)))
		}
		s, _ := m.primary(0)
		s.mu.Lock()
		defer s.mu.Unlock()
		w := s.worlds[len(s.worlds)-1]
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Equal(t, uint64(3), w.counts["ann"])
	})
}

// A hello that never comes, or stops half-way, is given up.
func TestSilentHelloTimesOut(t *testing.T) {
	inMesh(t, func(m *mesh) {
		r := m.dial()
		b := wire.Hello{Version: wire.Version, Region: "arena", Player: "slow"}.Append(nil)
		r.write(b[:4])
		code, _ := r.bye()
		require.Equal(t, wire.CodeJoinTimeout, code)
	})
}

// The same player on a new connection takes his session over with the token of
// his welcome.
func TestResumeTokenReplacesTheSession(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		first := m.dial()
		w := first.hello(wire.Hello{Player: "ann"})
		first.send(wire.Act{Seq: 1, Payload: []byte("x")})
		first.until(wire.TypeDurable)

		second := m.dial()
		w2 := second.hello(wire.Hello{Player: "ann", Token: w.Token, Durable: 1, Tail: 1})
		require.Equal(t, uint64(1), w2.Durable)
		require.NotEqual(t, w.Token, w2.Token, "a token is used once")
		code, _ := first.bye()
		require.Equal(t, wire.CodeReplaced, code)
		second.send(wire.Act{Seq: 2, Payload: []byte("x")})
		second.until(wire.TypeDurable)

		third := m.dial()
		third.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "ann", Token: w.Token})
		code, _ = third.bye()
		require.Equal(t, wire.CodeNotYours, code)
	})
}

func smallLogs(c *proxy.Config) {
	c.Limits = buffer.DefaultLimits()
	c.Limits.Actions = 10
}
