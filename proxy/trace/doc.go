// Package trace tells each failover as one OpenTelemetry trace, across the processes
// that take part in it. It is the only package that knows OpenTelemetry; others note
// what happened and when, and hand it over when it is past.
//
//	failover ──────────────────────────────────────────────  new primary's sidecar
//	├─ detect      last good contact … the lock is free      each sidecar that noticed
//	│    · game_exit · link · suspect · destroy · lock_free   (each witness, with its time)
//	├─ elect       … the lock is ours (client: Consul)       new primary's sidecar
//	│    · claim · claim_failed
//	├─ promote     … the game runs the region, "serving"     new primary's sidecar
//	│    │ · seal
//	│    ├─ fetch    a snapshot from an edge, if one is needed
//	│    └─ load     the game restores, or is promoted
//	├─ secure      … the first action of the epoch is durable
//	│    · caught_up · set
//	├─ hold        actions are kept … "serving"              each edge
//	├─ switch      … players are being attached              each edge
//	├─ resend      … all of them are, what is missing is sent
//	├─ first_durable  … each player who had to wait has a durable action again
//	│    ├─ player   the slowest ([Slowest]), and those who were lost ([MaxFailed])
//	│    └─ player
//	└─ restore     an edge sends its snapshot                 the edge that was asked
//
// detect, elect, promote and secure follow each other without a gap, from the root's
// start to its end. So do hold, switch, and first_durable at an edge; a frame's way
// lies between the two, and resend overlaps with first_durable.
//
// A planned move is the same with the root "move" and reason "drain"; what its giver
// did, from the moment when it held actions back, is its "yield". Where nobody takes
// over, or who did is not traced, an edge makes a trace of its own of what it saw.
//
// # How it crosses processes
//
// The trace begins with the claim: who is about to take the lock makes the root's IDs,
// and writes them, as a W3C traceparent, into the lock's value (discovery.Holder.Trace);
// Elected and Serving frames carry them to edges. To everybody else it is an opaque
// string. The root begins before that, at the last good contact with the old primary
// that is known of.
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
// detector (game, link, consul, plan), players, actions, and what a span or event adds
// to them. The resource has service.name and service.instance.id, the incarnation.
package trace
