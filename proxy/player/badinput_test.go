package player_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What an edge must not send, or sends in an odd way. The client has sent two
// actions, the first is durable, and it has heard of epoch 5.

// frame makes one by hand.
func frame(t wire.Type, body ...byte) []byte {
	b := binary.AppendUvarint(nil, uint64(t))
	b = append(b, body...)
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// badInput runs do with a seated client, and prints a line of the table.
func badInput(t *testing.T, name string, do func(t *testing.T, n *network, c *player.Client, s *seat, d *diary)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Logf("%-40s -> %s", name, t.Name())
		simulate(t, 2, func(n *network) {
			var d diary
			c, s := n.join(n.t, n.config(&d), welcome(5, 0, ""))
			defer c.Close()
			act(n.t, c, 1, "a", "b")
			s.send(wire.Durable{Epoch: 5, Seq: 1})
			require.Len(n.t, s.actions(), 2)
			require.Equal(n.t, []string{"durable 1"}, d.take())
			do(n.t, n, c, s, &d)
		})
	})
}

// These end the session: an edge that breaks the protocol is not asked again.
func TestBadFrames(t *testing.T) {
	large := make([]byte, wire.MaxUpdate+1)
	for name, c := range map[string]struct {
		bytes []byte
		want  wire.Code
	}{
		"length 0":                     {[]byte{0}, wire.CodeProtocol},
		"length 1, a type and no body": {frame(wire.TypeDurable), wire.CodeProtocol},
		"length above all limits":      {binary.AppendUvarint(nil, wire.MaxUpdate+64), wire.CodeTooLarge},
		"length 2^31":                  {binary.AppendUvarint(nil, 1<<31), wire.CodeTooLarge},
		"length 2^63":                  {binary.AppendUvarint(nil, 1<<63), wire.CodeTooLarge},
		"length not minimal":           {[]byte{0x81, 0x00, byte(wire.TypePressure)}, wire.CodeProtocol},
		"length of 11 bytes":           {bytes.Repeat([]byte{0xff}, 11), wire.CodeProtocol},
		"frame above its own limit":    {frame(wire.TypePressure, make([]byte, 64)...), wire.CodeTooLarge},
		"payload above its limit":      {wire.Update{Epoch: 5, Payload: large}.Append(nil), wire.CodeTooLarge},
		"trailing bytes":               {frame(wire.TypePressure, 0, 0, 0), wire.CodeProtocol},
		"truncated fields":             {frame(wire.TypeDurable, 5), wire.CodeProtocol},
		"varint not minimal":           {frame(wire.TypeDurable, 0x85, 0x00, 1), wire.CodeProtocol},
		"bool of 2":                    {frame(wire.TypePressure, 2, 0), wire.CodeProtocol},
		"unknown type":                 {frame(0x7f), wire.CodeUnknownType},
		"type 2^62, of no frame":       {frame(1 << 62), wire.CodeUnknownType},
		"player's own frame":           {wire.Act{Seq: 1}.Append(nil), wire.CodeUnknownType},
		"second welcome":               {welcome(5, 0, "").Append(nil), wire.CodeProtocol},
		"text that is not UTF-8":       {frame(wire.TypeBye, byte(wire.CodeShutdown), 0, 0, 0, 1, 0xff), wire.CodeProtocol},
		"bye without a retry":          {frame(wire.TypeBye, byte(wire.CodeShutdown), 0, 0, 0), wire.CodeProtocol},
		"level of no name":             {frame(wire.TypeMode, 4, 100), wire.CodeProtocol},
		"fidelity above 1":             {frame(wire.TypeMode, 3, 0xe9, 0x07), wire.CodeProtocol},
		"level without fidelity":       {frame(wire.TypeMode, 3), wire.CodeProtocol},
		"ack for a seq never sent":     {wire.Durable{Epoch: 5, Seq: 3}.Append(nil), wire.CodeAckAhead},
		"ack for seq 2^64-1":           {wire.Durable{Epoch: 5, Seq: 1<<64 - 1}.Append(nil), wire.CodeAckAhead},
		"refusal of a seq never sent":  {wire.Refused{Epoch: 5, Seq: 3, Reason: wire.CodeQuarantined}.Append(nil), wire.CodeAckAhead},
		"refusal of seq 0":             {wire.Refused{Epoch: 5, Reason: wire.CodeQuarantined}.Append(nil), wire.CodeAckAhead},
	} {
		badInput(t, name, func(t *testing.T, _ *network, client *player.Client, s *seat, _ *diary) {
			_, err := s.stream.Write(c.bytes)
			require.NoError(t, err)
			requireBroken(t, client, s, c.want)
		})
	}
}

