package failover

import (
	"time"
)

// CandidateEvent is what a sidecar tells its Candidate machine.
type CandidateEvent interface{ candidateEvent() }

// The events of a Candidate; it also takes ViewSeen, EpochHeard and Tick.
type (
	// Witness says that From (an edge, a backup, or this sidecar itself) lost
	// the holder of a session. From must identify the observer, not its report.
	Witness struct {
		From      string
		Suspicion Suspicion
	}
	// Claimed answers Claim: the lock is ours. InSync tells whether a set was
	// published; we are in it then, and have all that is durable.
	Claimed struct {
		Epoch  uint64
		InSync bool
	}
	// Standing says where a candidate's log ends; From may be ourselves.
	Standing struct {
		From  string
		Epoch uint64 // of the last record
		Index uint64
	}
	// SessionChanged says that our session is gone, or that there is a new one.
	SessionChanged struct{ Session string }
	// ClaimFailed answers Claim. Final means that our session is gone.
	ClaimFailed struct{ Final bool }
	// EdgeUp says that an edge has this region open with us.
	EdgeUp struct{ Edge string }
	// EdgeDown says that it has not any more.
	EdgeDown struct{ Edge string }
	// Offered says that an edge keeps this snapshot (Epoch 0: none).
	Offered struct {
		Edge  string
		Epoch uint64 // of the snapshot
		Index uint64
	}
	// Fetched says that the snapshot has arrived whole; its edge is no longer needed.
	Fetched struct{}
	// Restored answers Fetch, Found and Promote: the game runs the region.
	Restored struct{}
	// RestoreFailed answers Fetch, Found and Promote: the game cannot.
	RestoreFailed struct{ Reason Reason }
	// Matched says that our log has all that is durable, by the primary's word.
	Matched struct{}
	// Retire says that this server is about to stop: whoever can should lead.
	Retire struct{}
	// Yielded answers Yield: everything is durable, the heir has it, and nothing
	// leaves us any more.
	Yielded struct{}
	// Freed says, ahead of Consul's news, that the lock of this epoch is free. Heir: for
	// us, by a planned hand-over.
	Freed struct {
		Epoch uint64
		Heir  bool
	}
	// Given says, ahead of Consul's news, that the lock is ours in this epoch: who held
	// it has passed it on in good order, and our log has everything.
	Given struct{ Epoch uint64 }
	// YieldFailed answers Yield: it did not come to that in time, and we go on serving.
	YieldFailed struct{}
)

func (ViewSeen) candidateEvent()       {}
func (EpochHeard) candidateEvent()     {}
func (Tick) candidateEvent()           {}
func (Witness) candidateEvent()        {}
func (Claimed) candidateEvent()        {}
func (Standing) candidateEvent()       {}
func (SessionChanged) candidateEvent() {}
func (ClaimFailed) candidateEvent()    {}
func (EdgeUp) candidateEvent()         {}
func (EdgeDown) candidateEvent()       {}
func (Offered) candidateEvent()        {}
func (Fetched) candidateEvent()        {}
func (Restored) candidateEvent()       {}
func (RestoreFailed) candidateEvent()  {}
func (Matched) candidateEvent()        {}
func (Retire) candidateEvent()         {}
func (Yielded) candidateEvent()        {}
func (YieldFailed) candidateEvent()    {}
func (Freed) candidateEvent()          {}
func (Given) candidateEvent()          {}

// CandidateCommand is what a Candidate wants done.
type CandidateCommand interface{ candidateCommand() }

// The commands of a Candidate.
type (
	// DestroySession ends this very session, dead by the word of two witnesses.
	DestroySession struct{ Suspicion Suspicion }
	// Claim runs the take-over transaction with an epoch above Floor. Given: the holder
	// has said that he gave the lock up for us.
	Claim struct {
		Floor uint64
		Given bool
	}
	// Lead tells the edges that Epoch is ours; they answer with offers.
	Lead struct{ Epoch uint64 }
	// Fetch gets this snapshot from that edge and restores the game to it.
	Fetch struct {
		Edge  string
		Epoch uint64 // of the snapshot
		Index uint64
	}
	// Found lets the game start a new world: nobody has a state.
	Found struct{}
	// Promote makes the state that we have ourselves the one that is served.
	Promote struct{}
	// Announce tells the edges that we serve Epoch.
	Announce struct{ Epoch uint64 }
	// Fence stops all output: the lock is not ours any more, but nobody has taken
	// it either. What we have stays, and we claim again.
	Fence struct{}
	// Yield holds actions back until everything is durable and the heir has it.
	Yield struct{ To string }
	// Release frees the lock of the epoch, for the heir, and makes a standby of the game.
	Release struct {
		Epoch uint64
		To    string
	}
	// StepDown ends this incarnation: fence, tell, end.
	StepDown struct{ Reason Reason }
	// WakeAt asks for a Tick then.
	WakeAt struct{ Time time.Time }
)

func (DestroySession) candidateCommand() {}
func (Claim) candidateCommand()          {}
func (Lead) candidateCommand()           {}
func (Fetch) candidateCommand()          {}
func (Found) candidateCommand()          {}
func (Promote) candidateCommand()        {}
func (Announce) candidateCommand()       {}
func (Fence) candidateCommand()          {}
func (Yield) candidateCommand()          {}
func (Release) candidateCommand()        {}
func (StepDown) candidateCommand()       {}
func (WakeAt) candidateCommand()         {}
