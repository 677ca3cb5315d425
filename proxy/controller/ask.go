package controller

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// ElsewhereError says that only the controller can do that, and who it is.
type ElsewhereError struct {
	Edge  string // its name; empty: nobody leads now
	Admin string // URL of its API, empty if it is not known
}

func (e *ElsewhereError) Error() string {
	switch {
	case e.Edge == "":
		return "no edge is the controller now: try again in some seconds"
	case e.Admin == "":
		return fmt.Sprintf("the controller is %s, whose API is not known: ask it there", e.Edge)
	}
	return fmt.Sprintf("the controller is %s: ask it at %s", e.Edge, e.Admin)
}

// maxLoads bounds the regions that are reported.
const maxLoads = 4096

// Report says how much a region has to do. The latest word counts.
func (r *Runner) Report(region string, l mesh.Load) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.loads[region]; known || len(r.loads) < maxLoads {
		r.loads[region] = l
	}
}

// Status is the mesh as the controller sees it, if we lead; else as anybody can by
// what Consul says (see mesh.Look). It is zero before Consul has said anything.
func (r *Runner) Status() (status mesh.Status, leads bool) {
	r.mu.Lock()
	if r.ctl != nil {
		defer r.mu.Unlock()
		return r.ctl.Status(), true
	}
	latest, count, loads := r.latest, r.count, maps.Clone(r.loads)
	r.mu.Unlock()
	if count == 0 {
		return mesh.Status{}, false
	}
	return mesh.Look(r.cfg.Mesh, latest, loads), false
}

// Controller is who leads the mesh; known is false if nobody does.
func (r *Runner) Controller() (who discovery.Controller, known bool) {
	m, _ := r.seen()
	if m.Controller == nil {
		return discovery.Controller{}, false
	}
	return *m.Controller, true
}

// Drain says that a server is to be emptied, which is called by its incarnation or
// its name. Any edge can do that, as long as Consul answers.
func (r *Runner) Drain(ctx context.Context, server string) error {
	s, err := r.find(server)
	if err != nil {
		return err
	}
	return r.cfg.Discovery.SetDrain(ctx, s.Incarnation, discovery.Drain{By: "operator", Since: time.Now().UTC()})
}

// Undrain takes a drain back. That there is none is no error.
func (r *Runner) Undrain(ctx context.Context, server string) error {
	m, _ := r.seen()
	if _, known := m.Draining[server]; known { // it may be gone
		return r.cfg.Discovery.ClearDrain(ctx, server)
	}
	s, err := r.find(server)
	if err != nil {
		return err
	}
	return r.cfg.Discovery.ClearDrain(ctx, s.Incarnation)
}

func (r *Runner) find(server string) (discovery.Server, error) {
	m, count := r.seen()
	if count == 0 {
		return discovery.Server{}, &mesh.ServerError{
			Server: server, Reason: mesh.ConsulAway, Detail: "consul has not said yet which servers there are; try again",
		}
	}
	return mesh.FindServer(m, server)
}

// Move asks for a region to be led by a server. It returns when that is under way;
// an event says what came of it. Errors: ElsewhereError, or why not (MoveError).
func (r *Runner) Move(_ context.Context, region, to string) error {
	return r.steer(func(c *mesh.Controller) error { return c.Move(time.Now(), region, to) })
}

// Want makes a region one of the mesh as long as we lead; once somebody has served
// it, it stays. Errors are those of Move.
func (r *Runner) Want(_ context.Context, region string, critical bool) error {
	if err := discovery.CheckName(region); err != nil {
		return fmt.Errorf("controller: region: %w", err)
	}
	return r.steer(func(c *mesh.Controller) error { return c.Want(region, critical) })
}

// Reset forgets the failures that the level comes from, and the level.
func (r *Runner) Reset(context.Context) error {
	return r.steer(func(c *mesh.Controller) error { c.Reset(time.Now()); return nil })
}

// steer asks the controller, if it is here.
func (r *Runner) steer(ask func(*mesh.Controller) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctl == nil {
		if who := r.latest.Controller; who != nil && who.Incarnation != r.cfg.Edge.Incarnation {
			return &ElsewhereError{Edge: who.Edge, Admin: who.Admin}
		}
		return &ElsewhereError{}
	}
	err := ask(r.ctl)
	wake(r.asked) // the controller looks at once
	return err
}
