// Package recovery measures how long players wait when something fails under them,
// and where that time goes: our headline figure.
//
// Each cell of its table is a fault under a load, and one run of package demo: real
// processes on this machine, a real Consul, players with an open schedule who keep
// books, and a judge who compares the books with the game's. Before each fault all
// backups are in sync and nothing has failed for a while.
//
//	kill    SIGKILL of the game process, with as much memory as asked for
//	host    SIGKILL of game and sidecar, which is what the loss of a machine looks like
//	freeze  SIGSTOP of both
//	cut     the server loses all packets of its links, but has its way to Consul
//	drain   nothing fails: the server is to be emptied
//	edge    SIGKILL of one of two edges, whose players go on at the other, to which they
//	        have a spare connection; edge-bare: they have none
//	many    host for two of five servers at once, under five regions
//
// Kill to drain happen to the primary of one region on three servers.
//
// The figures of a cell are of the players who were concerned: those of the regions
// that had to move, or on the edge that died.
//
//	stall   for each player and fault the longest wait of any of its actions, from the
//	        fault, or from when the schedule wanted it sent if that was later, until it
//	        was durable. Nothing is subtracted, and no wait is left out because the
//	        player could not send (coordinated omission). See judge.Stall.
//	first   from the fault until the player first heard from whoever serves now that
//	        something new is durable. One who acts twice a second waits for its own next
//	        action in it, half a second at most.
//	stages  since the fault, the median of all of them: when any process noticed, when
//	        the edge held the actions, and somebody was elected, said that it serves, had
//	        the players switched to it and what it lacked sent again, when the first
//	        action was durable, and when the last player was back. Of a drain they count
//	        from when the actions were held, for nobody waits before that
//
// A cell is ok when every promise was kept and what it is about has happened. It is void
// when the machine was too busy between a fault and a second after all played on: it
// woke this process or a player up too late. What happens between the faults, when
// servers are started again, is no part of any figure but the quiet ones.
package recovery
