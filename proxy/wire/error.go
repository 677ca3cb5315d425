package wire

import "errors"

// Error is a fault of the peer: it sent what it must not send. Code is what to
// tell it and what to count; Detail is for a log, and holds nothing that the
// peer could have chosen but numbers.
type Error struct {
	Code   Code
	Detail string
	cause  error
}

func (e *Error) Error() string { return "wire: " + e.Code.String() + ": " + e.Detail }

// Unwrap returns io.ErrUnexpectedEOF when the peer closed inside a frame.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf is the code of an error from a link: that of the *Error in its chain,
// CodeNone for nil, and CodeLinkClosed for everything else, which is io.EOF and
// the transport's own errors.
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
