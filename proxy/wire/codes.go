package wire

import (
	"slices"
	"strconv"
)

// Code says why: in frames, as QUIC application error code of a closed
// connection, as metric label. Codes are never renumbered.
type Code uint64

// The registry of codes.
const (
	CodeNone Code = 0

	// The peer sent something that it must not send.
	CodeProtocol     Code = 0x01 // malformed, truncated or trailing bytes
	CodeUnknownType  Code = 0x02 // a frame type that does not belong on this link
	CodeVersion      Code = 0x03 // no common protocol version
	CodeTooLarge     Code = 0x04 // a frame, payload, text or token above its limit
	CodeNotHello     Code = 0x05 // the first frame was not Hello or Open
	CodeJoinTwice    Code = 0x06 // Hello in a running session
	CodeGap          Code = 0x07 // seq above tail+1
	CodeReused       Code = 0x08 // a seq with another payload
	CodeNotYours     Code = 0x09 // a player ID that another session holds
	CodeName         Code = 0x0a // empty, too long or not printable UTF-8
	CodeUnknownName  Code = 0x0b // a region that is not served here
	CodeAckAhead     Code = 0x0c // an ack above what was sent
	CodeBadSnapshot  Code = 0x0d // wrong hash, size or order of a snapshot
	CodeBadHandle    Code = 0x0e // handle 0, unknown, or used twice
	CodeJoinTimeout  Code = 0x0f // no complete Hello in time
	CodeUnauthorized Code = 0x10 // certificate or token refused

	// The session ends for a reason of ours.
	CodeShutdown   Code = 0x20 // this process stops in good order
	CodeReplaced   Code = 0x21 // the player came back on another connection
	CodeSlow       Code = 0x22 // the peer does not read what it is sent
	CodeExpired    Code = 0x23 // the oldest kept action passed its age limit
	CodeOverloaded Code = 0x24 // this edge is full, come back later
	CodeLost       Code = 0x25 // the region came back without actions that were durable
	CodeLeft       Code = 0x26 // the player said goodbye
	CodeDegraded   Code = 0x27 // too much has failed at once: no newcomers, come back later
	CodeMoved      Code = 0x28 // the player is on his way to a region that cannot take him here

	// Why a primary is no longer one.
	CodeGameExit    Code = 0x30 // the game process ended
	CodeGameHang    Code = 0x31 // the game missed its heartbeats
	CodeRefusedUDP  Code = 0x32 // the kernel refused our packets: nothing listens there
	CodeSilence     Code = 0x33 // idle timeout of the link
	CodeNoLock      Code = 0x34 // Consul says that nobody holds the lock
	CodeDeposed     Code = 0x35 // a higher epoch exists
	CodeDrain       Code = 0x36 // planned
	CodeLinkClosed  Code = 0x37 // the peer closed the link
	CodeGameFault   Code = 0x38 // the game broke the local protocol or could not restore
	CodeGameStarved Code = 0x39 // the game missed its heartbeats, and waited for a CPU

	// Refusals of one frame.
	CodeStaleEpoch  Code = 0x40
	CodeStaleAttach Code = 0x41 // an attach number that a higher one replaced
	CodeNotServing  Code = 0x42
	CodeQuarantined Code = 0x43 // a poison action
)

var codeNames = [...]string{
	CodeNone: "none",

	CodeProtocol: "protocol", CodeUnknownType: "unknown_type", CodeVersion: "version",
	CodeTooLarge: "too_large", CodeNotHello: "not_hello", CodeJoinTwice: "join_twice",
	CodeGap: "gap", CodeReused: "reused", CodeNotYours: "not_yours", CodeName: "name",
	CodeUnknownName: "unknown_name", CodeAckAhead: "ack_ahead", CodeBadSnapshot: "bad_snapshot",
	CodeBadHandle: "bad_handle", CodeJoinTimeout: "join_timeout", CodeUnauthorized: "unauthorized",

	CodeShutdown: "shutdown", CodeReplaced: "replaced", CodeSlow: "slow", CodeExpired: "expired",
	CodeOverloaded: "overloaded", CodeLost: "lost", CodeLeft: "left", CodeDegraded: "degraded",
	CodeMoved: "moved",

	CodeGameExit: "game_exit", CodeGameHang: "game_hang", CodeRefusedUDP: "refused",
	CodeSilence: "silence", CodeNoLock: "no_lock", CodeDeposed: "deposed", CodeDrain: "drain",
	CodeLinkClosed: "link_closed", CodeGameFault: "game_fault",
	CodeGameStarved: "game_starved",

	CodeStaleEpoch: "stale_epoch", CodeStaleAttach: "stale_attach", CodeNotServing: "not_serving",
	CodeQuarantined: "quarantined",
}

// String is the code's name, as used in logs and as metric label. A code of a
// newer peer is named by its number.
func (c Code) String() string {
	if c < Code(len(codeNames)) && codeNames[c] != "" {
		return codeNames[c]
	}
	return "code_" + strconv.FormatUint(uint64(c), 10)
}

// ParseCode returns the code of a name that String returns for a code of the registry.
func ParseCode(name string) (Code, bool) {
	i := slices.Index(codeNames[:], name)
	if name == "" || i < 0 {
		return CodeNone, false
	}
	return Code(i), true
}

// Codes lists the registry in ascending order.
func Codes() []Code {
	var codes []Code
	for i, name := range codeNames {
		if name != "" {
			codes = append(codes, Code(i))
		}
	}
	return codes
}
