// DRAFT by the lead so that others can compile; the owner of this folder replaces it.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

const (
	ALPN        = "reseat/1"
	Version     = 1
	MaxName     = 64
	MaxToken    = 64
	MaxText     = 256
	MaxAction   = 4096
	MaxUpdate   = 64 << 10
	MaxDatagram = 1150
	MaxChunk    = 32 << 10
	MaxSnapshot = 16 << 20

	headerSpace = 512
)

type Error struct {
	Code   Code
	Detail string
	err    error
}

func (e *Error) Error() string { return fmt.Sprintf("wire: %v: %s", e.Code, e.Detail) }
func (e *Error) Unwrap() error { return e.err }

func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return CodeNone
	case errors.As(err, &e):
		return e.Code
	}
	return CodeLinkClosed
}

func ParseCode(name string) (Code, bool) {
	for c, n := range codeNames {
		if n == name {
			return c, true
		}
	}
	return CodeNone, false
}

func putUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }
func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
func putString(b []byte, s string) []byte { return append(putUint(b, uint64(len(s))), s...) }
func putBytes(b []byte, s []byte) []byte  { return append(putUint(b, uint64(len(s))), s...) }

func frame(dst []byte, t Type, head, rest []byte) []byte {
	n := uvarintLen(uint64(t)) + len(head) + len(rest)
	dst = putUint(dst, uint64(n))
	dst = putUint(dst, uint64(t))
	dst = append(dst, head...)
	return append(dst, rest...)
}

func uvarintLen(v uint64) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

type cursor struct {
	b   []byte
	err *Error
}

func (d *cursor) fail(c Code, detail string) {
	if d.err == nil {
		d.err = &Error{Code: c, Detail: detail}
		d.b = nil
	}
}

func uvarint(b []byte) (uint64, int) {
	v, n := binary.Uvarint(b)
	if n > 1 && b[n-1] == 0 {
		return 0, -1
	}
	return v, n
}

func (d *cursor) uint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := uvarint(d.b)
	if n <= 0 {
		d.fail(CodeProtocol, "bad varint")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *cursor) bool() bool {
	if d.err != nil {
		return false
	}
	if len(d.b) == 0 || d.b[0] > 1 {
		d.fail(CodeProtocol, "bad bool")
		return false
	}
	v := d.b[0] == 1
	d.b = d.b[1:]
	return v
}

func (d *cursor) bytes(limit int) []byte {
	n := d.uint()
	if d.err != nil {
		return nil
	}
	if n > uint64(limit) {
		d.fail(CodeTooLarge, "field too long")
		return nil
	}
	if n > uint64(len(d.b)) {
		d.fail(CodeProtocol, "truncated")
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *cursor) name() string {
	b := d.bytes(MaxName)
	if d.err == nil && (len(b) == 0 || !printable(b)) {
		d.fail(CodeName, "bad name")
	}
	return string(b)
}

func (d *cursor) text() string {
	b := d.bytes(MaxText)
	if d.err == nil && !printable(b) {
		d.fail(CodeName, "bad text")
	}
	return string(b)
}

func printable(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if (r == utf8.RuneError && n <= 1) || !unicode.IsPrint(r) {
			return false
		}
		b = b[n:]
	}
	return true
}

func (d *cursor) rest() []byte {
	v := d.b
	d.b = nil
	return v
}

func (d *cursor) end(t Type) error {
	if d.err == nil && len(d.b) > 0 {
		d.fail(CodeProtocol, "trailing bytes")
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

type Link uint8

const (
	LinkPlayer Link = iota
	LinkEdge
	LinkRegion
	LinkSnapshot
	LinkGame
	LinkSidecar
)

func limit(l Link) int {
	switch l {
	case LinkPlayer:
		return MaxAction + headerSpace
	case LinkSnapshot:
		return MaxChunk + headerSpace
	}
	return MaxUpdate + headerSpace
}

type Reader struct {
	r    io.Reader
	link Link
	buf  []byte
	a, b int
}

func NewReader(r io.Reader, link Link) *Reader { return &Reader{r: r, link: link, buf: make([]byte, 1024)} }

func (r *Reader) Next() (Type, []byte, error) {
	for {
		v, n := uvarint(r.buf[r.a:r.b])
		if n < 0 {
			return 0, nil, &Error{Code: CodeProtocol, Detail: "bad length"}
		}
		if n > 0 {
			if v == 0 {
				return 0, nil, &Error{Code: CodeProtocol, Detail: "empty frame"}
			}
			if v > uint64(limit(r.link)) {
				return 0, nil, &Error{Code: CodeTooLarge, Detail: "frame too long"}
			}
			if r.b-r.a >= n+int(v) {
				f := r.buf[r.a+n : r.a+n+int(v)]
				r.a += n + int(v)
				t, m := uvarint(f)
				if m <= 0 {
					return 0, nil, &Error{Code: CodeProtocol, Detail: "bad type"}
				}
				return Type(t), f[m:], nil
			}
			if need := n + int(v); need > len(r.buf) {
				nb := make([]byte, max(need, 2*len(r.buf)))
				r.b = copy(nb, r.buf[r.a:r.b])
				r.a = 0
				r.buf = nb
			}
		}
		if r.a > 0 {
			r.b = copy(r.buf, r.buf[r.a:r.b])
			r.a = 0
		}
		m, err := r.r.Read(r.buf[r.b:])
		r.b += m
		if m == 0 && err != nil {
			if err == io.EOF && r.b > r.a {
				return 0, nil, &Error{Code: CodeProtocol, Detail: "truncated", err: io.ErrUnexpectedEOF}
			}
			return 0, nil, err
		}
	}
}

func Parse(b []byte, link Link) (Type, []byte, []byte, error) {
	v, n := uvarint(b)
	if n <= 0 || v > uint64(len(b)-n) {
		return 0, nil, nil, &Error{Code: CodeProtocol, Detail: "truncated"}
	}
	f := b[n : n+int(v)]
	t, m := uvarint(f)
	if m <= 0 {
		return 0, nil, nil, &Error{Code: CodeProtocol, Detail: "bad type"}
	}
	return Type(t), f[m:], b[n+int(v):], nil
}
