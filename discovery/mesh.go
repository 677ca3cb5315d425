package discovery

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Mesh is what Consul last said about all regions and servers. It is shared:
// nobody may change it, or what its maps and slices refer to. What was found in
// Consul and makes no sense is the zero value here, and was logged.
type Mesh struct {
	// Regions are all that have a key, a fixed server or a seat, by name. The
	// Servers of each are those that it is about (see View); Stale, Since and At are
	// the Mesh's.
	Regions map[string]View

	// Servers are all that are registered, sorted by incarnation.
	Servers []Server

	// Controller holds the controller's lock; nil: nobody does. When the lock's value
	// is not what the holder wrote, only Session is filled.
	Controller *Controller

	// State is what the controller last published; the zero value if nothing.
	State   MeshState
	StateAt SetVersion // of the key, 0 if absent

	// Draining are the servers that are to be emptied, by incarnation; some may not
	// be registered (any more), see Leftovers.
	Draining map[string]Drain

	// Strikes are the servers that a test asks to do harm to themselves, by incarnation.
	Strikes map[string]Strike

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

// Strike asks a server to do harm to itself: to end as if it was killed, to freeze,
// or to be cut off from the others.
type Strike struct {
	Kind   string    `json:"kind"` // kill, freeze, cut
	Millis uint64    `json:"ms"`   // how long the latter two last
	At     time.Time `json:"at"`   // when it was asked
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

// Region returns the View of a region; if there is nothing about it, one that
// says so.
func (m Mesh) Region(name string) View {
	if v, ok := m.Regions[name]; ok {
		return v
	}
	return m.nothing(name)
}

// nothing is the View of a region of which nothing is known.
func (m Mesh) nothing(region string) View {
	return View{Region: region, Stale: m.Stale, Since: m.Since, At: m.At}
}

// Server returns the registered server of that incarnation.
func (m Mesh) Server(incarnation string) (Server, bool) {
	i, ok := slices.BinarySearchFunc(m.Servers, incarnation, byIncarnation)
	if !ok {
		return Server{}, false
	}
	return m.Servers[i], true
}

// leftover is how long a drain of a server that is not registered stays. It may be
// seen before the server is, and a server may come back in place.
const leftover = 10 * time.Minute

// Leftovers are the incarnations whose drain is 10 minutes old at now and which
// are not registered, sorted: for the controller to clear (ClearDrain).
func (m Mesh) Leftovers(now time.Time) []string {
	var out []string
	for incarnation, drain := range m.Draining {
		if _, ok := m.Server(incarnation); !ok && now.Sub(drain.Since) >= leftover {
			out = append(out, incarnation)
		}
	}
	slices.Sort(out)
	return out
}

// equalMesh tells whether a and b say the same. The times are not compared.
func equalMesh(a, b Mesh) bool {
	if (a.Controller == nil) != (b.Controller == nil) || a.Controller != nil && !a.Controller.equal(*b.Controller) {
		return false
	}
	return a.Stale == b.Stale && a.StateAt == b.StateAt && a.State.equal(b.State) &&
		maps.EqualFunc(a.Draining, b.Draining, Drain.equal) && maps.EqualFunc(a.Strikes, b.Strikes, Strike.equal) &&
		slices.EqualFunc(a.Servers, b.Servers, Server.equal) && maps.EqualFunc(a.Regions, b.Regions, Equal)
}

func (c Controller) equal(o Controller) bool {
	since := c.Since.Equal(o.Since)
	c.Since, o.Since = time.Time{}, time.Time{}
	return since && c == o
}

func (s MeshState) equal(o MeshState) bool {
	since := s.Since.Equal(o.Since)
	s.Since, o.Since = time.Time{}, time.Time{}
	return since && s == o
}

func (d Drain) equal(o Drain) bool { return d.By == o.By && d.Since.Equal(o.Since) }

func (s Strike) equal(o Strike) bool {
	return s.Kind == o.Kind && s.Millis == o.Millis && s.At.Equal(o.At)
}

func (s Seats) equal(o Seats) bool {
	return s.Version == o.Version && s.Lead == o.Lead && s.Score == o.Score && slices.Equal(s.Servers, o.Servers)
}

func (c Controller) validate() error {
	if err := CheckName(c.Incarnation); err != nil {
		return fmt.Errorf("discovery: controller: %w", err)
	}
	return checkEdge(c.Edge, c.Admin)
}

func (s Seats) validate() error {
	if len(s.Servers) > maxMembers {
		return fmt.Errorf("discovery: seats: %d servers are more than %d", len(s.Servers), maxMembers)
	}
	for _, incarnation := range s.Servers {
		if err := CheckName(incarnation); err != nil {
			return fmt.Errorf("discovery: seats: %w", err)
		}
	}
	if s.Lead != "" {
		if err := CheckName(s.Lead); err != nil {
			return fmt.Errorf("discovery: seats: lead: %w", err)
		}
	}
	return nil
}

// The kinds of Strike, and the longest, in milliseconds.
const (
	StrikeKill   = "kill"
	StrikeFreeze = "freeze"
	StrikeCut    = "cut"

	maxStrike = 60_000
)

// maxRetryAfter is a day, in milliseconds.
const maxRetryAfter = 24 * 60 * 60 * 1000

func (s MeshState) validate() error {
	if err := CheckName(s.Level); err != nil {
		return fmt.Errorf("discovery: level: %w", err)
	}
	if !(s.Fidelity >= 0 && s.Fidelity <= 1) { // nor NaN
		return fmt.Errorf("discovery: fidelity %v is not between 0 and 1", s.Fidelity)
	}
	if s.RetryAfter > maxRetryAfter {
		return fmt.Errorf("discovery: retry after %d ms is more than a day", s.RetryAfter)
	}
	return nil
}

func (d Drain) validate() error {
	if len(d.By) > maxName {
		return fmt.Errorf("discovery: drain by %.16q... has more than %d bytes", d.By, maxName)
	}
	return nil
}

func (s Strike) validate() error {
	if s.Kind != StrikeKill && s.Kind != StrikeFreeze && s.Kind != StrikeCut {
		return fmt.Errorf("discovery: strike %.16q: choose kill, freeze or cut", s.Kind)
	}
	if s.Millis > maxStrike {
		return fmt.Errorf("discovery: a strike of %d ms is longer than a minute", s.Millis)
	}
	return nil
}
