package wire

import (
	"cmp"
	"hash/crc32"
	"iter"
	"slices"

	"github.com/reseat-proxy/reseat/buffer"
)

// A snapshot in wire form, which SnapshotHead announces and Chunks carry:
//
//	+--------+-------+-------+---------+-------+-------+--------+-------------+--------------+
//	| region | epoch | index | outcome | of    | chain | count  | count times | state        |
//	| name   | varint| varint| varint  | varint| varint| varint | a player    | opaque, fills|
//	|        |       |       |         |       |       |        |             | the rest     |
//	+--------+-------+-------+---------+-------+-------+--------+-------------+--------------+
//
//	+--------+--------+--------+---------+-------+-------+--------+--------+--------+-------+-------+--------+
//	| player | id     | attach | applied | token | next  | tried  | tries  | hop    | from  | to    | parcel |
//	| name   | varint | varint | varint  | token | token | varint | varint | varint | name? | name? | bytes  |
//	+--------+--------+--------+---------+-------+-------+--------+--------+--------+-------+-------+--------+
//
// Players are in ascending order of their bytes, each one once: a snapshot has
// one encoding, and so one sum. A name? may be empty.

// minMark is what a player takes at least: a name of one letter, eleven fields of a byte.
const minMark = 13

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum is the CRC-32C of b, as in SnapshotHead.
func Sum(b []byte) uint64 { return uint64(crc32.Checksum(b, castagnoli)) }

// AppendSnapshot appends the wire form of s to dst. Players may be in any order.
func AppendSnapshot(dst []byte, s *buffer.Snapshot) []byte {
	players := s.Players
	if !slices.IsSortedFunc(players, byName) {
		players = slices.SortedFunc(slices.Values(players), byName)
	}
	c := codec{mode: encoding, b: dst, sealed: true} // no frame, so no length
	count := uint64(len(players))
	c.cut(s)
	c.uint(&count)
	for i := range players {
		c.mark(&players[i])
	}
	c.rest(&s.State, len(s.State))
	return c.frame()
}

// DecodeSnapshot reads a snapshot in wire form, of at most limit bytes. Its State
// aliases b. What is wrong is CodeBadSnapshot, or CodeTooLarge.
func DecodeSnapshot(b []byte, limit int) (*buffer.Snapshot, error) {
	if len(b) > limit {
		return nil, snapshotFault(CodeTooLarge, "a snapshot of %d bytes, the limit is %d", len(b), limit)
	}
	var (
		c     = decoder(b)
		s     buffer.Snapshot
		count uint64
	)
	c.cut(&s)
	c.uint(&count)
	if count > uint64(len(c.b)/minMark) {
		c.fail(CodeBadSnapshot, "%d players where %d bytes are left", count, len(c.b))
	}
	for range count {
		if c.err != nil {
			break
		}
		var m buffer.PlayerMark
		c.mark(&m)
		if n := len(s.Players); n > 0 && m.Player <= s.Players[n-1].Player {
			c.fail(CodeBadSnapshot, "players that are not in ascending order")
		}
		// Not count at once: a mark in memory is eight times one on the wire.
		s.Players = append(s.Players, m)
	}
	c.rest(&s.State, len(c.b))
	if err := c.end(); err != nil {
		return nil, snapshotFault(CodeBadSnapshot, "%s", c.err.Detail)
	}
	return &s, nil
}

func (c *codec) cut(s *buffer.Snapshot) {
	c.name(&s.Region)
	c.uint(&s.Epoch)
	c.uint(&s.Index)
	c.uint(&s.Outcome)
	c.uint(&s.Of)
	c.uint(&s.Chain)
}

func (c *codec) mark(m *buffer.PlayerMark) {
	c.name(&m.Player)
	c.uint(&m.ID)
	c.uint(&m.Attach)
	c.uint(&m.Applied)
	c.token(&m.Token)
	c.token(&m.Next)
	c.uint(&m.Tried)
	c.uint(&m.Tries)
	c.uint(&m.Hop)
	c.place(&m.From)
	c.place(&m.To)
	c.bytes(&m.Parcel, MaxParcel)
	if c.mode != decoding {
		return
	}
	for _, field := range [...]*[]byte{&m.Token, &m.Next, &m.Parcel} {
		if len(*field) == 0 {
			*field = nil
		}
	}
}

func byName(a, b buffer.PlayerMark) int { return cmp.Compare(a.Player, b.Player) }

// Chunks cuts b into the frames that carry it. Data aliases b.
func Chunks(b []byte) iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		offset := uint64(0)
		for data := range slices.Chunk(b, MaxChunk) {
			if !yield(Chunk{Offset: offset, Data: data}) {
				return
			}
			offset += uint64(len(data))
		}
	}
}
