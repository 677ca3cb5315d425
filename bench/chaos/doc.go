// Package chaos breaks a whole Reseat mesh, over and over, and has each time
// judged whether the promises were kept.
//
// One run is a [Cell]: a real Consul, three sidecars with a game each, two edges,
// all of them processes of their own on this machine, and a crowd of players who
// keep books and use both edges. Where the cell breaks the network, UDP relays lie
// in front of every sidecar and edge; a TCP cable lies between every process and
// Consul in any case.
//
//	players ──(relay)──▶ 2 edges ──(relay)──▶ 3 sidecars ◀──(relay)── the others
//	                        └───── cable ─────────┴───▶ Consul
//
// # A run
//
// The mesh is whole: a primary, and both backups in the in-sync set. The books are
// asked for. The crowd plays for a second, and has to reach a rate. Then come the
// cell's steps: each [Fault] is struck at a time, or at an event in the logs, and
// mended. After the last the crowd plays on for a while; then it stops, everything
// that was sent has to become durable, the mesh has to become whole again, the
// books are asked for once more, and every process is asked for its counters and
// every replica for what it holds.
//
// Two judges look at that, who know nothing of how the proxy works:
// bench/judge at the ledgers, bench/history at everything that was recorded,
// promise by promise, with a search for a linear order. What cannot be decided
// counts as broken. A run in which the fault did not do what it is there for (the
// cell's gate) proves nothing, and is invalid; only a run that is "ok" passes.
//
// # Seeds
//
// A seed decides what the players do, what the relays do to packets, and how times
// vary. It does not decide when the kernel runs which process, so a run can be
// repeated, but not replayed. [Explore] draws a cell out of a seed: one or two
// faults, when they come and for how long.
//
// # Reports
//
// A run that is not ok leaves a directory: the report of bench/history, the logs
// of all processes, and result.json. [JudgeDir] judges it again.
package chaos
