package admin

import "time"

// The bodies of requests, and of the answers that are not a Status.

// DrainRequest asks for a server to be emptied. A server is called by its name or
// its incarnation, here and below.
type DrainRequest struct {
	Server string `json:"server"`
	Undo   bool   `json:"undo,omitempty"`
}

// DrainReply says what was asked for. The regions of the server move one after the
// other; Status and events tell how far it is.
type DrainReply struct {
	Server      string `json:"server"`
	Incarnation string `json:"incarnation"`
	Draining    bool   `json:"draining"`
}

// MoveRequest asks for a region to be led by another server.
type MoveRequest struct {
	Region string `json:"region"`
	To     string `json:"to"`
}

// MoveReply says what was asked for.
type MoveReply struct {
	Region      string `json:"region"`
	To          string `json:"to"`
	Incarnation string `json:"incarnation"`
}

// FailureKind is what can be done to a server.
type FailureKind string

// The kinds of simulated failures.
const (
	FailureKill   FailureKind = "kill"   // SIGKILL
	FailureFreeze FailureKind = "freeze" // it stands still, and goes on later
	FailureCut    FailureKind = "cut"    // its network is cut, and comes back later
	FailureDrain  FailureKind = "drain"  // as POST /mesh/drain
)

// FailureRequest asks for a server to fail.
type FailureRequest struct {
	Server     string      `json:"server"`
	Kind       FailureKind `json:"kind"`
	DurationMS int         `json:"duration_ms,omitempty"` // of freeze and cut; 2000 if left out
}

// FailureReply says what was done.
type FailureReply struct {
	Server      string      `json:"server"`
	Incarnation string      `json:"incarnation"`
	Kind        FailureKind `json:"kind"`
	DurationMS  int         `json:"duration_ms"` // 0: for good
}

// WantedRegion is a region that a test needs.
type WantedRegion struct {
	Name     string `json:"name"`
	Critical bool   `json:"critical,omitempty"`
}

// SetupRequest asks for regions that are served and have all their backups.
type SetupRequest struct {
	Regions []WantedRegion `json:"regions"`
	Servers int            `json:"servers,omitempty"` // so many must be passing
}

// SetupReply says how far that is.
type SetupReply struct {
	Ready    bool          `json:"ready"`
	Servers  int           `json:"servers"` // passing, and not draining
	Regions  []SetupRegion `json:"regions"`
	WaitedMS float64       `json:"waited_ms"`
}

// SetupRegion is one of them.
type SetupRegion struct {
	Name    string   `json:"name"`
	State   State    `json:"state"`
	Covered bool     `json:"covered"` // all backups are in sync
	Primary string   `json:"primary"` // name, empty: none
	InSync  []string `json:"in_sync"`
}

// ResetReply says what was forgotten.
type ResetReply struct {
	Drains    []string `json:"drains"` // servers that are not to be emptied any more
	Failovers int      `json:"failovers"`
	Level     bool     `json:"level"` // the failures that it comes from; false: nobody could
}

// Replication is who has the state of one region.
type Replication struct {
	Region      string    `json:"region"`
	Epoch       uint64    `json:"epoch"`
	State       State     `json:"state"`
	Primary     string    `json:"primary"` // name, empty: none
	InSyncKnown bool      `json:"in_sync_known"`
	Replicas    []Replica `json:"replicas"` // by name
	Wanted      int       `json:"wanted"`   // servers in sync, the primary included
	InSync      int       `json:"in_sync"`  // of those that are alive
	Missing     int       `json:"missing"`
	Covered     bool      `json:"covered"`
	Protected   bool      `json:"protected"`
	Lead        string    `json:"lead"`
}

// Role is what a server is for a region.
type Role string

// The roles of a server.
const (
	RolePrimary Role = "primary"
	RoleBackup  Role = "backup"  // in sync: it may take over
	RoleJoining Role = "joining" // it may be one, and has not everything
	RoleGone    Role = "gone"    // in the set, and not registered any more
)

// Replica is one server of a region.
type Replica struct {
	Server      string `json:"server"`
	Incarnation string `json:"incarnation"`
	Role        Role   `json:"role"`
	InSync      bool   `json:"in_sync"`
	Seated      bool   `json:"seated"` // by the controller; false: it is fixed, or leaves
	Passing     bool   `json:"passing"`
	Draining    bool   `json:"draining"`
	Zone        string `json:"zone"`
	Host        string `json:"host"`
}

// FailoverMetrics are the recorded failovers of this edge in figures.
type FailoverMetrics struct {
	At        time.Time       `json:"at"`
	Since     time.Time       `json:"since"` // start of the oldest recorded one; At if there is none
	Failovers int             `json:"failovers"`
	Done      int             `json:"done"`
	ByReason  map[string]int  `json:"by_reason"`
	ByRegion  map[string]int  `json:"by_region"`
	Stages    []StageDuration `json:"stages"`  // from held on, in the order of the stages
	Stall     Figures         `json:"stall"`   // from held to durable: what players wait
	Actions   int             `json:"actions"` // that were sent again
}

// StageDuration is how long it takes until a stage.
type StageDuration struct {
	Name string `json:"name"`
	Figures
}

// Figures sum up durations in milliseconds.
type Figures struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}
