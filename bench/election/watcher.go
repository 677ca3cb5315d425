package election

import (
	"context"
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

// expectation is of a session that will hold the locks of some regions.
type expectation struct {
	session string
	regions []string

	seen []time.Time // of each region; zero: not yet. Only the watcher's goroutine uses it before done
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
		if p := m.Region(region).Primary; e.seen[i].IsZero() && p != nil && p.Session == e.session {
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

// watch says what is to be seen. seen is closed when all have seen all of it; then
// each expectation can be read.
func (a audience) watch(session string, regions []string) (each []*expectation, seen <-chan struct{}) {
	all := make(chan struct{})
	var left sync.WaitGroup
	for _, w := range a {
		left.Add(1)
		e := &expectation{session: session, regions: regions, seen: make([]time.Time, len(regions)), left: len(regions), done: left.Done}
		each = append(each, e)
		w.expect.Store(e)
	}
	go func() {
		left.Wait()
		close(all)
	}()
	return each, all
}
