package link

import (
	"encoding/binary"

	"github.com/quic-go/quic-go"
)

// AppendDatagram begins a datagram that belongs to a region stream: the
// stream's ID, then frames.
func AppendDatagram(dst []byte, stream quic.StreamID) []byte {
	return binary.AppendUvarint(dst, uint64(stream))
}

// SplitDatagram tells which region stream a datagram belongs to.
func SplitDatagram(b []byte) (stream quic.StreamID, frames []byte, ok bool) {
	id, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return quic.StreamID(id), b[n:], true
}
