// Package mesh measures what becomes of a whole mesh when servers fail or are
// restarted: many regions on many servers, all of them processes of their own on
// this machine, with a real Consul and players who keep books.
//
// A [Scene] is one run of package demo, without the show. Its players are paced,
// so that one machine carries all of it; every figure is from the moment of the
// fault, and nothing is subtracted.
//
//	kill-1, kill-3, kill-5   so many servers are killed at once, SIGKILL of game and
//	                         sidecar. They are those that lead the most players, but no
//	                         region loses all who are in sync: that is another promise.
//	controller               as kill-5, and the edge that decides for the mesh is killed
//	                         when the first region has a new primary
//	rolling                  every server is emptied, stopped and started again, one after
//	                         the other
//
// A run is ok when bench/judge finds every promise kept in every region, and when
// what it is about has happened.
package mesh
