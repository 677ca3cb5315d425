package mesh

import (
	"io"
	"time"

	"github.com/reseat-proxy/reseat/bench/choose"
	"github.com/reseat-proxy/reseat/bench/demo"
)

// Config says what is measured, how large the mesh is, and with what it runs.
type Config struct {
	Scenes  []Scene // in this order
	Servers int
	Regions int
	Players int
	Rate    float64 // actions per second of each player
	Seed    uint64
	Consul  string    // path of the binary, or consul.Memory
	Program string    // the path of reseat
	Screen  io.Writer // for what happens as it happens; nil: nothing
	Echo    io.Writer // of the processes' logs; nil: none
}

// Scene is something that is measured.
type Scene struct {
	Name string

	fault   string // empty: nothing
	edges   int
	idle    bool
	servers int // not those of Config; 0: those
}

// restarted is how many servers a rolling restart goes through: each takes seconds.
const restarted = 6

// Scenes are all there are, in the order in which they are run.
func Scenes() []Scene {
	return []Scene{
		{Name: "kill-1", fault: "many:1", edges: 1},
		{Name: "kill-3", fault: "many:3", edges: 1},
		{Name: "kill-5", fault: "many:5", edges: 1},
		{Name: "controller", fault: "controller:5", edges: 2},
		{Name: "rolling", fault: "rolling", edges: 1, servers: restarted},
		{Name: "idle", edges: 2, idle: true},
	}
}

// Names are those of all scenes.
func Names() (names []string) {
	for _, s := range Scenes() {
		names = append(names, s.Name)
	}
	return names
}

// Find returns scenes by a comma-separated list of their names; all for none.
func Find(list string) ([]Scene, error) {
	if list == "" {
		return Scenes(), nil
	}
	return choose.From("scene", list, Names(), Scenes())
}

// measured is how long costs are measured: the kernel counts in steps of 10 ms.
const measured = 20 * time.Second

// demos are the runs of a scene.
func (s Scene) demos(cfg Config) ([]demo.Config, error) {
	d, err := s.demo(cfg)
	if err != nil || !s.idle {
		return []demo.Config{d}, err
	}
	d.Idle = measured
	few := d
	few.Servers = max(3, d.Servers/3)
	return []demo.Config{few, d}, nil
}

func (s Scene) demo(cfg Config) (demo.Config, error) {
	var faults []demo.Fault
	if s.fault != "" {
		var err error
		if faults, err = demo.ParseFaults(s.fault); err != nil {
			return demo.Config{}, err
		}
	}
	d := demo.Config{
		Players: cfg.Players, Rate: cfg.Rate, Rounds: 1, Faults: faults, Seed: cfg.Seed,
		Servers: cfg.Servers, Regions: cfg.Regions, Edges: s.edges, Pool: true,
		OutputCommit: "strict", Program: cfg.Program, Echo: cfg.Echo, Screen: demo.NewScreen(cfg.Screen),
	}
	if s.servers > 0 {
		d.Regions = max(1, cfg.Regions*s.servers/cfg.Servers)
		d.Players = max(d.Regions, cfg.Players*s.servers/cfg.Servers)
		d.Servers = s.servers
	}
	for _, f := range faults {
		if err := f.Check(d); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Check tells whether the mesh is large enough for the scene.
func (s Scene) Check(cfg Config) error {
	_, err := s.demo(cfg)
	return err
}
