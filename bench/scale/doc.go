// Package scale measures how much one edge carries, and what grows with what: round
// trips, CPU time and memory over the number of players, regions, edges and backups.
//
// A [Sweep] changes one number and leaves the others as they are; each of its points is
// one pass of package steady, with processes started for it and players who act by a
// schedule. The sweep over players is done through a minimal relay, too, and goes on
// until a point does not hold: its p99 is above Config.Limit, answers are missing or come
// at a lower rate than actions, or the machine has no core left for whoever wakes up.
// What holds before that is what the front carries here. Players, edge, servers and all
// backups share this machine's cores, so that it is a bound for the whole, and not what an
// edge would carry alone on one.
//
// A point that does not hold is measured again before that is believed. If the machine is
// too busy for the first one of the players' sweep, or for any of another, the run is void.
package scale
