package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A frame, on every link and inside a datagram or message:
//
//	+--------+--------+----------------------------+---------------------------+
//	| length | type   | fields, in struct order    | payload (some types only) |
//	| varint | varint |                            | opaque, fills the rest    |
//	+--------+--------+----------------------------+---------------------------+
//	         |<---------------------------- length --------------------------->|
//
// and its fields:
//
//	varint   1-10 bytes   unsigned LEB128: 7 bits a byte, lowest first, the top
//	                      bit set on all but the last byte; the shortest form only
//	bool     1 byte       0 or 1
//	name     varint n, n bytes    1..MaxName bytes of printable UTF-8
//	text     varint n, n bytes    0..MaxText bytes of printable UTF-8
//	token    varint n, n bytes    0..MaxToken bytes
//	bytes    varint n, n bytes    up to a limit of the field
//
// A payload needs no length of its own: it ends where the frame ends.

// A codec walks over the fields of a frame. Each frame names its fields once, and
// the same walk encodes, decodes and measures them. Errors stick: the first one
// is kept, and all reads after it yield zero values.
type codec struct {
	mode   mode
	b      []byte // encoding: everything so far; decoding: what is left
	start  int    // encoding: where the frame begins in b
	sealed bool   // encoding: the length is in its place
	size   int    // measuring: the most that the fields can take
	err    *Error // decoding
}

type mode uint8

const (
	encoding mode = iota
	decoding
	measuring
)

// encoder begins a frame at the end of dst. It leaves one byte for the length:
// most frames need no more, and seal makes room for those that do.
func encoder(dst []byte, t Type) codec {
	return codec{mode: encoding, start: len(dst), b: binary.AppendUvarint(append(dst, 0), uint64(t))}
}

func decoder(body []byte) codec { return codec{mode: decoding, b: body} }

// frame ends encoding.
func (c *codec) frame() []byte {
	if !c.sealed {
		c.seal(0)
	}
	return c.b
}

// seal writes the length of a frame that has all its fields and lacks only its
// payload, so that the payload is copied once.
func (c *codec) seal(payload int) {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(c.b)-c.start-1+payload))
	if n > 1 {
		c.b = append(c.b, length[1:n]...)
		copy(c.b[c.start+n:], c.b[c.start+1:])
	}
	copy(c.b[c.start:], length[:n])
	c.sealed = true
}

