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
	Move   Kind = 1 // one step by DX, DY
	Take   Kind = 2 // gather from the node of this area
	Sell   Kind = 3 // Count of Item, to the vault
	Trade  Kind = 4 // buy Count of Item from Partner for Price
	Audit  Kind = 5 // send me the books; moves nothing
	Poison Kind = 6 // kill the process; malformed in a world without AllowPoison
	Cross  Kind = 7 // go to the region called Partner, with all that is the player's
)

// Command is the payload of an action.
//
//	kind u8 | n uvarint | Move:   dx i8, dy i8
//	                    | Sell:   item u8, count uvarint
//	                    | Trade:  item u8, count uvarint, price uvarint, partner (rest)
//	                    | Poison: variant u8
//	                    | Cross:  region (rest)
type Command struct {
	Kind    Kind
	N       uint64 // the client's own count of its actions: 1, 2, 3 …
	DX, DY  int8   // -1, 0 or 1
	Item    uint8  // < Kinds
	Count   uint64
	Price   uint64
	Partner string // of a Cross: the region
	Variant Variant
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
	case Poison:
		dst = append(dst, byte(c.Variant))
	case Cross:
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
	case Poison:
		c.Variant = Variant(r.byte())
		r.failed = r.failed || c.Variant < Panic || c.Variant > Hang
	case Cross:
		c.Partner = string(r.bytes(len(r.rest)))
		r.failed = r.failed || c.Partner == ""
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
