// Package mesh decides for a whole mesh: which servers back which regions, how
// urgent each region is, how much is given up when too many servers fail at once,
// when a server is started, and who should lead. It does no I/O, starts no
// goroutine and reads no clock.
//
// Controller.Step(now, event) returns commands. The caller carries them out and
// tells what came of them by further events, or by the next Mesh that shows it.
// Small machines share the work, each in a file of its own:
//
//	health     since when each server fails, which are newcomers
//	failures   deaths within a window
//	degrade    the level that follows from them
//	scores     how urgent each region is
//	placement  who has a seat
//	moves      who should lead
//	drains     which servers are to be emptied, and are empty
//	launches   servers that are asked for
//	alerts     what a person should know, once
//
// All of them go on from what Consul says: an edge that becomes the controller
// starts with an empty Controller and comes to the same decisions. What is lost
// with one is who failed before the last minute or so, and moves that were asked
// for and had not begun.
//
// Nothing waits for a controller: a failover is decided by those who take part in
// it, with the scores that were published last. While Consul does not answer, a
// Controller changes nothing, and its clocks start anew when it does again.
//
// A Controller is not safe for concurrent use: the caller's lock guards it.
package mesh
