package peers

import (
	"encoding/binary"
	"errors"
)

// A frame has one size, on TCP and UDP, both ways:
//
//	 0       1               5               9                    32
//	+-------+---------------+---------------+--------------------+
//	| kind  | player        | seq           | payload            |
//	+-------+---------------+---------------+--------------------+
//
// Numbers are big-endian. An answer repeats its question, but for the kind.
const frameSize = 32

const (
	kindAct  = 'a' // a player acts
	kindAck  = 'A' // it was applied
	kindAsk  = 'q' // a health check asks whether the game is at work
	kindHere = 'H' // it is
)

// action says which action of which player a frame is about.
type action struct {
	Player uint32 `json:"player"`
	Seq    uint32 `json:"seq"` // of that player: 1, 2, 3 …
}

var errFrame = errors.New("peers: not a frame of this game")

// putFrame writes a frame of an action into b, which has room for it. The payload
// stays what it is.
func putFrame(b []byte, kind byte, a action) {
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], a.Player)
	binary.BigEndian.PutUint32(b[5:], a.Seq)
}

// readFrame reads what putFrame has written.
func readFrame(b []byte) (kind byte, a action, err error) {
	if len(b) != frameSize {
		return 0, action{}, errFrame
	}
	return b[0], action{binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])}, nil
}
