// Package buffer keeps the actions of players that are not yet durable, the log
// of everything that changes a region, and the newest snapshot of it. It does no I/O, starts no goroutine, takes no
// lock and reads no clock: the caller's lock for a region guards that [Region]
// and all of its logs, and the caller passes the time in.
//
// # Log: cursors instead of a replay mode
//
// A [Log] holds one player's actions, numbered by seq without gaps, and has
// three cursors:
//
//	 acked             sent             tail
//	   ▼                 ▼                ▼
//	───┼─────────────────┼────────────────┤
//	   │  handed out,    │  to be handed  │  Append(tail+1)
//	   │  not durable    │  out: Next     │
//	   └──────────── kept ────────────────┘
//
//	acked <= sent <= tail, always
//
// Append adds at the tail in every state. Next hands out the action after sent.
// Ack frees what is durable. Rewind moves sent to what another primary says it
// has, and the same loop that sent before sends old and new actions in one
// order. Nothing overtakes, nothing is evicted, no gap is made: a log at one of
// its bounds refuses, and the caller stops reading the player's stream.
//
// # Region: one budget, one turn for each
//
// A [Region] opens logs, bounds the payload bytes of all of them together, and
// knows which have something to send, in the order in which they came to have
// it. The send loop of a link is
//
//	mu.Lock()
//	for len(batch) < limit {
//		log := region.NextReady()
//		if log == nil {
//			break
//		}
//		for range quantum {
//			a, ok := log.Next()
//			if !ok {
//				break
//			}
//			batch = appendFrame(batch, log.Owner, a)
//		}
//		region.Requeue(log)
//	}
//	mu.Unlock()
//	write(batch)
//
// A log that has more than its quantum goes to the end of the line, so a player
// who sends much delays the others by one quantum each round and no more.
//
// When the link is lost, [Region.Hold] stops all of them in one step: a held log
// takes actions and acks, and hands out nothing. [Log.Rewind] sets it going
// again, for the primary that has answered for this player.
//
// # RegionLog: one order for all that changes a region
//
// Where a [Log] holds what one player sent, at the edge, a [RegionLog] holds what
// was made of it, at primary and backups: [Record]s of actions of all players, of
// their outcomes, and of attachments, each with the epoch of its writer. A
// primary appends, and ships with a cursor for each backup; what a snapshot
// covers is trimmed.
//
// [RegionLog.Common] and [RegionLog.EndOf] find where two logs part, by epochs
// alone; [RegionLog.ChainAt] is a hash of all records up to an index, with which
// a check can tell that they really do not.
//
// # Accounts
//
// Every action that was ever appended is acked, abandoned by Close, or still
// kept. [Stats.Check] tells whether the counters say so.
package buffer
