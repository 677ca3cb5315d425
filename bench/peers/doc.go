// Package peers measures what players go through when a game server dies behind
// the proxies that people use today, and behind Reseat, in one run on one machine:
// the same players, the same pace, the same faults, taken in turns.
//
// # The contenders
//
// nginx (stream module, TCP and UDP) and HAProxy (TCP) stand before two game
// servers, of which one is the backup. Nothing replicates the game's state in that
// world: the backup begins with nothing. Their settings are in the folder configs
// and in [Contenders]; they are what a careful user would write. Reseat is run by
// package demo: three servers with sidecars, an edge, and a real Consul.
//
// The bench installs nothing. A contender whose program is not there is a row that
// says which package is missing, and never one that passes.
//
// # The game
//
// Behind the others it is the simplest that can be: [Game] takes numbered actions,
// writes each into its journal, and acknowledges it. An action that it has already
// it acknowledges again and does not apply. The journal is written before the
// acknowledgement, so that it can be read after a SIGKILL and tells what the dead
// server had done.
//
// Players are an open load: a schedule says when each action is to be sent,
// whatever became of those before, and everything counts from that time. A TCP
// player whose connection breaks connects again at once and sends again what was
// not acknowledged; a UDP player keeps its socket and sends again what was not
// acknowledged for [Resend].
//
// # What is counted
//
//	interruption  of one player: the longest wait of an action that was not
//	              acknowledged when the fault came, or was due later, from the fault
//	              or from its intended time, whichever is later. It is judge.Measure,
//	              for Reseat and for all others.
//	never         players for whom no action that was due after the fault was
//	              acknowledged while we watched
//	acked, gone   acknowledged, and unknown to the server that the player is on now
//	lost          sent, and not acknowledged when everything was over, of players
//	              who moved
//	twice         applied by more than one server, or more than once
//	reconnects    connections that broke, for each player
//
// Reseat acknowledges an action when it is safe on the backups, all others when one
// process has it in memory: what is compared is what the player was told.
package peers
