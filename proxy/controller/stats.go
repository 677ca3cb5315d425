package controller

import (
	"errors"
	"sync/atomic"

	"github.com/reseat-proxy/reseat/discovery"
)

// Stats count what this edge has done as a controller.
type Stats struct {
	Registered     uint64 // times
	RegisterFailed uint64
	Terms          uint64 // times that it began to lead
	Writes         uint64 // to Consul, of each outcome below
	Raced          uint64
	Deposed        uint64
	WriteFailed    uint64 // for other reasons
	Moved          uint64
	MoveFailed     uint64
	Launches       uint64
	LaunchFailed   uint64
}

type stats struct {
	registered, registerFailed, terms atomic.Uint64
	writes, raced, deposed, failed    atomic.Uint64
	moved, moveFailed                 atomic.Uint64
	launches, launchFailed            atomic.Uint64
}

func (s *stats) written(err error) {
	s.writes.Add(1)
	switch {
	case err == nil:
	case errors.Is(err, discovery.ErrRaced):
		s.raced.Add(1)
	case errors.Is(err, discovery.ErrDeposed), errors.Is(err, discovery.ErrSession):
		s.deposed.Add(1)
	default:
		s.failed.Add(1)
	}
}

// Stats returns the counters.
func (r *Runner) Stats() Stats {
	s := &r.stats
	return Stats{
		Registered: s.registered.Load(), RegisterFailed: s.registerFailed.Load(), Terms: s.terms.Load(),
		Writes: s.writes.Load(), Raced: s.raced.Load(), Deposed: s.deposed.Load(), WriteFailed: s.failed.Load(),
		Moved: s.moved.Load(), MoveFailed: s.moveFailed.Load(),
		Launches: s.launches.Load(), LaunchFailed: s.launchFailed.Load(),
	}
}
