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
//	idle                     nothing happens, and nobody does anything: what it costs that
//	                         all are there, with all servers and with a third of them
//
// Servers have no regions of their own: the controller gives them some, and others
// take the places of those that were killed before they come back. The deaths of
// servers count for demo.Window, so that the level of the mesh can be seen to fall.
//
// A scene is ok when bench/judge finds every promise kept in every region, and when
// what it is about has happened. It is void when something waited for a core for more
// than measure.MaxDelay between a fault and a second after all played on. The idle scene
// has no fault and is never void: CPU time does not contain what waits for it.
package mesh
