// Package fault makes a build fail on purpose: at named points of the protocol,
// and by known bugs that the checkers must catch. It exists only in builds with
// the tag fault; without it Point is empty, Bug is false, both are inlined, and
// nothing of them is left in the binary.
//
// # Failpoints
//
//	RESEAT_FAILPOINTS="afterAppend=skip 10 1*panic; beforeSeal=3%sleep(200ms)"
//
// Each of the rules, which are separated by semicolons, names a point and says
//
//	[skip n] [n*] [p%] action
//
// Skip lets the first n times pass, n* makes the action happen n times at the
// most, p% lets it happen at random. The actions are
//
//	panic      the goroutine panics, and with it the process
//	exit       the process exits with status 3; deferred calls do not run
//	kill       the process is killed, as by SIGKILL
//	sleep(d)   the goroutine stops for d, with all the locks that it holds
//
// A point is passed where the protocol has just done, or is about to do, what its
// name says; many are passed under the lock of a region, so that no other
// goroutine sees the state behind one before it has been passed. In a synctest
// bubble a sleep under a lock stops time for ever once somebody waits for the
// lock: use On there, and only LeaseTimer and SnapshotHalfSent to sleep.
//
// # Seeded bugs
//
//	RESEAT_BUG=ack-before-replication,gap-not-checked
//
// A bug is one or two lines at the place where a person could have made it.
package fault

// Failpoint is the name of a place in the code.
type Failpoint string

// The failpoints, by what a crash there finds.
const (
	AfterAppend         Failpoint = "afterAppend"         // an action is in the primary's log, and nowhere else
	AfterApply          Failpoint = "afterApply"          // the game has applied actions, and its sidecar knows
	BeforeSendISR       Failpoint = "beforeSendISR"       // records are about to leave for a backup
	AfterFirstISRAck    Failpoint = "afterFirstISRAck"    // a backup has acknowledged, and nothing follows from it yet
	BeforeDurableAck    Failpoint = "beforeDurableAck"    // actions are durable, and no edge knows
	AfterDurableAckSent Failpoint = "afterDurableAckSent" // an edge's ack is queued
	AfterLockTxn        Failpoint = "afterLockTxn"        // the take-over is in Consul, and its winner does not know
	BeforeSeal          Failpoint = "beforeSeal"          // a new primary is about to write its first record
	AfterSeal           Failpoint = "afterSeal"           // it is written, and nobody has it
	SnapshotHalfSent    Failpoint = "snapshotHalfSent"    // part of a snapshot has left
	SnapshotHalfApplied Failpoint = "snapshotHalfApplied" // a backup has a snapshot's table, its game not yet the state
	ReplayMid           Failpoint = "replayMid"           // a new primary's game has part of the log's tail
	AttachMid           Failpoint = "attachMid"           // an attachment is in the log, and no stream is bound
	ISRTxnSent          Failpoint = "isrTxnSent"          // Consul has a change of the in-sync set, its primary no answer
	EdgeAfterKeep       Failpoint = "edgeAfterKeep"       // an edge keeps an action, and no primary has it
	EdgeAfterDrop       Failpoint = "edgeAfterDrop"       // an edge has dropped what is durable, and the player does not know
	ClientAfterSend     Failpoint = "clientAfterSend"     // a client's actions are about to be written
	LeaseTimer          Failpoint = "leaseTimer"          // a primary's timer looks at the clock
	DepartMid           Failpoint = "departMid"           // a player's departure is in the log, and nobody knows
	ArriveMid           Failpoint = "arriveMid"           // a player's arrival is in the log, and neither its game nor his edge knows
)

// Failpoints are all of them.
var Failpoints = []Failpoint{
	AfterAppend, AfterApply, BeforeSendISR, AfterFirstISRAck, BeforeDurableAck, AfterDurableAckSent, AfterLockTxn,
	BeforeSeal, AfterSeal, SnapshotHalfSent, SnapshotHalfApplied, ReplayMid, AttachMid, ISRTxnSent,
	EdgeAfterKeep, EdgeAfterDrop, ClientAfterSend, LeaseTimer, DepartMid, ArriveMid,
}

// Defect is the name of a seeded bug.
type Defect string

// The seeded bugs.
const (
	AckBeforeReplication      Defect = "ack-before-replication"
	AckAfterAnyBackup         Defect = "ack-after-any-backup"
	TableNotInSnapshot        Defect = "table-not-in-snapshot"
	SnapshotNewerThanItsSeqs  Defect = "snapshot-newer-than-its-seqs"
	BackupAcceptsOldEpoch     Defect = "backup-accepts-old-epoch"
	EdgeAcceptsOldEpoch       Defect = "edge-accepts-old-epoch"
	EdgeDropsOnApplied        Defect = "edge-drops-on-applied"
	EdgeReplaysInMapOrder     Defect = "edge-replays-in-map-order"
	GapNotChecked             Defect = "gap-not-checked"
	ShrinkNotPublished        Defect = "shrink-not-published-before-ack"
	TakeOverByNonMember       Defect = "take-over-by-non-member"
	RestartedUnderOldName     Defect = "restarted-backup-under-its-old-name"
	LockIndexAsEpoch          Defect = "lock-index-as-epoch"
	LeaseFromReceiveTime      Defect = "lease-from-receive-time"
	LeaseByTimerOnly          Defect = "lease-by-timer-only"
	AttachNumberIgnored       Defect = "attach-number-ignored"
	ClientReusesSeq           Defect = "client-reuses-seq"
	PoisonCounterReset        Defect = "poison-counter-reset-by-new-primary"
	BlockingQueryNotReset     Defect = "blocking-query-not-reset"
	SessionWithoutSelfFencing Defect = "session-without-self-fencing"
)

// Defects are all of them, in the order of the list that they come from.
var Defects = []Defect{
	AckBeforeReplication, AckAfterAnyBackup, TableNotInSnapshot, SnapshotNewerThanItsSeqs, BackupAcceptsOldEpoch,
	EdgeAcceptsOldEpoch, EdgeDropsOnApplied, EdgeReplaysInMapOrder, GapNotChecked, ShrinkNotPublished,
	TakeOverByNonMember, RestartedUnderOldName, LockIndexAsEpoch, LeaseFromReceiveTime, LeaseByTimerOnly,
	AttachNumberIgnored, ClientReusesSeq, PoisonCounterReset, BlockingQueryNotReset, SessionWithoutSelfFencing,
}