func TestBadDatagrams(t *testing.T) {
	for name, b := range map[string][]byte{
		"datagram of 0 bytes":           {},
		"datagram of 1 byte":            {0},
		"datagram of junk":              bytes.Repeat([]byte{0xff}, 200),
		"datagram of half a frame":      wire.Update{Epoch: 5, Payload: []byte("half")}.Append(nil)[:4],
		"datagram of a reliable frame":  wire.Durable{Epoch: 5, Seq: 1}.Append(nil),
		"datagram of a level":           wire.Mode{Level: wire.LevelSevere}.Append(nil),
		"datagram of two frames":        wire.Update{Epoch: 5}.Append(wire.Update{Epoch: 5}.Append(nil)),
		"datagram with a byte too many": append(wire.Update{Epoch: 5}.Append(nil), 0),
	} {
		badInput(t, name, func(t *testing.T, _ *network, c *player.Client, s *seat, _ *diary) {
			require.NoError(t, s.conn.SendDatagram(b))
			<-c.Done()
			var broke *wire.Error
			require.ErrorAs(t, c.Err(), &broke)
			require.Equal(t, broke.Code.String(), s.closedWith(t).String())
		})
	}
}

func requireBroken(t *testing.T, c *player.Client, s *seat, want wire.Code) {
	t.Helper()
	<-c.Done()
	var broke *wire.Error
	require.ErrorAs(t, c.Err(), &broke)
	require.Equal(t, want.String(), broke.Code.String(), "%v", c.Err())
	require.Equal(t, want.String(), s.closedWith(t).String())
}

// These cost the connection, not the session.
func TestBrokenStreams(t *testing.T) {
	half := wire.Update{Epoch: 5, Payload: []byte("half of it")}.Append(nil)[:6]
	write := func(s *seat) {
		_, err := s.stream.Write(half)
		must(err)
	}
	for name, do := range map[string]func(n *network, s *seat){
		"half a frame, then FIN":     func(_ *network, s *seat) { write(s); must(s.stream.Close()) },
		"half a frame, then silence": func(n *network, s *seat) { write(s); settle(); n.cut(n.edges[0]) },
		"reset in mid-frame":         func(_ *network, s *seat) { write(s); settle(); s.stream.CancelWrite(0) },
		"FIN between frames":         func(_ *network, s *seat) { must(s.stream.Close()) },
		"closed in mid-frame":        func(_ *network, s *seat) { write(s); settle(); s.close(wire.CodeNone) },
		"STOP_SENDING":               func(_ *network, s *seat) { s.stream.CancelRead(quic.StreamErrorCode(wire.CodeDrain)) },
		"lower epoch in Reseated":    func(_ *network, s *seat) { s.send(wire.Reseated{Epoch: 4, Applied: 2}) },
	} {
		badInput(t, name, func(t *testing.T, n *network, c *player.Client, s *seat, d *diary) {
			do(n, s)
			if name == "STOP_SENDING" {
				settle()
				act(t, c, 3, "c") // is how it shows
			}
			s = n.edges[1].accept(t)
			require.Equal(t, uint64(1), s.hello.Durable)
			s.send(welcome(5, 1, ""))
			require.Equal(t, []string{"lost", "resumed"}, d.take())
			require.Equal(t, "2 b", s.actions()[0])
		})
	}
}

