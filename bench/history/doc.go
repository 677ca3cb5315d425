// Package history is what a chaos run records, and how it is judged afterwards.
//
// Bots write [Record]s while they play: every action, every answer, every
// durable mark, every turn of their connection, with the times of one clock. At
// the end the servers add [Evidence]: the game's books, dumps of all replicas,
// the events of all logs. [Judge] holds the one against the other. It is pure:
// the same files, the same [Verdict], so an old run can be judged again by a
// better judge ([JudgeDir]).
//
// # How a run is judged
//
//   - [Invariants] are the promises one by one, in words when broken. Those which
//     cannot be judged from what a run recorded are listed as not judged.
//   - Each player's history must be linearizable ([Linearize]): there is one
//     order of its actions, each within its own time, that explains every answer
//     and the books at the end. "Unknown" counts as broken.
//   - [Counts] say whether the interesting things happened. A run that stays
//     below its [Setup]'s Gate proves nothing: it is [Invalid], which is neither
//     good nor bad.
//
// # Unknown outcomes
//
// An action that nobody ever confirmed may have happened or not. As in etcd's
// robustness tests the evidence decides: if the books go up to it, it happened
// some time before the audit; if they end before it, it never did. A hole below
// the end of the books is never explained away.
//
// # Times and numbers
//
// All times are nanoseconds of the bots' clock, which reads Unix time at its
// start and never jumps; 0 is never. Events carry the wall clock of their
// process, so nothing is concluded from small differences between the two.
//
// An action has two numbers: n, which the client counts itself and writes into
// its command, and seq, which the player library gave it. The game's books speak
// of n, the proxy's of seq. Neither is ever used again for another action.
package history
