package admin

import "time"

// Status is the whole mesh at one moment, as the edge that is asked knows it: the
// answer to GET /mesh/status. No slice in it is null.
type Status struct {
	At         time.Time         `json:"at"`
	Stale      bool              `json:"stale"` // Consul does not answer: the rest is what it said before
	Controller *ControllerStatus `json:"controller"`
	Level      LevelStatus       `json:"level"`
	Coverage   CoverageStatus    `json:"coverage"`
	Servers    []ServerStatus    `json:"servers"` // by name
	Regions    []RegionStatus    `json:"regions"` // by name
	Edges      []EdgeStatus      `json:"edges"`   // by name
	Failovers  []FailoverStatus  `json:"failovers"`
	Alerts     []AlertStatus     `json:"alerts"`

	TestEndpoints bool `json:"test_endpoints"` // the edge that answers lets servers fail on purpose
}

// ControllerStatus is the edge that decides for the mesh; null: none does.
type ControllerStatus struct {
	Edge        string    `json:"edge"`
	Incarnation string    `json:"incarnation"`
	Admin       string    `json:"admin"` // URL of its API, may be empty
	Since       time.Time `json:"since"`
	Here        bool      `json:"here"` // it is the edge that answers
}

// LevelStatus is what is given up while too many servers fail.
type LevelStatus struct {
	Name          string    `json:"name"`     // normal, light, moderate, severe
	Fidelity      float64   `json:"fidelity"` // 1 to 0
	Since         time.Time `json:"since"`
	Failures      int       `json:"failures"`       // in the window
	ServersFailed float64   `json:"servers_failed"` // share of all servers in the window, 0 to 1
}

// CoverageStatus says how many regions have all their backups in sync.
type CoverageStatus struct {
	Regions     int      `json:"regions"`
	Covered     int      `json:"covered"`
	Percent     float64  `json:"percent"`
	Unprotected []string `json:"unprotected"` // regions whose state one process alone has
}

// ServerStatus is a registered game server with its sidecar.
type ServerStatus struct {
	Name        string   `json:"name"`
	Incarnation string   `json:"incarnation"`
	Address     string   `json:"address"`
	Zone        string   `json:"zone"`
	Host        string   `json:"host"`
	Passing     bool     `json:"passing"`
	Draining    bool     `json:"draining"`
	Drained     bool     `json:"drained"` // and nothing is left: it may be stopped
	Pool        bool     `json:"pool"`
	PrimaryOf   []string `json:"primary_of"` // regions
	BackupOf    []string `json:"backup_of"`  // regions in whose in-sync set it is
}

// State says whether a region is played.
type State string

// The states of a region.
const (
	Serving   State = "serving"   // a primary serves it
	Restoring State = "restoring" // a primary is elected and does not serve yet
	Vacant    State = "vacant"    // nobody does
)

// RegionStatus is one region. Players and Kept are those of the edge that answers.
type RegionStatus struct {
	Name        string      `json:"name"`
	Epoch       uint64      `json:"epoch"`
	State       State       `json:"state"`
	Primary     *PrimaryRef `json:"primary"` // holds the lock; null: nobody does
	InSync      []string    `json:"in_sync"` // names of servers
	InSyncKnown bool        `json:"in_sync_known"`
	Seats       []string    `json:"seats"` // names of the pool servers that have one
	Lead        string      `json:"lead"`  // who should be primary; empty: whoever is
	Protected   bool        `json:"protected"`
	Players     int         `json:"players"`
	Kept        uint64      `json:"kept"` // actions that are not durable
	Score       uint64      `json:"score"`
	Rank        int         `json:"rank"` // 1: recovered first
	Critical    bool        `json:"critical"`
	Since       time.Time   `json:"since"` // of State

	// Players of the edge that answers who went from region to region since it began,
	// and those of Players who are on their way here.
	Departures uint64 `json:"departures"`
	Arrivals   uint64 `json:"arrivals"`
	Arriving   int    `json:"arriving"`
}

// PrimaryRef names the holder of a region's lock.
type PrimaryRef struct {
	Name        string `json:"name"`
	Incarnation string `json:"incarnation"`
}

// EdgeStatus is an edge as registered.
type EdgeStatus struct {
	Name        string `json:"name"`
	Incarnation string `json:"incarnation"`
	Address     string `json:"address"`
	Admin       string `json:"admin"`
	Passing     bool   `json:"passing"`
	Here        bool   `json:"here"` // it is the one that answers
}

// FailoverStatus is one change of primary, as the edge that answers saw it: the
// last 100, the oldest first.
type FailoverStatus struct {
	ID          uint64        `json:"id"`
	Region      string        `json:"region"`
	From        string        `json:"from"` // names of servers
	To          string        `json:"to"`   // empty: nobody yet
	EpochBefore uint64        `json:"epoch_before"`
	Epoch       uint64        `json:"epoch"`
	Reason      string        `json:"reason"`
	Started     time.Time     `json:"started"`
	Stages      []StageStatus `json:"stages"` // in the order in which they were reached
	Players     int           `json:"players"`
	Actions     int           `json:"actions"`            // that were sent again
	Done        bool          `json:"done"`               // nothing more comes of it
	Rank        int           `json:"rank"`               // of the region when it began; 1: recovered first
	Trace       string        `json:"trace_id,omitempty"` // of its OpenTelemetry trace, in hex
}

// StageStatus is a point that a failover has reached.
type StageStatus struct {
	Name string  `json:"name"` // held, elected, serving, switched, resent, durable
	MS   float64 `json:"ms"`   // since Started
}

// AlertStatus is something that a person should know of now.
type AlertStatus struct {
	Severity string    `json:"severity"` // info, warning, critical
	Message  string    `json:"message"`
	Region   string    `json:"region"` // empty: the mesh
	Since    time.Time `json:"since"`
}
