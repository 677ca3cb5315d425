package fleet

import (
	"fmt"

	"github.com/reseat-proxy/reseat/bench/choose"
)

// Fault is something that happens to a game server, or to an edge.
type Fault struct {
	Name  string
	Does  string // what happens, in words; %s is the server's name
	Heals string // and how it is brought back; empty: that needs nobody
	Edge  bool   // it happens to an edge

	strike func(*Server) error
	heal   func(*Server) error
}

// faults are all there are, in the order in which they are listed.
var faults = []Fault{
	{
		Name: "kill", Does: "game of %s killed (SIGKILL)",
		strike: func(s *Server) error { return s.killGame() },
		heal:   func(*Server) error { return nil }, // its sidecar starts another one
	},
	{
		Name: "host", Does: "game and sidecar of %s killed (SIGKILL)", Heals: "%s started again",
		strike: func(s *Server) error { return s.killBoth() },
		heal:   func(s *Server) error { return s.Start() },
	},
	{
		Name: "freeze", Does: "game and sidecar of %s frozen (SIGSTOP)", Heals: "%s goes on (SIGCONT)",
		strike: func(s *Server) error { return s.freeze() },
		heal:   func(s *Server) error { return s.thaw() },
	},
	{
		Name: "edge", Does: "%s killed (SIGKILL)", Heals: "%s started again", Edge: true,
		strike: func(s *Server) error { return s.kill() },
		heal:   func(s *Server) error { return s.Start() },
	},
}

// ParseFaults reads a comma-separated list of names.
func ParseFaults(list string) ([]Fault, error) {
	return choose.From("fault", list, FaultNames(), faults)
}

// FaultNames are the names that ParseFaults knows.
func FaultNames() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.Name
	}
	return names
}

// Strike makes the fault happen to s.
func (f Fault) Strike(s *Server) error {
	if err := f.strike(s); err != nil {
		return fmt.Errorf("fault %s: %w", f.Name, err)
	}
	return nil
}

// Heal brings s back, after a Strike.
func (f Fault) Heal(s *Server) error {
	if err := f.heal(s); err != nil {
		return fmt.Errorf("after fault %s: %w", f.Name, err)
	}
	return nil
}
