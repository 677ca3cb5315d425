// Package sidecar is the process beside each game server: the other end of the
// edges' links, and the keeper of its regions' logs.
//
// A sidecar lives one incarnation after the other. One begins when a game has
// said hello, and registers in Consul with a TTL check and a session bound to it.
// Games come and go in it: the death of one fences its regions and frees their
// locks at once, and the next one gets the newest snapshot and the log. It ends,
// with its identity and its logs, when a higher epoch deposes it, when its log
// proves worthless, or with the process.
//
// For each region it is a candidate (package failover decides): a backup that
// follows the primary's log, or the primary. As primary it refuses epochs below
// its own and attach numbers below the newest, answers repeats without effect,
// asks for gaps without applying anything, and appends each action to the region
// log, from where it goes to the backups and to the game. What every member of the
// in-sync set has is durable; where there is no set, what all edges keep a snapshot
// of. Edges, backups and players are told, and updates that waited for it leave,
// while the lease holds.
//
// As backup it appends what comes, says how far its log goes, lets what is durable
// take effect on its rows, and gives its standby game what the primary's game has
// survived. At a promotion the rest of the log is tried, action by action.
//
// A region stream is read by one goroutine and written by one. Everything that
// an action changes is under the region's one mutex, and so is the order in
// which actions reach the game: the game's queue is appended to under it.
//
// DESIGN.md has the drawings.
package sidecar
