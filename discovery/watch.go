package discovery

import (
	"context"
	"fmt"
)

// Watch follows one region. One per region and process is enough: each has two
// blocking queries, and each of those holds a connection to the agent. Whoever
// follows several regions takes a MeshWatch.
type Watch struct {
	mesh   *MeshWatch // of the one region
	region string
	views  <-chan View
}

// Watch returns a watch of region, which does nothing until Run.
func (c *Client) Watch(region string) *Watch {
	mesh := newMeshWatch(c, region, c.keys(region).dir, region)
	views, _ := mesh.Region(region)
	return &Watch{mesh: mesh, region: region, views: views}
}

// Views returns the channel that Run delivers to. It holds the latest View that
// has not been taken; a new one replaces it, so nobody who is slow holds up the
// watch, and nobody sees all Views. One that says the same as the one before is
// not delivered. The first comes when both queries have been answered once.
func (w *Watch) Views() <-chan View { return w.views }

// Run follows the region until ctx ends, and returns its cause. Whatever Consul
// does, it goes on. Run may be called once at a time.
func (w *Watch) Run(ctx context.Context) error {
	if err := CheckName(w.region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	return w.mesh.Run(ctx)
}