// end ends decoding.
func (c *codec) end() error {
	if len(c.b) > 0 {
		c.fail(CodeProtocol, "%d bytes after the last field", len(c.b))
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

func (c *codec) fail(code Code, format string, args ...any) {
	if c.err == nil {
		c.err = &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
		c.b = nil
	}
}

func (c *codec) uint(v *uint64) {
	switch c.mode {
	case encoding:
		c.b = binary.AppendUvarint(c.b, *v)
	case decoding:
		*v = c.takeUint()
	case measuring:
		c.size += binary.MaxVarintLen64
	}
}

func (c *codec) code(v *Code) { c.uint((*uint64)(v)) }

// version is the first field of every hello and of its answer, in all versions
// of the protocol: what follows it can be read only by those who speak the same.
func (c *codec) version(v *uint64) {
	c.uint(v)
	if c.mode == decoding && *v != Version {
		c.fail(CodeVersion, "the peer speaks version %d, not %d", *v, Version)
	}
}

func (c *codec) role(v *Role) {
	c.uint((*uint64)(v))
	if c.mode == decoding && *v != RoleEdge && !v.Backup() {
		c.fail(CodeProtocol, "unknown role %d", *v)
	}
}

func (c *codec) bool(v *bool) {
	switch c.mode {
	case encoding:
		b := byte(0)
		if *v {
			b = 1
		}
		c.b = append(c.b, b)
	case decoding:
		*v = c.takeBool()
	case measuring:
		c.size++
	}
}

func (c *codec) name(v *string) {
	switch c.mode {
	case encoding:
		c.b = append(binary.AppendUvarint(c.b, uint64(len(*v))), *v...)
	case decoding:
		b := c.take(MaxName, CodeName)
		if len(b) == 0 || !printable(b) {
			c.fail(CodeName, "a name of %d bytes that is empty or not printable", len(b))
		}
		*v = string(b)
	case measuring:
		c.measure(MaxName)
	}
}

// place is a name, of a region as a rule, or nothing.
func (c *codec) place(v *string) {
	switch c.mode {
	case encoding:
		c.b = append(binary.AppendUvarint(c.b, uint64(len(*v))), *v...)
	case decoding:
		b := c.take(MaxName, CodeName)
		if !printable(b) {
			c.fail(CodeName, "a name that is not printable")
		}
		*v = string(b)
	case measuring:
		c.measure(MaxName)
	}
}

// text is for people to read. It may quote anything, so it is made to fit when
// it is encoded: a reason for refusal must not be refused itself.
func (c *codec) text(v *string) {
	switch c.mode {
	case encoding:
		s := fitText(*v)
		c.b = append(binary.AppendUvarint(c.b, uint64(len(s))), s...)
	case decoding:
		b := c.take(MaxText, CodeTooLarge)
		if !printable(b) {
			c.fail(CodeProtocol, "a text that is not printable")
		}
		*v = string(b)
	case measuring:
		c.measure(MaxText)
	}
}

func (c *codec) token(v *[]byte) { c.bytes(v, MaxToken) }

// bytes is opaque and not the last field.
func (c *codec) bytes(v *[]byte, limit int) {
	switch c.mode {
	case encoding:
		c.b = append(binary.AppendUvarint(c.b, uint64(len(*v))), *v...)
	case decoding:
		*v = c.take(limit, CodeTooLarge)
	case measuring:
		c.measure(limit)
	}
}

// rest is the payload, which must be the last field.
func (c *codec) rest(v *[]byte, limit int) {
	switch c.mode {
	case encoding:
		if !c.sealed {
			c.seal(len(*v))
		}
		c.b = append(c.b, *v...)
	case decoding:
		if len(c.b) > limit {
			c.fail(CodeTooLarge, "a payload of %d bytes, the limit is %d", len(c.b), limit)
		}
		*v, c.b = c.b, nil
	case measuring:
		c.size += limit
	}
}

// measure counts a field of at most n bytes that says its length.
func (c *codec) measure(n int) { c.size += uvarintLen(uint64(n)) + n }

func (c *codec) takeUint() uint64 {
	v, n := uvarint(c.b)
	if n <= 0 {
		c.fail(CodeProtocol, "%s", varintFault(n))
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *codec) takeBool() bool {
	if len(c.b) == 0 || c.b[0] > 1 {
		c.fail(CodeProtocol, "a bool that is missing or neither 0 nor 1")
		return false
	}
	v := c.b[0] == 1
	c.b = c.b[1:]
	return v
}

// take returns the next field that says its length; over is for one above limit.
func (c *codec) take(limit int, over Code) []byte {
	n := c.takeUint()
	switch {
	case n > uint64(limit):
		c.fail(over, "a field of %d bytes, the limit is %d", n, limit)
	case n > uint64(len(c.b)):
		c.fail(CodeProtocol, "a field of %d bytes where only %d are left", n, len(c.b))
	}
	if c.err != nil {
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

// uvarint is binary.Uvarint for the shortest form only: n is 0 when b is just a
// beginning and negative when it can be none.
func uvarint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	v, n = binary.Uvarint(b)
	if n > 1 && b[n-1] == 0 || n == 0 && len(b) >= binary.MaxVarintLen64 {
		return 0, -1
	}
	return v, n
}

func varintFault(n int) string {
	if n == 0 {
		return "the frame ends inside a field"
	}
	return "a varint that is not the shortest form or has more than 64 bits"
}

func uvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// printable tells whether b is UTF-8 of letters, marks, numbers, punctuation,
// symbols and the ASCII space: nothing that could move a terminal's cursor, end
// a log line or look like nothing.
func printable(b []byte) bool {
	for len(b) > 0 {
		r, n := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b)
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError && n == 1 {
			return false
		}
		b = b[n:]
	}
	return true
}

func fitText(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if len(s) <= MaxText {
		return s
	}
	end := MaxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
