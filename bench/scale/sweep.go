package scale

import (
	"github.com/reseat-proxy/reseat/bench/choose"
	"github.com/reseat-proxy/reseat/bench/steady"
)

// Sweep is what is changed from point to point.
type Sweep string

// All sweeps.
const (
	Players Sweep = "players"
	Regions Sweep = "regions"
	Edges   Sweep = "edges"
	Backups Sweep = "backups"
)

var sweeps = []Sweep{Players, Regions, Edges, Backups}

// Names are the names of all sweeps.
func Names() (names []string) {
	for _, s := range sweeps {
		names = append(names, string(s))
	}
	return names
}

// Find returns the sweeps of some names, separated by commas.
func Find(names string) ([]Sweep, error) {
	return choose.Once("sweep", names, Names(), sweeps)
}

// step is a point to be measured.
type step struct {
	x    int
	path steady.Path
	load steady.Load
}

// line is the points of one curve.
type line struct {
	path  string
	open  bool // it ends when a point does not hold
	steps []step
}

// lines are the curves of a sweep.
func (s Sweep) lines(cfg Config) ([]line, error) {
	if s == Players {
		behind, err := steady.Reseated(steady.Mesh{Edges: 1, Regions: 1, Backups: backups, OutputCommit: strict})
		if err != nil {
			return nil, err
		}
		return []line{cfg.growing(steady.Relayed()), cfg.growing(behind)}, nil
	}
	values := map[Sweep][]int{Regions: {1, 5, 10, 30}, Edges: {1, 2, 4}, Backups: {0, 1, 2, 3}}[s]
	l := line{path: "reseat"}
	for _, x := range values {
		m := steady.Mesh{Edges: 1, Regions: 1, Backups: backups, OutputCommit: strict}
		switch s {
		case Regions:
			m.Regions = x
		case Edges:
			m.Edges = x
		default:
			m.Backups = x
		}
		path, err := steady.Reseated(m)
		if err != nil {
			return nil, err
		}
		l.steps = append(l.steps, step{x, path, steady.Load{Players: cfg.Players, Rate: cfg.Rate}})
	}
	return []line{l}, nil
}

// growing is more and more players on a path.
func (cfg Config) growing(path steady.Path) line {
	l := line{path: path.Name, open: true}
	for n := cfg.Step; n <= cfg.Most; n += cfg.Step {
		l.steps = append(l.steps, step{n, path, steady.Load{Players: n, Rate: cfg.Rate}})
	}
	return l
}

// What does not change in a sweep over something else.
const (
	backups = 2
	strict  = "strict"
)
