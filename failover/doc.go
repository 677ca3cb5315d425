// Package failover decides: which primary an edge follows, when a backup takes
// over, in which order and after which delay. It does no I/O, starts no
// goroutine and reads no clock. Three machines share the work, each a function of
// its past events:
//
//	Region     lives at an edge, one for each region: Holding or Serving.
//	Candidate  lives in a sidecar, one for each region and incarnation:
//	           Standby, Claiming, Restoring, Primary, Over.
//	InSync     lives in a primary, one for each epoch: who must have a record for
//	           it to be durable.
//
// Step(now, event) changes the state and returns commands; the caller carries
// them out in the order given and reports what came of them as further events.
// No machine is safe for concurrent use: the caller's lock guards it.
//
// Suspicion costs availability only. Safety rests on epochs: a machine refuses
// every epoch below the highest that it has heard of, and takes a sidecar for
// the primary on that sidecar's own word only ("serving, epoch e"), never
// because the catalog says so.
package failover

import "time"

// Reason says why a primary is no longer followed, or why a machine moved. It
// is the name of a wire code, and a metric label.
type Reason string

// The reasons that decisions depend on.
const (
	ReasonNone     Reason = "none"
	ReasonNoLock   Reason = "no_lock"     // nobody is known to serve
	ReasonRefused  Reason = "refused"     // the kernel refused our packets: the process is dead
	ReasonSilence  Reason = "silence"     // nothing heard for the link's idle time
	ReasonClosed   Reason = "link_closed" // the peer closed the link without more
	ReasonDeposed  Reason = "deposed"     // a higher epoch exists
	ReasonGameExit Reason = "game_exit"
	ReasonGameHang Reason = "game_hang"
	ReasonFault    Reason = "game_fault"   // the game could not restore, or broke the protocol
	ReasonStarved  Reason = "game_starved" // the game was silent for want of a CPU
	ReasonDrain    Reason = "drain"
	ReasonSession  Reason = "session_lost" // Consul says that our session is gone
	ReasonLeft     Reason = "left"         // the region is not with that server (any more): a stream ended in good order
	ReasonShutdown Reason = "shutdown"     // the process stops in good order
)

// Suspicious tells whether an action that was on its way to a primary may be why
// it is one no longer. Silence is a cut network or a stopped process much more
// often than an action that froze a machine, so it counts only when the primary
// was young: then it may be the second one. That a game gets no CPU is no action's doing.
func (r Reason) Suspicious(young bool) bool {
	return r != ReasonDrain && r != ReasonNoLock && r != ReasonStarved && (r != ReasonSilence || young)
}

// Young is how long a primary is young.
const Young = 10 * time.Second

// Witnessed tells whether the reason is evidence of a death that the dying
// process could not announce itself; only such reasons are reported to backups.
func (r Reason) Witnessed() bool { return r == ReasonRefused || r == ReasonSilence }

// Vague tells whether the reason says only that a primary is one no longer, and not
// what it died of. Its stream may end, or its successor be heard, before its own word.
func (r Reason) Vague() bool {
	return r == ReasonDeposed || r == ReasonLeft || r == ReasonClosed
}

// Cause tells whether the reason is what a primary died of.
func (r Reason) Cause() bool {
	return r.Witnessed() || r == ReasonGameExit || r == ReasonGameHang || r == ReasonFault || r == ReasonStarved
}

// Detector is who noticed, as a metric label.
type Detector string

// The detectors of a death; see DESIGN.md.
const (
	ByGame   Detector = "game"    // its own sidecar, which saw the game's process end, hang or fail
	ByLink   Detector = "link"    // edges and backups, by silence or refusal
	ByConsul Detector = "consul"  // Consul, or somebody who told nobody but Consul
	Planned  Detector = "planned" // nobody: it was to be
	ByOther  Detector = "other"   // a peer of another version, or one that breaks the protocol
)

// Detector tells who noticed that a primary is one no longer.
func (r Reason) Detector() Detector {
	switch r {
	case ReasonGameExit, ReasonGameHang, ReasonFault, ReasonStarved:
		return ByGame
	case ReasonRefused, ReasonSilence, ReasonClosed:
		return ByLink
	case ReasonNoLock, ReasonDeposed, ReasonSession:
		return ByConsul
	case ReasonDrain, ReasonLeft, ReasonShutdown:
		return Planned
	case ReasonNone:
	}
	return ByOther
}
