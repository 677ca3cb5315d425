package world

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is what a command does.
type Kind uint8

// The kinds of commands.
const (
	Move  Kind = 1 // one step by DX, DY
	Take  Kind = 2 // gather from the node of this area
	Sell  Kind = 3 // Count of Item, to the vault
	Trade Kind = 4 // buy Count of Item from Partner for Price
	Audit Kind = 5 // send me the books; moves nothing
)

// Command is the payload of an action.
//
//	kind u8 | n uvarint | Move:  dx i8, dy i8
//	                    | Sell:  item u8, count uvarint
//	                    | Trade: item u8, count uvarint, price uvarint, partner (rest)
type Command struct {
	Kind    Kind
	N       uint64 // the client's own count of its actions: 1, 2, 3 …
	DX, DY  int8   // -1, 0 or 1
	Item    uint8  // < Kinds
	Count   uint64
	Price   uint64
	Partner string
}

// errCommand: the payload is no command.
var errCommand = errors.New("world: malformed command")

// Append appends the encoded command to dst.
func (c *Command) Append(dst []byte) []byte {
	dst = append(dst, byte(c.Kind))
	dst = binary.AppendUvarint(dst, c.N)
	switch c.Kind {
	case Move:
		dst = append(dst, byte(c.DX), byte(c.DY))
	case Sell:
		dst = append(dst, c.Item)
		dst = binary.AppendUvarint(dst, c.Count)
	case Trade:
		dst = append(dst, c.Item)
		dst = binary.AppendUvarint(dst, c.Count)
		dst = binary.AppendUvarint(dst, c.Price)
		dst = append(dst, c.Partner...)
	case Take, Audit:
	}
	return dst
}

// ParseCommand decodes a payload. The command does not alias it.
func ParseCommand(payload []byte) (Command, error) {
	r := reader{rest: payload}
	c := Command{Kind: Kind(r.byte()), N: r.uvarint()}
	switch c.Kind {
	case Move:
		c.DX, c.DY = int8(r.byte()), int8(r.byte())
	case Sell:
		c.Item, c.Count = r.byte(), r.uvarint()
	case Trade:
		c.Item, c.Count, c.Price = r.byte(), r.uvarint(), r.uvarint()
		c.Partner = string(r.bytes(len(r.rest)))
	case Take, Audit:
	default:
		return Command{}, fmt.Errorf("%w: kind %d", errCommand, c.Kind)
	}
	if r.failed || len(r.rest) > 0 || c.N == 0 || c.Item >= Kinds || !step(c.DX) || !step(c.DY) {
		return Command{}, errCommand
	}
	return c, nil
}

func step(d int8) bool { return -1 <= d && d <= 1 }

// reader takes fields off a byte slice. The first field that is not there sets
// failed, and all later ones are zero.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bytes returns the next n bytes, which alias the input, or nil.
func (r *reader) bytes(n int) []byte {
	if r.failed || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}
