package game_test

import (
	"fmt"
	"net"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// sidecar is the other end of the local socket, played by a test. It panics
// when something is not as it must be, so that examples can use it, too.
type sidecar struct {
	t     *testing.T // of the bubble; nil in examples
	conn  net.Conn
	hello wire.GameHello
	beats atomic.Uint64
	dones atomic.Bool // Done frames are in got, too
	got   chan any    // frames from the game, heartbeats left out; closed at the end
}

// greet plays the sidecar's side of the greeting, and reads from then on.
func greet(conn net.Conn) *sidecar {
	s := &sidecar{conn: conn, got: make(chan any, 10_000)}
	r := wire.NewReader(conn, wire.LinkGame)
	t, body, err := r.Next()
	must(err)
	if t != wire.TypeGameHello {
		panic(fmt.Sprintf("first frame is %v", t))
	}
	must(s.hello.Decode(body))
	go s.read(r)
	s.send(wire.GameWelcome{Version: wire.Version, Incarnation: "i1"})
	return s
}

func (s *sidecar) read(r *wire.Reader) {
	defer close(s.got)
	for {
		t, body, err := r.Next()
		if err != nil {
			return
		}
		switch t {
		case wire.TypeBeat:
			s.beats.Add(1)
		case wire.TypeHosted:
			s.got <- decode[wire.Hosted](body)
		case wire.TypeEmit:
			s.got <- decode[wire.Emit](body)
		case wire.TypeOutcome:
			s.got <- decode[wire.Outcome](body)
		case wire.TypeTransfer:
			s.got <- decode[wire.Transfer](body)
		case wire.TypeDone:
			if f := decode[wire.Done](body); s.dones.Load() {
				s.got <- f
			}
		case wire.TypeCutDone:
			s.got <- decode[wire.CutDone](body)
		case wire.TypeState:
			s.got <- decode[wire.State](body)
		default:
			panic(fmt.Sprintf("unexpected %v", t))
		}
	}
}

// decode decodes a frame and copies its bytes, which belong to the reader.
func decode[F any, P interface {
	*F
	Decode(body []byte) error
}](body []byte,
) F {
	var f F
	must(P(&f).Decode(append([]byte(nil), body...)))
	return f
}

// send sends frames in one write.
func (s *sidecar) send(frames ...pump.Frame) {
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	_, err := s.conn.Write(b)
	must(err)
}

// host makes the game host region id from state (nil: a new one), and returns
// the answer.
func (s *sidecar) host(id uint64, region string, index uint64, state []byte) wire.Hosted {
	s.send(wire.Host{ID: id, Epoch: 1, Index: index, New: state == nil, Size: uint64(len(state)), Region: region})
	for offset := 0; offset < len(state); offset += wire.MaxChunk {
		end := min(offset+wire.MaxChunk, len(state))
		s.send(wire.State{ID: id, Offset: uint64(offset), Data: state[offset:end]})
	}
	return expect[wire.Hosted](s)
}

// cut asks for a snapshot of region 1, and returns its log index and state.
func (s *sidecar) cut() (uint64, []byte) {
	const id = 1
	s.send(wire.Cut{ID: id, N: 7})
	head := expect[wire.CutDone](s)
	if head.ID != id || head.N != 7 {
		panic(fmt.Sprintf("not what was asked for: %+v", head))
	}
	var state []byte
	for uint64(len(state)) < head.Size {
		chunk := expect[wire.State](s)
		if chunk.ID != id || chunk.Offset != uint64(len(state)) {
			panic(fmt.Sprintf("wrong chunk %d of %d at %d", chunk.Offset, chunk.ID, len(state)))
		}
		state = append(state, chunk.Data...)
	}
	return head.Index, state
}

// expect returns the next frame, which must be an F.
func expect[F any](s *sidecar) F {
	got, open := <-s.got
	f, ok := got.(F)
	if !open || !ok {
		panic(fmt.Sprintf("got %+v (open: %t), not a %v", got, open, reflect.TypeFor[F]()))
	}
	return f
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// gatedConn is a connection whose reader can be made to stop.
type gatedConn struct {
	net.Conn
	shut atomic.Bool
	open chan struct{} // closed: go on
}

func (g *gatedConn) Read(b []byte) (int, error) {
	if g.shut.Load() {
		<-g.open
	}
	return g.Conn.Read(b)
}
