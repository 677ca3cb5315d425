// Package trace tells each failover as one OpenTelemetry trace, across the processes
// that take part in it. It is the only package that knows OpenTelemetry; others note
// what happened and when, and hand it over when it is past.
//
//	failover        last good contact … the first durable action   new primary's sidecar
//	├─ detect       … the lock is free                             new primary's sidecar
//	│    · down · link · suspect · destroy · lock_free              (each word, with its time)
//	├─ elect        … the lock is ours                             new primary's sidecar
//	│    · claim · claim_failed
//	├─ promote      … edges are told "serving"                     new primary's sidecar
//	│    │ · seal
//	│    ├─ fetch     a snapshot from an edge, if one is needed
//	│    └─ load      the game restores it, or is promoted
//	├─ secure       … the first action of the epoch is durable     new primary's sidecar
//	│    · caught_up · set
//	├─ order        asked for … written into Consul                the edge that is the controller
//	├─ detect       last good contact … its last word of that      each other sidecar that noticed
//	│    · game_exit, game_hang, …: its own game; else as above
//	│
//	├─ detect       last good contact … the primary is lost        each edge
//	├─ hold         … "serving"                                    each edge
//	│    · suspect · elected
//	├─ switch       … players are being attached                   each edge
//	├─ first_durable … everybody who waited has a durable action   each edge with such players
//	│    │ · durable: the first of them
//	│    └─ player    the slowest of them ([Slowest])
//	├─ resend       switch … all are attached, what is missing is sent
//	└─ restore      a snapshot is sent to the new primary          the edge that was asked
//
// detect, elect, promote and secure follow each other without a gap, and are the whole
// of the root. So do an edge's detect, hold, switch and first_durable: that is what its
// players waited. A frame's way lies between promote and the end of hold, and between
// secure and what an edge hears of it, so the edges end a little later than the root.
// A player's span begins with his oldest action that was not durable. Players who were
// lost have one, too, which says so ([MaxFailed]): below first_durable, or below hold
// where nobody took over.
//
// A planned move is the same with the root "move" and reason "drain". It begins when its
// giver holds actions back, whose part is "yield" in place of "detect". The controller's
// order came before: from when somebody asked, or it first saw the drain, until its giver
// could read of it. It is told when the heir is seen to lead, if that was within a minute.
//
// Where nobody takes over, or who did is not traced, each edge makes a trace of its own
// of what it saw, when it begins anew or stops. The first primary of a region is no
// failover.
//
// # How it crosses processes
//
// The trace begins with the claim: who is about to take the lock makes the root's IDs,
// and writes them, as a W3C traceparent, into the lock's value (discovery.Holder.Trace),
// where the other sidecars and the controller find them; Elected and Serving frames
// carry them to edges. To everybody else it is an opaque string. The root's times are
// those that are known at its end: the last good contact may be told late. It is when
// the game said something last, by its sidecar's word (Down tells how long that had
// been); or the last frame of the old primary; or, where none came, when its link must
// still have stood. Where nothing but the lock told, it is when the lock was seen to be
// free.
//
// Clocks of different machines differ: offsets between processes are as good as those.
//
// # What it costs
//
// Nothing while nothing fails, and nothing on the way of an action: spans are made of
// the records of a failover when it is over, with explicit times, by a goroutine that
// has nothing else to do, and queued (OTEL_BSP_MAX_QUEUE_SIZE, 2048 spans) for one
// that exports them. A collector that refuses, hangs or speaks nonsense costs what is
// in the queue, and a warning a minute. Without an exporter a nil [Tracer] is used,
// on which everything may be called.
//
// # Attributes
//
// All are in the name space "reseat.": region, from, to (incarnations), epoch, reason,
// detector (game, link, consul, planned), players, actions, and what a span or event adds
// to them. The resource has service.name and service.instance.id, the incarnation.
package trace
