package recovery

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Cell is one fault under one load.
type Cell struct {
	Fault string `json:"fault"`
	measure.Load
	Memory uint64 `json:"memory_bytes,omitempty"` // of each game
}

// String names the cell.
func (c Cell) String() string { return c.what() + " " + c.Load.String() }

// what is the fault with what makes it special.
func (c Cell) what() string {
	if c.Memory == 0 {
		return c.Fault
	}
	return c.Fault + " " + size(c.Memory)
}

// kind is a fault, and the mesh that it happens to.
type kind struct {
	demo    string // what package demo calls it
	servers int
	regions int
	edges   int
	pool    bool // the controller gives servers their regions
	noSpare bool // players keep no connection to a second edge
}

// sized is the fault to which the memory of a game matters.
const sized = "kill"

// bare is edge, for players who keep no spare connection.
const bare = "edge-bare"

var kinds = map[string]kind{
	sized:    {demo: "kill", servers: 3, regions: 1, edges: 1},
	"host":   {demo: "host", servers: 3, regions: 1, edges: 1},
	"freeze": {demo: "freeze", servers: 3, regions: 1, edges: 1},
	"cut":    {demo: "cut", servers: 3, regions: 1, edges: 1},
	"drain":  {demo: "drain", servers: 4, regions: 1, edges: 1, pool: true}, // with a spare: else it is waited for
	"edge":   {demo: "edge", servers: 3, regions: 1, edges: 2},
	bare:     {demo: "edge", servers: 3, regions: 1, edges: 2, noSpare: true},
	"many":   {demo: "many:2", servers: 5, regions: 5, edges: 1, pool: true},
}

// FaultNames are all there are, in the order in which they are measured.
func FaultNames() []string {
	return []string{sized, "host", "freeze", "cut", "drain", "edge", bare, "many"}
}

// Cells are all that is to be measured, in this order: a load after the other, and
// under each all faults; then those whose games have memory, for when gigabytes come
// and go the kernel throws out what it had read of all files, programs included, and
// Consul waits for the disk in whatever comes next.
func (c Config) Cells() (out []Cell) {
	var large []Cell
	for _, load := range c.Loads {
		for _, fault := range c.Faults {
			if fault != sized {
				out = append(out, Cell{fault, load, 0})
				continue
			}
			for _, memory := range c.Memory {
				if cell := (Cell{fault, load, memory}); memory > 0 {
					large = append(large, cell)
				} else {
					out = append(out, cell)
				}
			}
		}
	}
	return append(out, large...)
}

// demo is the run of a cell, under the eyes of watch.
func (c Config) demo(cell Cell, consul string, watch *measure.Delay) (demo.Config, error) {
	k := kinds[cell.Fault]
	faults, err := demo.ParseFaults(k.demo)
	if err != nil {
		return demo.Config{}, err
	}
	profiles := c.Profiles
	if profiles != "" {
		profiles = filepath.Join(profiles, strings.ReplaceAll(cell.String(), " ", "-"))
		if err := os.MkdirAll(profiles, 0o755); err != nil {
			return demo.Config{}, fmt.Errorf("profiles: %w", err)
		}
	}
	return demo.Config{
		Players: cell.Players, Rate: cell.Rate, Rounds: c.Rounds, Faults: faults, Seed: c.Seed,
		Servers: k.servers, Regions: k.regions, Edges: k.edges, NoSpare: k.noSpare, Pool: k.pool, Memory: cell.Memory, Delay: watch, Profiles: profiles,
		OutputCommit: "strict", Consul: consul, Program: c.Program, Env: c.Env, Echo: c.Echo, Screen: demo.NewScreen(c.Screen),
	}, nil
}
