package election

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
)

// watcher follows the mesh as an edge does, and notes when it sees what is expected.
type watcher struct {
	mesh   *discovery.MeshWatch
	expect atomic.Pointer[expectation]
}

// expectation is of something that is to be seen of some regions.
type expectation struct {
	regions []string
	met     func(discovery.View) bool

	seen []time.Time // when, of each region; only the watcher's goroutine uses it before done
	left int
	done func()
}

// newWatcher makes a watcher with a client of its own.
func newWatcher(cfg discovery.Config) (*watcher, error) {
	client, err := discovery.New(cfg, nil)
	if err != nil {
		return nil, err
	}
	return &watcher{mesh: client.WatchMesh()}, nil
}

// run follows until ctx ends.
func (w *watcher) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.mesh.Run(ctx) })
	g.Go(func() error { return w.mesh.Follow(ctx, w.see) })
	return g.Wait()
}

func (w *watcher) see(m discovery.Mesh) {
	now := time.Now()
	e := w.expect.Load()
	if e == nil || e.left == 0 {
		return
	}
	for i, region := range e.regions {
		if e.seen[i].IsZero() && e.met(m.Region(region)) {
			e.seen[i] = now
			e.left--
		}
	}
	if e.left == 0 {
		e.done()
	}
}

// audience is all watchers.
type audience []*watcher

// watch says what is to be seen from now on. seen is closed when all have seen it of
// all regions; then each expectation can be read.
func (a audience) watch(regions []string, met func(discovery.View) bool) (each []*expectation, seen <-chan struct{}) {
	all := make(chan struct{})
	var left sync.WaitGroup
	for _, w := range a {
		left.Add(1)
		e := &expectation{regions: regions, met: met, seen: make([]time.Time, len(regions)), left: len(regions), done: left.Done}
		each = append(each, e)
		w.expect.Store(e)
	}
	go func() {
		left.Wait()
		close(all)
	}()
	return each, all
}

// ledBy is met when a server leads.
func ledBy(s *server) func(discovery.View) bool {
	return func(v discovery.View) bool { return v.Primary != nil && v.Primary.Session == s.Session() }
}

// inSync is met when a server may take over.
func inSync(s *server) func(discovery.View) bool {
	return func(v discovery.View) bool { return slices.Contains(v.InSync, s.incarnation) }
}
