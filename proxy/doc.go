// Package proxy is the edge: the process between players and game servers.
//
// A player holds one QUIC connection with one stream (see package wire for the
// frames). Each player has a log (package buffer) that keeps every action until
// it is durable. Each region follows one primary (package failover decides
// which), over a region stream on a link to that primary's sidecar, and keeps
// such streams open to the backups too.
//
//	player ──▶ session.read ──▶ Log.Append ──▶ uplink.Fill ──▶ sidecar
//	player ◀── session.Fill ◀── updates, durable, progress ◀── uplink.read
//
// There is no replay mode. Actions are appended at the tail of a log whether or
// not a primary serves; the goroutine that writes a region stream takes what
// is after the sent cursor; a failover moves that cursor back to what the new
// primary says it has. Old and new actions leave in one order through one loop.
//
// State: everything of a region (machine, logs, sessions, streams) is under the
// region's one mutex, and nothing waits or calls out under it: frames go to
// queues in memory, each drained by the one goroutine that owns the writes of
// its connection. A player who does not read fills his own bounded queue and is
// closed; nobody else notices.
//
// DESIGN.md has the drawings.
package proxy
