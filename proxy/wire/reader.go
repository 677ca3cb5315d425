package wire

import (
	"errors"
	"fmt"
	"io"
)

// minBuffer is what a Reader begins with. Most players send little: thousands of
// them should cost little.
const minBuffer = 512

// maxEmptyReads is how often a Read may return nothing before it counts as
// broken, as in bufio.
const maxEmptyReads = 100

// Reader reads the frames of one link from a stream. It takes as many frames
// from one Read as there are, and its buffer grows only with bytes that have
// come, up to the largest frame of the link: a length that lies costs nothing.
// It is not safe for concurrent use.
type Reader struct {
	r          io.Reader
	link       Link
	buf        []byte // buf[start:end] has been read and not yet returned
	start, end int
	err        error // from r, or what is wrong with the stream
}

// NewReader returns a Reader of what the link's other end writes to r.
func NewReader(r io.Reader, link Link) *Reader {
	return &Reader{r: r, link: link, buf: make([]byte, minBuffer)}
}

// Next returns the type and the fields of the next frame, for the Decode of that
// type. The fields are valid until the next call.
//
// The error is io.EOF when the stream ends between frames, an *Error when the
// peer broke the protocol, and else the one that the stream's Read returned. A
// stream that ends inside a frame is CodeProtocol and unwraps to
// io.ErrUnexpectedEOF. After an error every call returns it again.
func (r *Reader) Next() (Type, []byte, error) {
	for {
		t, body, n, err := cut(r.buf[r.start:r.end], r.link)
		if err != nil {
			return 0, nil, err // the bytes stay where they are, and so does the error
		}
		if n > 0 {
			if err := r.checkEpoch(t, body); err != nil {
				return 0, nil, err
			}
			r.start += n
			return t, body, nil
		}
		if r.end > r.start && errors.Is(r.err, io.EOF) {
			r.err = truncated(r.end - r.start)
		}
		if r.err != nil {
			return 0, nil, r.err
		}
		r.fill()
	}
}

// Buffered tells whether the whole next frame has been read: Next will not wait. Who
// has to tell others of what comes can do so once for all that has come together.
func (r *Reader) Buffered() bool {
	length, head := uvarint(r.buf[r.start:r.end])
	return head > 0 && length <= uint64(r.end-r.start-head)
}

// fill reads once more. A buffer that the last Read filled to its end is too
// small for what comes, be it one frame or many.
func (r *Reader) fill() {
	buf := r.buf
	if size := min(2*len(buf), maxBuffer(r.link)); r.end == len(buf) && size > len(buf) {
		buf = make([]byte, size)
	}
	r.end = copy(buf, r.buf[r.start:r.end])
	r.buf, r.start = buf, 0
	for range maxEmptyReads {
		var n int
		n, r.err = r.r.Read(r.buf[r.end:])
		r.end += n
		if n > 0 || r.err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// Parse takes the first frame from b, a datagram or message, and returns its
// type, its fields for the Decode of that type, and what follows the frame. All
// of them alias b. The error is an *Error; a frame that is not whole is
// CodeProtocol.
func Parse(b []byte, link Link) (t Type, body, rest []byte, err error) {
	t, body, n, err := cut(b, link)
	if err == nil && n == 0 {
		err = truncated(len(b))
	}
	if err != nil {
		return 0, nil, nil, err
	}
	return t, body, b[n:], nil
}

// cut takes the first frame from b; n is how many bytes it takes there, or 0
// when b holds only its beginning. All that can be known from a beginning is
// checked before more of it is waited for.
func cut(b []byte, link Link) (t Type, body []byte, n int, err error) {
	length, head := uvarint(b)
	switch {
	case head < 0:
		return refuse(CodeProtocol, "length: "+varintFault(head))
	case head == 0:
		return 0, nil, 0, nil
	case length > uint64(largest[link]):
		return refuse(CodeTooLarge, fmt.Sprintf("a frame of %d bytes on link %v, the limit is %d", length, link, largest[link]))
	}
	size := int(length)
	b = b[head:min(head+size, len(b))]
	v, k := uvarint(b)
	whole := len(b) == size
	if k < 0 || k == 0 && whole {
		return refuse(CodeProtocol, "type: "+varintFault(k))
	}
	if k == 0 {
		return 0, nil, 0, nil
	}
	t = Type(v)
	switch e := lookup(t, link); {
	case e == nil:
		return refuse(CodeUnknownType, fmt.Sprintf("%v on link %v", t, link))
	case size > e.max:
		return refuse(CodeTooLarge, fmt.Sprintf("%v of %d bytes, the limit is %d", t, size, e.max))
	case !whole:
		return 0, nil, 0, nil
	}
	return t, b[k:size:size], head + size, nil
}

func refuse(code Code, detail string) (Type, []byte, int, error) {
	return 0, nil, 0, &Error{Code: code, Detail: detail}
}

func truncated(n int) *Error {
	return &Error{
		Code:   CodeProtocol,
		Detail: fmt.Sprintf("the end after %d bytes of a frame", n),
		cause:  io.ErrUnexpectedEOF,
	}
}

// maxBuffer holds the largest frame of a link and its length.
func maxBuffer(link Link) int { return uvarintLen(uint64(largest[link])) + largest[link] }
