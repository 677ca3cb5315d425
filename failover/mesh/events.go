package mesh

import (
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Event is what a Controller is told.
type Event interface{ meshEvent() }

// The events of a Controller.
type (
	// Seen is what Consul says.
	Seen struct{ Mesh discovery.Mesh }
	// LoadSeen is what the edges say of a region.
	LoadSeen struct {
		Region string
		Load   Load
	}
	// Tick lets time pass; send one every half a second or so.
	Tick struct{}
	// SeatsWritten is what came of PutSeats or DropSeats.
	SeatsWritten struct {
		Region string
		Err    error
	}
	// StateWritten is what came of PutState.
	StateWritten struct{ Err error }
	// LaunchEnded is what the launcher said.
	LaunchEnded struct {
		ID  string
		Err error
	}
)

func (Seen) meshEvent()         {}
func (LoadSeen) meshEvent()     {}
func (Tick) meshEvent()         {}
func (SeatsWritten) meshEvent() {}
func (StateWritten) meshEvent() {}
func (LaunchEnded) meshEvent()  {}

// Command is what a Controller wants done, or told.
type Command interface{ meshCommand() }

// The commands of a Controller.
type (
	// PutSeats replaces the seats of Seats.Version. Added and Removed say what is
	// new about Seats.Servers, and Order about Seats.Lead: nil if nothing is, or if
	// there is none any more.
	PutSeats struct {
		Region         string
		Seats          discovery.Seats
		Added, Removed []string
		Order          *Order
	}
	// DropSeats deletes the seats of a region that nobody wants any more.
	DropSeats struct {
		Region  string
		Version discovery.SetVersion
	}
	// PutState replaces the state of that version.
	PutState struct {
		State   discovery.MeshState
		Version discovery.SetVersion
	}
	// ClearDrain forgets the drain of a server that is gone.
	ClearDrain struct{ Server string }
	// Launch starts a pool server, for that region first of all.
	Launch struct {
		ID           string
		Region, Zone string // Zone may be empty: anywhere
		Attempt      int    // 1 unless the one before failed
		Limit        time.Duration
	}

	// Tell is an alert: raised, repeated or cleared.
	Tell struct{ Alert Alert }
	// Moved says that a region has the primary that it should have.
	Moved struct {
		Region, From, To string
		Why              Why
		Took             time.Duration // of the hand-over
	}
	// MoveFailed says that it has not. Err is a MoveError.
	MoveFailed struct {
		Region, To string
		Why        Why
		Err        error
	}
	// Drained says that a server has nothing left: it may be stopped.
	Drained struct {
		Server, Name string
		Took         time.Duration
	}
)

// Order tells a primary to hand its region over.
type Order struct {
	From, To string // incarnations
	Why      Why
	Asked    time.Time // when somebody asked for that, or the drain was first seen; zero: unknown
}

func (PutSeats) meshCommand()   {}
func (DropSeats) meshCommand()  {}
func (PutState) meshCommand()   {}
func (ClearDrain) meshCommand() {}
func (Launch) meshCommand()     {}
func (Tell) meshCommand()       {}
func (Moved) meshCommand()      {}
func (MoveFailed) meshCommand() {}
func (Drained) meshCommand()    {}
