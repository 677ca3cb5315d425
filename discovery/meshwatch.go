package discovery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// MeshWatch follows all regions and servers, with two blocking queries in all.
// One per process is enough; whoever wants to know subscribes to it.
type MeshWatch struct {
	c         *Client
	questions []question

	mu      sync.Mutex // guards the fields below
	latest  *Mesh      // nil: nothing is known yet
	meshes  map[chan Mesh]struct{}
	regions map[*regionViews]struct{}
}

// regionViews is a subscription to one region.
type regionViews struct {
	region string
	views  chan View
	last   *View // that was delivered
}

// WatchMesh returns a watch of the mesh, which does nothing until Run.
func (c *Client) WatchMesh() *MeshWatch {
	w := newMeshWatch(c, "the mesh", c.cfg.Prefix+"/", "")
	for i := range w.questions {
		w.questions[i].pace = rate.NewLimiter(rate.Every(meshPace), meshBurst)
	}
	return w
}

// Each answer is about all regions, so each change of one costs every process one.
// The first few of a row are taken as they come, which is all that a failover or
// two needs. When many fail at once, their changes come together in fewer answers.
const (
	meshPace  = 25 * time.Millisecond
	meshBurst = 8
)

// newMeshWatch makes a watch of the keys below dir and the servers with tag.
func newMeshWatch(c *Client, of, dir, tag string) *MeshWatch {
	return &MeshWatch{
		c: c,
		questions: []question{
			{source: sourceKeys, about: "keys of " + of, right: keyRight(dir, "read"), query: c.keysBelow(dir)},
			{source: sourceServers, about: "servers of " + of, right: healthRight(c.cfg.Service), query: c.serversWith(tag)},
		},
		meshes:  map[chan Mesh]struct{}{},
		regions: map[*regionViews]struct{}{},
	}
}

// Subscribe returns a channel that Run delivers to until stop. It holds the latest
// Mesh that has not been taken, from the start if there is one; a new one replaces
// it, so nobody who is slow holds up the watch or another subscriber, and nobody
// sees all of them. One that says the same as the one before is not delivered.
func (w *MeshWatch) Subscribe() (views <-chan Mesh, stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := make(chan Mesh, 1)
	w.meshes[ch] = struct{}{}
	if w.latest != nil {
		ch <- *w.latest
	}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.meshes, ch)
	}
}

// Follow calls see with what Subscribe would deliver, until ctx ends, and returns its
// cause.
func (w *MeshWatch) Follow(ctx context.Context, see func(Mesh)) error {
	views, stop := w.Subscribe()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-views:
			see(m)
		}
	}
}

// Region is Subscribe for one region. A View is delivered when it says something
// else than the one before; if there is nothing about the region, it says that.
func (w *MeshWatch) Region(name string) (views <-chan View, stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &regionViews{region: name, views: make(chan View, 1)}
	w.regions[r] = struct{}{}
	if w.latest != nil {
		r.deliver(*w.latest)
	}
	return r.views, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.regions, r)
	}
}

// Run follows the mesh until ctx ends, and returns its cause. Whatever Consul
// does, it goes on. Run may be called once at a time.
func (w *MeshWatch) Run(ctx context.Context) error {
	defer w.c.n.watches.Add(-1)
	if w.c.n.watches.Add(1) > maxWatches {
		return fmt.Errorf("%w: a process has at most %d", ErrTooManyWatches, maxWatches)
	}
	w.forget()
	g, ctx := errgroup.WithContext(ctx)
	answers := make(chan answer)
	for _, q := range w.questions {
		g.Go(func() error { return w.c.follow(ctx, q, answers) })
	}
	g.Go(func() error { return w.merge(ctx, answers) })
	return g.Wait()
}

// merge is the only one that delivers news.
func (w *MeshWatch) merge(ctx context.Context, answers <-chan answer) error {
	var m merger
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case a := <-answers:
			if a.err == nil && a.source == sourceKeys {
				for _, region := range m.newlyOdd(a.keys.odd) {
					w.c.log.Warn("odd keys in consul", "region", region, "what", oddities(a.keys.odd[region]))
				}
			}
			if mesh, changed := m.apply(a); changed {
				w.deliver(mesh)
			}
		}
	}
}

// forget is for another Run: what an earlier one has delivered is not news.
func (w *MeshWatch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = nil
	for r := range w.regions {
		r.last = nil
	}
}

func (w *MeshWatch) deliver(mesh Mesh) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = &mesh
	for ch := range w.meshes {
		replace(ch, mesh)
	}
	for r := range w.regions {
		r.deliver(mesh)
	}
}

func (r *regionViews) deliver(mesh Mesh) {
	view := mesh.Region(r.region)
	if r.last == nil || !Equal(*r.last, view) {
		r.last = &view
		replace(r.views, view)
	}
}

// replace puts v into a channel of one slot, in the place of what was not taken.
// It never blocks if there is one sender at a time.
func replace[T any](ch chan T, v T) {
	select {
	case <-ch:
	default:
	}
	ch <- v
}
