package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/launch"
)

// errTooMany is the outcome of a write that there was no room for.
var errTooMany = errors.New("controller: too many writes are waiting")

// carryOut does what the controller wants, or leaves it to those who may wait.
func (t *term) carryOut(cmd mesh.Command) {
	switch cmd := cmd.(type) {
	case mesh.PutSeats, mesh.DropSeats, mesh.PutState, mesh.ClearDrain:
		select {
		case t.jobs <- cmd:
		default:
			t.outcome(cmd, errTooMany)
		}
	case mesh.Launch:
		t.stats.launches.Add(1)
		t.feed.tell(Event{Kind: KindLaunch, Region: cmd.Region, Detail: "launch " + cmd.ID + " is asked for"})
		t.group.Go(func() error { t.launch(cmd); return nil }) // as many as Launch.AtOnce
	case mesh.Tell:
		for _, sink := range t.cfg.Sinks {
			sink.Tell(cmd.Alert)
		}
		t.feed.tell(Event{Kind: KindAlert, Region: cmd.Alert.Region, Alert: &cmd.Alert, Detail: cmd.Alert.Message})
	case mesh.Moved:
		t.stats.moved.Add(1)
		t.log.Info("region moved", "event", "moved", "region", cmd.Region, "from", cmd.From, "to", cmd.To, "why", string(cmd.Why), "took", cmd.Took)
		t.feed.tell(Event{Kind: KindMoved, Region: cmd.Region, Server: cmd.To, From: cmd.From, Why: cmd.Why})
	case mesh.MoveFailed:
		t.stats.moveFailed.Add(1)
		t.log.Warn("region not moved", "event", "move_failed", "region", cmd.Region, "to", cmd.To, "why", string(cmd.Why), "err", cmd.Err)
		t.feed.tell(Event{Kind: KindMoveFailed, Region: cmd.Region, Server: cmd.To, Why: cmd.Why, Detail: cmd.Err.Error()})
	case mesh.Drained:
		t.log.Info("server drained", "event", "drained", "server", cmd.Name, "incarnation", cmd.Server, "took", cmd.Took)
		t.feed.tell(Event{Kind: KindDrained, Server: cmd.Server, Detail: cmd.Name + " has nothing left: it may be stopped"})
	}
}

// write takes one write after the other.
func (t *term) write() error {
	for {
		select {
		case cmd := <-t.jobs:
			t.outcome(cmd, t.writeOne(cmd))
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		}
	}
}

func (t *term) writeOne(cmd mesh.Command) (err error) {
	c := t.cfg.Discovery
	switch cmd := cmd.(type) {
	case mesh.PutSeats:
		_, err = c.PutSeats(t.ctx, t.session, cmd.Region, cmd.Seats)
	case mesh.DropSeats:
		err = c.DropSeats(t.ctx, t.session, cmd.Region, cmd.Version)
	case mesh.PutState:
		_, err = c.PutMeshState(t.ctx, t.session, cmd.State, cmd.Version)
	case mesh.ClearDrain:
		err = c.ClearDrain(t.ctx, cmd.Server)
	}
	return err
}

// outcome counts and tells what came of a write. One that failed for want of
// Consul may have been done: the next Mesh says so.
func (t *term) outcome(cmd mesh.Command, err error) {
	switch cmd := cmd.(type) {
	case mesh.PutSeats:
		t.tell(mesh.SeatsWritten{Region: cmd.Region, Err: err})
		t.orders.written(time.Now(), cmd, err)
		if err == nil && len(cmd.Added)+len(cmd.Removed) > 0 {
			t.log.Info("seats changed", "event", "seats", "region", cmd.Region, "added", cmd.Added, "removed", cmd.Removed)
			t.feed.tell(Event{Kind: KindSeats, Region: cmd.Region, Added: cmd.Added, Removed: cmd.Removed})
		}
	case mesh.DropSeats:
		t.tell(mesh.SeatsWritten{Region: cmd.Region, Err: err})
	case mesh.PutState:
		t.tell(mesh.StateWritten{Err: err})
		if err == nil {
			t.log.Info("level changed", "event", "level", "level", cmd.State.Level, "fidelity", cmd.State.Fidelity)
			t.feed.tell(Event{Kind: KindLevel, Level: cmd.State.Level, Fidelity: cmd.State.Fidelity})
		}
	}
	t.stats.written(err)
	switch {
	case err == nil, t.ctx.Err() != nil:
	case errors.Is(err, discovery.ErrDeposed), errors.Is(err, discovery.ErrSession):
		select {
		case t.doubt <- struct{}{}:
		default:
		}
	case !errors.Is(err, discovery.ErrRaced):
		t.log.Warn("could not write, trying again", "what", fmt.Sprintf("%T", cmd), "err", err)
	}
}

// launch asks the launcher, for as long as the controller gives it.
func (t *term) launch(cmd mesh.Launch) {
	ctx, cancel := context.WithTimeoutCause(t.ctx, cmd.Limit, fmt.Errorf("the launcher has not answered within %v", cmd.Limit))
	defer cancel()
	log := t.log.With("launch", cmd.ID, "region", cmd.Region, "zone", cmd.Zone, "attempt", cmd.Attempt)
	log.Info("launching a server", "event", "launch")
	// A launcher that does not heed its context holds up nobody but itself.
	ended := make(chan error, 1)
	go func() {
		ended <- t.cfg.Launcher.Launch(ctx, launch.Request{ID: cmd.ID, Region: cmd.Region, Zone: cmd.Zone, Attempt: cmd.Attempt})
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil && t.ctx.Err() == nil {
		t.stats.launchFailed.Add(1)
		log.Warn("launch failed", "event", "launch_failed", "err", err)
		t.feed.tell(Event{Kind: KindLaunchFailed, Region: cmd.Region, Detail: err.Error()})
	}
	t.tell(mesh.LaunchEnded{ID: cmd.ID, Err: err})
}
