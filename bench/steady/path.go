package steady

import (
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/bench/choose"
)

// Path is what lies between players and who answers them.
type Path struct {
	Name string

	relays int  // before the echo server
	each   bool // with a connection for each player
	mesh   *Mesh
}

// Mesh is how large a Reseat is.
type Mesh struct {
	Edges, Regions, Backups int
	OutputCommit            string
}

// The names of paths that others are compared with.
const (
	direct = "direct"
	relay  = "relay"
)

// paths are all there are.
var paths = []Path{
	{Name: direct},
	{Name: relay, relays: 1},
	{Name: "relay-each", relays: 1, each: true},
	{Name: "relay-twice", relays: 2},
	{Name: "reseat-0", mesh: &Mesh{1, 1, 0, "strict"}},
	{Name: "reseat-2", mesh: &Mesh{1, 1, 2, "strict"}},
	{Name: "reseat-none", mesh: &Mesh{1, 1, 2, "none"}},
}

// PathNames are the names of all paths.
func PathNames() (names []string) {
	for _, p := range paths {
		names = append(names, p.Name)
	}
	return names
}

// Find returns the paths of some names, separated by commas, in that order.
func Find(names string) ([]Path, error) {
	return choose.Once("path", names, PathNames(), paths)
}

// Relayed is a path through a relay; it is compared with what Reseated is.
func Relayed() Path { return Path{Name: relay, relays: 1} }

// Reseated is a path through a mesh of some size.
func Reseated(m Mesh) (Path, error) {
	if m.Edges < 1 || m.Regions < 1 || m.Backups < 0 {
		return Path{}, errors.New("steady: no mesh")
	}
	return Path{Name: fmt.Sprintf("reseat-%d", m.Backups), mesh: &m}, nil
}
