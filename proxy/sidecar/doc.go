// Package sidecar is the process beside each game server: the other end of the
// edges' links.
//
// A sidecar lives one incarnation after the other. An incarnation begins when
// its game has said hello (a process that the sidecar started, or one that
// connected by itself), registers in Consul with a TTL check and a session bound
// to it, and is then, for each of its regions, a candidate: a backup that
// watches the primary, or the primary itself. It ends when the game dies or
// hangs, when Consul says that the session is gone, or when a higher epoch
// deposes it; links are then closed with that reason as their code, the check
// is failed and the session destroyed, all at once. The next incarnation has a
// new random ID and, where the sidecar supervises the game, a new process: what
// a deposed primary holds is never mixed with what replaced it.
//
// As primary it serves region streams: it refuses epochs below its own and
// attach numbers below the newest, answers repeats without effect, asks for
// gaps without applying anything, and otherwise appends each action to the
// region log, which gives it an index, and passes it to the game. Snapshots are
// asked for as often as Pace allows while there is anything new, go to every
// edge that has the region open, and make durable what they cover once all of
// those edges have confirmed one. Edges learn that per player.
//
// A region stream is read by one goroutine and written by one. Everything that
// an action changes is under the region's one mutex, and so is the order in
// which actions reach the game: the game's queue is appended to under it.
//
// DESIGN.md has the drawings.
package sidecar
