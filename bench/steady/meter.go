package steady

import (
	"context"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/probe"
)

// reading is the counters of a moment.
type reading struct {
	cpu     map[string]time.Duration // by role
	network fleet.Network
}

func (s *stage) read() (r reading, err error) {
	r.cpu = map[string]time.Duration{}
	for _, m := range s.members {
		cpu, err := fleet.Clock(m.PID)
		if err != nil {
			return r, fmt.Errorf("%s: %w", m.Name, err)
		}
		r.cpu[m.Role] += cpu
	}
	r.network, err = fleet.ReadNetwork()
	return r, err
}

// Memory is what the front holds, all its processes together, in bytes.
type Memory struct {
	Resident uint64 `json:"resident"`     // in RAM
	Go       uint64 `json:"go,omitempty"` // heap and stacks that are in use; only after a collection
}

// collected is the memory after a garbage collection.
func (s *stage) collected(ctx context.Context) (sum Memory, err error) {
	for _, m := range s.members {
		if m.Role != Front {
			continue
		}
		client, err := s.probe(ctx, m.Name)
		if err != nil {
			return sum, err
		}
		said, err := client.Memory(ctx)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", m.Name, err)
		}
		sum.Go += said.Heap + said.Stacks
	}
	now, err := s.resident()
	sum.Resident = now.Resident
	return sum, err
}

// resident is the memory as it is.
func (s *stage) resident() (sum Memory, err error) {
	for _, m := range s.members {
		if m.Role != Front {
			continue
		}
		bytes, err := fleet.Resident(m.PID)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", m.Name, err)
		}
		sum.Resident += bytes
	}
	return sum, nil
}

// probe waits until a process can be asked.
func (s *stage) probe(ctx context.Context, name string) (c probe.Client, err error) {
	err = s.await(ctx, "the probe of "+name, func() bool { c.Addr = s.probes[name]; return c.Addr != "" })
	return c, err
}
