// Package wire is the protocol: the frames that travel between player, edge,
// sidecar and game, byte by byte, and the codes with which they are refused.
//
// # Frames
//
// Every link speaks in frames of one form: a length, a type, the fields in the
// order of their struct and, for some types, an opaque payload that fills the
// rest. codec.go draws it. Nothing in it depends on the transport: the same bytes
// go over a QUIC or WebTransport stream, a unix socket or TCP, as a datagram, and
// as a WebSocket message. A stream is frames without anything between them; a
// datagram or message is one or more whole frames.
//
// A value has one encoding. Varints are of the shortest form, bools are 0 or 1,
// snapshots list players in order, nothing follows the last field. So equal
// values have equal bytes and equal sums, and what one implementation accepts
// every other one accepts.
//
// # Links and limits
//
// A [Link] is a direction of a connection, named by the end that reads. It says
// which types may come; a type that does not belong is CodeUnknownType. Each type
// has the largest size that its fields allow. Link, type and size are checked as
// soon as they are there, before memory is taken and before the rest has come, so
// that neither a large nor a lying length costs more than the bytes really sent.
//
// # Versions
//
// The hello that opens a link ([Hello], [Open], [GameHello]), its answer and [Spare] begin
// with [Version], in every version there will be. One that differs is
// CodeVersion, and nothing after it is read. Between two that agree there is
// nothing optional: an unknown type or a field too many is an error, not
// something to skip. Codes alone are open: an unknown one is carried on as its
// number.
//
// # Names
//
// Names of regions, players and games, and IDs of sessions and incarnations, are
// 1..MaxName bytes of printable UTF-8: letters, marks, numbers, punctuation,
// symbols and the ASCII space. They are compared byte by byte. What is else is
// refused when it is decoded, so that names are safe to log, to show and to label
// metrics with. Texts for people keep the same alphabet; Append makes them fit.
//
// # Use
//
// Append encodes a frame after what is in a slice, and leaves the limits to the
// caller: payloads and tokens that are too long are refused by the peer. [Reader]
// takes frames from a stream and [Parse] from a datagram; Decode then reads the
// fields. Slices in a decoded frame alias the reader's buffer until the next call
// of Next, strings are copies. After an error of Decode the frame means nothing.
// Frames without strings are encoded, read and decoded without allocation.
// Functions are safe for concurrent use, a Reader and an Assembler are not.
//
// testdata/frames.txt shows every frame byte by byte, testdata/bad.txt what must
// be refused and with which code: an implementation in another language is right
// when it agrees with both. DESIGN.md has the sequences.
package wire
