package controller

import (
	"errors"
	"log/slog"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/launch"
	"github.com/reseat-proxy/reseat/failover/mesh/notify"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// Source tells of the mesh: a discovery.MeshWatch does.
type Source interface {
	Subscribe() (meshes <-chan discovery.Mesh, stop func())
}

// Config says who we are, and what the mesh should be like.
type Config struct {
	Edge      discovery.EdgeServer // as it is registered
	Discovery *discovery.Client
	Source    Source // of the same mesh; somebody else runs it
	Follow    bool   // never lead, leave that to other edges
	Mesh      mesh.Config
	Launcher  launch.Launcher // nil: nobody is started
	Sinks     []notify.Sink   // for alerts; those that have a Run are run
	Tick      time.Duration   // 0: 500 ms
	Tracer    *trace.Tracer   // of what is ordered; nil: that is not traced
	Log       *slog.Logger
}

// defaultTick is how often the controller looks at the clock. Its patience is
// measured in seconds.
const defaultTick = 500 * time.Millisecond

func (c Config) check() (Config, error) {
	if c.Discovery == nil || c.Source == nil {
		return c, errors.New("controller: discovery and source are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Tick <= 0 {
		c.Tick = defaultTick
	}
	if c.Mesh.Name == "" {
		c.Mesh.Name = c.Edge.Incarnation
	}
	switch {
	case c.Launcher == nil:
		c.Mesh.Launch.AtOnce = 0
	case c.Mesh.Launch.AtOnce == 0:
		return c, errors.New("controller: there is a launcher, and mesh launch.at_once is 0: give at least 1, or no launcher")
	}
	return c, errors.Join(discovery.CheckName(c.Edge.Incarnation), c.Mesh.Validate())
}
