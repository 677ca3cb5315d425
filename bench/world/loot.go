package world

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// errOutcome: the delta is none of ours, or of another state.
var errOutcome = errors.New("world: malformed outcome")

// dice rolls by real chance, which no other process can repeat.
type dice struct {
	source io.Reader
	buffer [256]byte
	left   int
}

func newDice() dice { return dice{source: rand.Reader} }

// roll returns 1 to 255, each as likely as the others.
func (d *dice) roll() uint8 {
	for {
		if d.left == 0 {
			if _, err := io.ReadFull(d.source, d.buffer[:]); err != nil {
				panic(fmt.Sprintf("world: no random numbers: %v", err)) // crypto/rand never fails
			}
			d.left = len(d.buffer)
		}
		d.left--
		if v := d.buffer[d.left]; v != 0 {
			return v
		}
	}
}

// finding is the outcome of a Take that found something: all that it changes. That of
// a Cross is one, too, with nothing found.
//
//	length of player uvarint | player | node u8 | count uvarint | roll u8
//	payload of the command (rest)
type finding struct {
	player  string
	node    uint8
	count   uint64
	roll    uint8
	payload []byte
}

func (o *finding) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(o.player)))
	dst = append(dst, o.player...)
	dst = append(dst, o.node)
	dst = binary.AppendUvarint(dst, o.count)
	dst = append(dst, o.roll)
	return append(dst, o.payload...)
}

// take gathers from the node of the player's area, and rolls how rare it is.
// The outcome is committed before anybody is told.
func (w *World) take(out output, f *figure, n uint64, payload []byte) (Result, uint8) {
	node := f.node()
	o := finding{f.name, uint8(node), min(Gather, w.nodes[node]), 0, payload}
	if o.count == 0 {
		return Refused, 0
	}
	o.roll = w.dice.roll()
	w.scratch = o.append(w.scratch[:0])
	out.Commit(w.scratch)
	w.find(f, n, &o)
	return Done, o.roll
}

func (w *World) find(f *figure, n uint64, o *finding) {
	w.nodes[o.node] -= o.count
	f.items[o.node%Kinds] += o.count
	f.rolls = f.rolls.Add(f.rolled, n, o.roll)
	f.rolled = n
}

// ApplyOutcome repeats a Take that found something, or a Cross. When it fails, nothing
// has changed.
func (w *World) ApplyOutcome(delta []byte) error {
	r := reader{rest: delta}
	o := finding{player: string(r.bytes(length(&r))), node: r.byte(), count: r.uvarint(), roll: r.byte()}
	o.payload = r.bytes(len(r.rest))
	c, err := ParseCommand(o.payload)
	if !r.failed && err == nil && c.Kind == Cross {
		f := w.seat(o.player)
		w.note(f, c.N, o.payload)
		w.letGo(f)
		return nil
	}
	if r.failed || err != nil || c.Kind != Take || o.roll == 0 || o.node >= nodes {
		return errOutcome
	}
	if o.count == 0 || o.count > w.nodes[o.node] {
		return fmt.Errorf("%w: %d items from a stock of %d", errOutcome, o.count, w.nodes[o.node])
	}
	f := w.seat(o.player)
	w.note(f, c.N, o.payload)
	w.find(f, c.N, &o)
	return nil
}

// Rolls is every roll of a player, in their order. The world's have one for each
// Take that found something; a count that comes twice was carried out twice.
//
//	count of the command, less that of the one before, varint | roll u8
type Rolls []byte

// Add appends the roll of command n; before is the count of the one before it, 0
// for the first.
func (r Rolls) Add(before, n uint64, roll uint8) Rolls {
	return append(binary.AppendVarint(r, int64(n-before)), roll)
}

// All yields the count of each command, and its roll.
func (r Rolls) All() iter.Seq2[uint64, uint8] {
	return func(yield func(uint64, uint8) bool) {
		rest, n := reader{rest: r}, uint64(0)
		for len(rest.rest) > 0 {
			n += uint64(rest.varint())
			roll := rest.byte()
			if rest.failed || !yield(n, roll) {
				return
			}
		}
	}
}

// last is the count of the last roll, and whether all of it can be read.
func (r Rolls) last() (n uint64, ok bool) {
	rest := reader{rest: r}
	for len(rest.rest) > 0 {
		n += uint64(rest.varint())
		if rest.byte() == 0 || n == 0 {
			return 0, false
		}
	}
	return n, !rest.failed
}
