package demo

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/probe"
)

// profiled is how long a profile takes: the fault comes at its beginning. A process
// that is frozen meanwhile is not waited for.
const (
	profiled     = 3 * time.Second
	profiledLate = time.Second
)

// probed is a process that can be looked into. A game logs under its sidecar's name.
type probed struct{ from, who string }

// probe takes in that a process can be looked into.
func (k *known) probe(e fleet.Event) {
	k.probes[probed{e.From, e.Text("who")}] = e.Text("addr")
}

// profile begins to write down what the CPU time of all processes goes to during the
// first fault of a run, where that is wanted. done waits for the end of it. Whoever is
// struck has no profile.
func (s *scene) profile(ctx context.Context) (done func()) {
	if s.d.cfg.Profiles == "" || len(s.d.rounds) > 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, profiled+profiledLate)
	var all sync.WaitGroup
	var mu sync.Mutex
	failed := map[probed]error{}
	for p, addr := range s.d.stage.probes() {
		all.Go(func() {
			path := filepath.Join(s.d.cfg.Profiles, p.from+"-"+p.who+".cpu.pprof")
			if err := (probe.Client{Addr: addr}).Profile(ctx, profiled, path); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[p] = err
			}
		})
	}
	return sync.OnceFunc(func() {
		all.Wait()
		cancel()
		for p, err := range failed {
			if !slices.Contains(slices.Concat(s.Servers, s.Edges), p.from) {
				s.d.cfg.Screen.Line("note: no profile of %s of %s: %v", p.who, p.from, err)
			}
		}
	})
}

// probes are the addresses of all who can be looked into.
func (s *stage) probes() map[probed]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.known.probes)
}
