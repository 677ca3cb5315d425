// Package election measures what Consul's part of a failover costs: from the moment
// at which a dead server's session falls until everybody knows who leads now. No game,
// no player and no edge has part in it, only package discovery and an agent.
//
// A server leads some regions, another one is in sync with it in all of them, and a
// number of watchers follow the mesh as edges do, each with a client of its own. Then
//
//	t0    the session of the leader is destroyed ([Session]), or its check is set
//	      critical, with which its session falls ([Check])
//	free  the other server's watch shows that the lock is free
//	take  the transaction of its take-over is answered
//	all   every watcher shows the new holder
//
// Times are of each region that fails: of one among N, or of all N at once, as when the
// server that leads them all dies. All but the failing ones are led by a server that
// lives, and are there because every answer to a watcher is about all regions.
//
// Before each fault the watchers rest until they may answer at once again: they take
// the first few changes as they come and then are paced (see discovery.MeshWatch).
//
// Servers and watchers are goroutines of one process, with one clock. What a hundred
// watchers cost is therefore paid by one machine, which is worse than a real mesh,
// where each is on another; and the network between them is a loopback, which is
// better. How a death is noticed is not in these figures.
package election