// These are taken as what they can still mean, or ignored.
func TestOddInput(t *testing.T) {
	for name, c := range map[string]struct {
		send func(s *seat)
		want []string
	}{
		"ack going down": {func(s *seat) {
			s.send(wire.Durable{Epoch: 5, Seq: 2}, wire.Durable{Epoch: 5, Seq: 1}, wire.Durable{Epoch: 5})
		}, []string{"durable 2"}},
		"ack of a lower epoch, overtaken by a switch": {func(s *seat) {
			s.send(wire.Reseated{Epoch: 6, Applied: 2}, wire.Durable{Epoch: 5, Seq: 2})
		}, []string{"reseated 6 2", "durable 2"}},
		"hold of a lower epoch": {func(s *seat) {
			s.send(wire.Hold{Epoch: 4, Reason: wire.CodeSilence}, wire.Update{Epoch: 5, Payload: []byte("x")})
		}, []string{"hold silence", "update x true"}},
		"epoch 0 and 2^64-1": {func(s *seat) {
			s.send(wire.Protection{}, wire.Protection{Epoch: 1<<64 - 1, Protected: true})
		}, []string{"protection false", "protection true"}},
		"datagram of a lower epoch": {func(s *seat) {
			must(s.conn.SendDatagram(wire.Update{Epoch: 4, Payload: []byte("ghost")}.Append(nil)))
		}, nil},
		"a code of a newer edge": {func(s *seat) {
			s.send(wire.Hold{Epoch: 5, Reason: 0x1234})
		}, []string{"hold code_4660"}},
		"a frame in 1-byte pieces": {func(s *seat) {
			for _, b := range (wire.Update{Epoch: 5, Payload: []byte("bit by bit")}).Append(nil) {
				_, err := s.stream.Write([]byte{b})
				must(err)
				settle()
			}
		}, []string{"update bit by bit true"}},
		"pressure twice": {func(s *seat) {
			s.send(wire.Pressure{On: true}, wire.Pressure{On: true})
		}, []string{"pressure true", "pressure true"}},
	} {
		badInput(t, name, func(t *testing.T, _ *network, client *player.Client, s *seat, d *diary) {
			c.send(s)
			require.Equal(t, c.want, d.take())
			act(t, client, 3, "c")
			require.Equal(t, []string{"3 c"}, s.actions(), "the session goes on")
		})
	}
}

// 10 000 frames in one write are all told, in order.
func TestManyTinyFrames(t *testing.T) {
	badInput(t, "10 000 tiny frames at once", func(t *testing.T, _ *network, _ *player.Client, s *seat, d *diary) {
		_, err := s.stream.Write(bytes.Repeat(wire.Pressure{On: true}.Append(nil), 10_000))
		require.NoError(t, err)
		require.Len(t, d.take(), 10_000)
	})
}

// What may not come before a welcome, and welcomes that are none.
func TestBadWelcomes(t *testing.T) {
	change := func(f func(w *wire.Welcome)) []byte {
		w := welcome(1, 0, "")
		f(&w)
		return w.Append(nil)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  wire.Code
	}{
		"welcome without room":        {change(func(w *wire.Welcome) { w.Actions = 0 }), wire.CodeProtocol},
		"welcome for empty actions":   {change(func(w *wire.Welcome) { w.ActionBytes = 0 }), wire.CodeProtocol},
		"token above its limit":       {change(func(w *wire.Welcome) { w.Token = make([]byte, wire.MaxToken+1) }), wire.CodeTooLarge},
		"ack before the welcome":      {wire.Durable{}.Append(nil), wire.CodeProtocol},
		"refusal before the welcome":  {wire.Refused{Seq: 1, Reason: wire.CodeQuarantined}.Append(nil), wire.CodeProtocol},
		"junk in place of a welcome":  {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 0},
		"unknown type before welcome": {frame(0x7f), wire.CodeUnknownType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Logf("%-40s -> %s", name, t.Name())
			simulate(t, 2, func(n *network) {
				t := n.t
				d := dial(t.Context(), n.config(&diary{}))
				s := n.edges[0].accept(t)
				_, err := s.stream.Write(c.bytes)
				require.NoError(t, err)
				<-d.done
				var broke *wire.Error
				require.ErrorAs(t, d.err, &broke)
				if c.want != 0 {
					require.Equal(t, c.want.String(), broke.Code.String())
				}
				require.Equal(t, broke.Code, s.closedWith(t))
			})
		})
	}
}

// A welcome of another version is an edge that was or was not upgraded yet.
func TestWelcomeOfAnotherVersion(t *testing.T) {
	simulate(t, 2, func(n *network) {
		t := n.t
		t.Logf("%-40s -> %s", "welcome of another version", t.Name())
		d := dial(t.Context(), n.config(&diary{}))
		w := welcome(1, 0, "")
		w.Version = 99
		s := n.edges[0].accept(t)
		s.send(w)
		require.Equal(t, wire.CodeVersion, s.closedWith(t))
		n.edges[1].accept(t).send(welcome(1, 0, ""))
		<-d.done
		require.NoError(t, d.err)
		require.NoError(t, d.client.Close())
	})
}
