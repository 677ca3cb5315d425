package steady

import (
	"encoding/binary"
	"errors"
	"io"
)

// A frame is a length of two bytes and as many bytes of payload.
const header = 2

// maxFrame bounds a payload: what is longer comes from somebody else.
const maxFrame = 4 << 10

var errFrame = errors.New("steady: no frame of this benchmark")

// appendFrame appends a payload with its length.
func appendFrame(dst, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(payload))) //nolint:gosec // at most maxFrame
	return append(dst, payload...)
}

// frames reads frames, and tells after each whole read what has come together.
type frames struct {
	r   io.Reader
	buf [maxFrame + header]byte
	n   int // bytes in buf
}

// next reads at least one frame, and gives each whole one to take. What it passes is
// valid until take returns.
func (f *frames) next(take func(payload []byte)) error {
	for taken := false; !taken; {
		n, err := f.r.Read(f.buf[f.n:])
		f.n += n
		at := 0
		for f.n-at >= header {
			length := int(binary.BigEndian.Uint16(f.buf[at:]))
			if length > maxFrame {
				return errFrame
			}
			if f.n-at < header+length {
				break
			}
			take(f.buf[at+header : at+header+length])
			at += header + length
			taken = true
		}
		f.n = copy(f.buf[:], f.buf[at:f.n])
		if err != nil {
			return err
		}
	}
	return nil
}
