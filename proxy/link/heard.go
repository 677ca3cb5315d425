package link

import (
	"io"
	"sync/atomic"
	"time"
)

// Heard is a reader that knows when something came last. One look at the clock for
// each read, which brings many frames when there are many, is all that it costs. At is
// safe for concurrent use with a read.
type Heard struct {
	from io.Reader
	last atomic.Int64 // UnixNano
}

// NewHeard returns a reader of what comes from another one; now counts as heard.
func NewHeard(from io.Reader) *Heard {
	h := &Heard{from: from}
	h.last.Store(time.Now().UnixNano())
	return h
}

// Read implements io.Reader.
func (h *Heard) Read(b []byte) (int, error) {
	n, err := h.from.Read(b)
	if n > 0 {
		h.last.Store(time.Now().UnixNano())
	}
	return n, err
}

// At is when something came last.
func (h *Heard) At() time.Time { return time.Unix(0, h.last.Load()) }
