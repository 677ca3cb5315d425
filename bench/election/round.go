package election

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Sample is the way of one region to its new holder. All times are since the fault.
type Sample struct {
	Free  time.Duration `json:"free_ns"`  // the new holder saw that the lock is free
	Taken time.Duration `json:"taken_ns"` // its transaction was answered
	First time.Duration `json:"first_ns"` // the first watcher saw it
	All   time.Duration `json:"all_ns"`   // the last one did
}

// round makes the leader fail once, and returns what became of its regions. The one
// who took them leads then.
func (s *stage) round() ([]Sample, error) {
	next, err := s.server()
	if err != nil {
		return nil, err
	}
	if err := s.prepare(next); err != nil {
		return nil, err
	}
	each, seen := s.watched.watch(s.regions, ledBy(next))
	campaign, stop := s.campaign(next)
	defer stop()
	if err := measure.Pause(s.ctx, rest); err != nil {
		return nil, err
	}
	t0 := time.Now()
	if err := s.leader.fall(s.ctx, s.cell.Way, s.agent); err != nil {
		return nil, err
	}
	heirs, err := campaign()
	if err != nil {
		return nil, err
	}
	if err := s.wait(seen); err != nil {
		return nil, err
	}
	out := make([]Sample, len(s.regions))
	for i, h := range heirs {
		s.versions[i] = h.version
		out[i] = sampleOf(t0, h, i, each)
	}
	gone := s.leader
	s.leader = next
	return out, gone.Close(s.ctx)
}

// prepare takes who is next into the in-sync sets, and waits until everybody knows, the
// servers included: what they see as free from then on is free because of this round.
func (s *stage) prepare(next *server) error {
	_, seen := append(audience{s.own}, s.watched...).watch(s.regions, inSync(next))
	if err := s.leader.share(s.ctx, next, s.regions, s.versions); err != nil {
		return err
	}
	return s.wait(seen)
}

// campaign begins to wait for the regions, as the sidecar of a backup does: each on
// its own. wait returns how it went, in the order of the regions.
func (s *stage) campaign(next *server) (wait func() ([]heir, error), stop func()) {
	ctx, cancel := context.WithTimeoutCause(s.ctx, timeout, fmt.Errorf("%w: not all regions were taken over after %v", errLate, timeout))
	g, ctx := errgroup.WithContext(ctx)
	heirs := make([]heir, len(s.regions))
	for i, region := range s.regions {
		views, unsubscribe := s.own.mesh.Region(region)
		g.Go(func() (err error) {
			defer unsubscribe()
			heirs[i], err = next.inherit(ctx, views, region)
			return err
		})
	}
	return func() ([]heir, error) { return heirs, g.Wait() }, func() {
		cancel()
		_ = g.Wait()
	}
}

func sampleOf(t0 time.Time, h heir, region int, each []*expectation) Sample {
	seen := make([]time.Time, len(each))
	for i, e := range each {
		seen[i] = e.seen[region]
	}
	first := slices.MinFunc(seen, time.Time.Compare)
	last := slices.MaxFunc(seen, time.Time.Compare)
	return Sample{Free: h.free.Sub(t0), Taken: h.taken.Sub(t0), First: first.Sub(t0), All: last.Sub(t0)}
}
