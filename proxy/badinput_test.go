package proxy_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Each of these ends one session, with a code that says why, and nothing else:
// a player who was there before goes on and loses nothing.
func TestBadInputEndsOnlyItsSession(t *testing.T) {
	m := newMesh(t)
	m.serve("s1")
	m.serve("s2")
	witness := m.join("witness")
	hello := wire.Hello{Version: wire.Version, Region: "arena", Player: "mallory"}

	for name, tc := range map[string]struct {
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
			require.NoError(t, r.stream.Close())
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
		"stream half-open after the join": {func(r *raw) {
			r.hello(hello)
			r.write([]byte{40, byte(wire.TypeAct), 1})
			require.NoError(t, r.stream.Close())
		}, wire.CodeProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			before := m.edge.Stats()
			r := m.dial()
			tc.play(r)
			code, bye := r.bye()
			require.Equal(t, tc.code, code, "%v", code)
			require.Equal(t, tc.code, bye.Reason)
			after := m.edge.Stats()
			require.Equal(t, before.Refused[code]+before.Ended[code]+1, after.Refused[code]+after.Ended[code], "counted by reason")

			done := witness.Durable()
			witness.act(t, 3)
			witness.settle(t, done+3)
		})
	}
	require.Zero(t, witness.lost)
}

// A seq that was sent already, with the same payload, changes nothing.
func TestRepeatsAreHarmless(t *testing.T) {
	m := newMesh(t)
	m.serve("s1")
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
	s := m.primary()
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.worlds[len(s.worlds)-1]
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Equal(t, uint64(3), w.counts["ann"])
}

// A hello that never comes, or stops half-way, is given up.
func TestSilentHelloTimesOut(t *testing.T) {
	m := newMesh(t)
	r := m.dial()
	b := wire.Hello{Version: wire.Version, Region: "arena", Player: "slow"}.Append(nil)
	r.write(b[:4])
	code, _ := r.bye()
	require.Equal(t, wire.CodeJoinTimeout, code)
}

// With no server, actions are kept up to the limit, the player is told that
// the log is full, and nothing is dropped.
func TestBackPressure(t *testing.T) {
	m := newMesh(t, func(c *proxy.Config) { c.Limits = smallLogs() })
	s1 := m.serve("s1")
	r := m.dial()
	r.hello(wire.Hello{Player: "ann"})
	s1.stop()
	<-s1.done
	r.until(wire.TypeHold)
	for seq := uint64(1); seq <= 30; seq++ {
		r.send(wire.Act{Seq: seq, Payload: []byte("x")})
	}
	var p wire.Pressure
	require.NoError(t, p.Decode(r.until(wire.TypePressure)))
	require.Equal(t, wire.Pressure{On: true, Kept: 10}, p)
	require.EqualValues(t, 10, m.edge.Kept("arena").Kept)

	delete(m.servers, "s1")
	m.serve("s2")
	var d wire.Durable
	for d.Seq < 30 {
		require.NoError(t, d.Decode(r.until(wire.TypeDurable)))
	}
	require.NoError(t, m.edge.Kept("arena").Check())
}

// When no server comes for longer than the age limit, the session ends with a
// code that says so and the seqs that are not durable.
func TestExpiry(t *testing.T) {
	m := newMesh(t, func(c *proxy.Config) { c.Limits = smallLogs(); c.Limits.Age = 300 * time.Millisecond })
	s1 := m.serve("s1")
	r := m.dial()
	r.hello(wire.Hello{Player: "ann"})
	r.send(wire.Act{Seq: 1, Payload: []byte("x")})
	r.until(wire.TypeDurable)
	s1.stop()
	<-s1.done
	r.until(wire.TypeHold)
	r.send(wire.Act{Seq: 2, Payload: []byte("x")}, wire.Act{Seq: 3, Payload: []byte("y")})
	code, bye := r.bye()
	require.Equal(t, wire.CodeExpired, code)
	require.Equal(t, [2]uint64{2, 3}, [2]uint64{bye.First, bye.Last})
}

// The same player on a new connection takes his session over with the token of
// his welcome.
func TestResumeTokenReplacesTheSession(t *testing.T) {
	m := newMesh(t)
	m.serve("s1")
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

	third := m.dial()
	third.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "ann", Token: w.Token})
	code, _ = third.bye()
	require.Equal(t, wire.CodeNotYours, code)
}

func smallLogs() buffer.Limits {
	l := buffer.DefaultLimits()
	l.Actions = 10
	return l
}
