// Package steady measures what it costs to play behind Reseat while nothing fails:
// round trips, CPU time, packets and memory, beside what people would use instead, in
// one run and on one machine.
//
// # Paths
//
// A player sends actions of [Payload] bytes, and each is answered with as many, in
// order, on a stream. What lies between is a [Path]:
//
//	direct       player ── echo server                             quic-go, one stream
//	relay        player ── relay ══ echo server                    quic-go, one stream per player on one shared connection
//	relay-each   player ── relay ── echo server                    quic-go, a connection of its own for each player
//	relay-twice  player ── relay ══ relay ══ echo server           as many hops as Reseat has
//	reseat-2     player ── edge ══ sidecar ── game                 two backups in sync, replies wait until actions are durable
//	reseat-0     the same without a backup: snapshots on the edge, replies do not wait
//	reseat-none  as reseat-2 with output_commit none: replies do not wait
//
// Everything is a process of its own: this program, started again. The relay is the
// smallest that does its work: it copies bytes and keeps none. relay is the default to
// compare with, not relay-each, because it is the stronger one: its second hop puts
// the frames of many players into one packet, and acknowledges them with one. The echo
// server and the game do the same work, the direct player is as plain as possible, and
// the player behind an edge uses package player, as a game client would.
//
// # Loads
//
// A [Load] is open: each player has a schedule, and a round trip counts from the time
// in it. "saturated" is closed: each player keeps a window of actions on the way, and
// what counts is how many are answered in a second.
//
// # Figures
//
// A pass is one path under one load, with processes that are started for it. Passes of
// the paths alternate, and ratios are of passes of the same round; their median stands
// in the table. A pass in which this machine let something wait for more than
// measure.MaxDelay is void, and repeated.
//
// CPU time is the scheduler's, of each process from the first action to the last
// answer; packets and bytes are all that the loopback carried meanwhile, acknowledgments
// and heartbeats included. Memory is read when all players are there and nobody has
// done anything, after a garbage collection, and again right after the load without one;
// from both the same process without players is subtracted.
package steady
