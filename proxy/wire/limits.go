package wire

import "encoding/binary"

const (
	// ALPN names the protocol in TLS, on every QUIC connection of ours.
	ALPN = "reseat/4"
	// Version is what hellos and their answers carry. Both sides must agree.
	Version = 4
)

// Limits, in bytes. They hold for what is received, before memory is taken for
// it; a sender that goes beyond them is refused with CodeTooLarge or CodeName.
const (
	MaxName     = 64                           // names of regions, players, games; IDs of sessions and incarnations
	MaxToken    = 64                           // resume token, or the hash of one
	MaxText     = 256                          // an explanation for people; cut to fit when it is sent
	MaxAction   = 4 << 10                      // payload of one action
	MaxOutcome  = 64 << 10                     // payload of one outcome; baggage of one player
	MaxCarried  = 64 << 10                     // actions that go to another region with their player, with three bytes for each
	MaxParcel   = MaxOutcome + MaxCarried + 64 // all that goes there
	MaxRecord   = MaxOutcome + MaxParcel + 256 // payload of one record of a region log
	MaxUpdate   = 64 << 10                     // payload of one update
	MaxDatagram = 1150                         // payload of an update in a datagram; with all headers it fits a packet of 1200 bytes, which every QUIC path carries
	MaxChunk    = 32 << 10                     // one part of a snapshot or state
	MaxSnapshot = 16 << 20                     // a whole snapshot or state, by default
)

// ValidName tells whether s may be a name: 1..MaxName bytes of printable UTF-8.
func ValidName(s string) bool {
	return s != "" && len(s) <= MaxName && printable([]byte(s))
}

// MaxEpoch is the highest epoch that is believed on a link. A region that has
// lived for a thousand years is far below it; one that heard of a higher one could
// never raise its epoch again.
const MaxEpoch = 1 << 62

// checkEpoch judges the epoch of a region stream's frame, before it is decoded.
// Of Open and Opened, which begin with something else, the receiver judges it.
func (r *Reader) checkEpoch(t Type, body []byte) error {
	if r.link != LinkRegion || t == TypeOpen || t == TypeOpened {
		return nil
	}
	if epoch, _ := binary.Uvarint(body); epoch > MaxEpoch {
		return &Error{Code: CodeProtocol, Detail: "an epoch that no region has lived to see"}
	}
	return nil
}
