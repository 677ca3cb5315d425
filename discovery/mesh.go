package discovery

import "time"

// Mesh is what Consul last said about all regions and servers. It is shared:
// nobody may change it, or what its maps and slices refer to.
type Mesh struct {
	// Regions are all that have a key, a fixed server or a seat, by name. The
	// Servers of each are those that it is about (see View); Stale, Since and At are
	// the Mesh's.
	Regions map[string]View

	// Servers are all that are registered, sorted by incarnation.
	Servers []Server

	// Controller holds the controller's lock; nil: nobody does.
	Controller *Controller

	// State is what the controller last published; the zero value if nothing.
	State   MeshState
	StateAt SetVersion // of the key, 0 if absent

	// Draining are the servers that are to be emptied, by incarnation.
	Draining map[string]Drain

	Stale bool
	Since time.Time
	At    time.Time
}

// Controller is the value of the controller's lock: the edge that decides for the mesh.
type Controller struct {
	Edge        string    `json:"edge"` // its name
	Incarnation string    `json:"incarnation"`
	Admin       string    `json:"admin,omitempty"` // URL of its HTTP API, if it has one
	Since       time.Time `json:"since"`
	Session     string    `json:"session"` // that holds the lock
}

// Seats is what the controller has decided for one region.
type Seats struct {
	// Servers are the incarnations of the pool servers that have a seat, sorted.
	Servers []string `json:"servers"`
	// Lead is the incarnation that should be primary; empty: whoever is.
	Lead string `json:"lead,omitempty"`
	// Score says how urgent the region is: a higher one is recovered first.
	Score uint64 `json:"score"`

	Version SetVersion `json:"-"` // of the key; 0: there is none
}

// MeshState is what the controller says to all.
type MeshState struct {
	Level    string    `json:"level"`    // normal, light, moderate, severe
	Fidelity float64   `json:"fidelity"` // 1 to 0: what share of what may be dropped is to be kept
	Since    time.Time `json:"since"`
	// RetryAfter is how long a refused newcomer should wait, in milliseconds; 0: all are admitted.
	RetryAfter uint64 `json:"retry_after_ms,omitempty"`
}

// Drain says that a server is to be emptied, who wants it, and since when.
type Drain struct {
	By    string    `json:"by"` // "operator", "shutdown", …
	Since time.Time `json:"since"`
}

// EdgeServer is an edge as registered in Consul, under <Service>-edge.
type EdgeServer struct {
	Incarnation string
	Name        string
	Address     string // host:port for players
	Admin       string // URL of its HTTP API, may be empty
	Regions     []string
	Passing     bool // filled on read
}
