package world

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Tag is the first byte of an update.
type Tag uint8

// The updates that a world sends.
const (
	TagEcho  Tag = 1 // reliable, to one player: an Echo
	TagShow  Tag = 2 // unreliable, to all: where everybody is
	TagBooks Tag = 3 // reliable, to one player: a Part of the books
)

// Result is what became of a command. A refused one counts as carried out: it
// was the world's rules that refused it.
type Result uint8

// The results.
const (
	Done    Result = 1
	Refused Result = 2
)

// Echo answers a command.
//
//	tag u8 | n uvarint | result u8 | roll u8 | x u8 | y u8 | gold uvarint | applied uvarint
type Echo struct {
	N       uint64
	Result  Result
	Roll    uint8 // of a Take that found something; else 0
	X, Y    uint8
	Gold    uint64
	Applied uint64 // commands of this player that were carried out so far, this one included
}

// maxShow is the number of positions in one broadcast, which has to fit into a
// datagram.
const maxShow = 500

var errUpdate = errors.New("world: malformed update")

// TagOf is the tag of an update; 0 when there is none.
func TagOf(update []byte) Tag {
	if len(update) == 0 {
		return 0
	}
	return Tag(update[0])
}

// Append appends the encoded echo to dst.
func (e *Echo) Append(dst []byte) []byte {
	dst = append(dst, byte(TagEcho))
	dst = binary.AppendUvarint(dst, e.N)
	dst = append(dst, byte(e.Result), e.Roll, e.X, e.Y)
	dst = binary.AppendUvarint(dst, e.Gold)
	return binary.AppendUvarint(dst, e.Applied)
}

// ParseEcho decodes an update that is tagged TagEcho.
func ParseEcho(update []byte) (Echo, error) {
	r := reader{rest: update}
	if Tag(r.byte()) != TagEcho {
		return Echo{}, fmt.Errorf("%w: not an echo", errUpdate)
	}
	e := Echo{
		N: r.uvarint(), Result: Result(r.byte()), Roll: r.byte(), X: r.byte(), Y: r.byte(),
		Gold: r.uvarint(), Applied: r.uvarint(),
	}
	if r.failed || len(r.rest) > 0 {
		return Echo{}, errUpdate
	}
	return e, nil
}

// appendPositions appends a broadcast: x and y of those who are on the board.
func (w *World) appendPositions(dst []byte) []byte {
	dst = append(dst, byte(TagShow))
	shown := 0
	for _, f := range w.players {
		if w.present[f.name] && shown < maxShow {
			dst = append(dst, f.x, f.y)
			shown++
		}
	}
	return dst
}
