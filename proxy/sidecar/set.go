package sidecar

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// setChange is a change of the in-sync set, and the machine that wants it.
type setChange struct {
	failover.SetChange
	by *failover.InSync
}

// publish carries out changes of the in-sync set, one after the other.
func (r *region) publish(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case change := <-r.changes:
			ev := r.changeSet(ctx, change.SetChange)
			r.mu.Lock()
			if r.set == change.by { // of this epoch still
				r.stepSet(ev)
			}
			r.mu.Unlock()
		}
	}
}

// changeSet is one transaction, and a look at the set if that was refused.
func (r *region) changeSet(ctx context.Context, change failover.SetChange) failover.SetEvent {
	client, session := r.life.sc.cfg.Discovery, r.life.session()
	var version discovery.SetVersion
	var err error
	if change.Clear {
		err = client.ClearInSync(ctx, r.name, session, change.From)
	} else {
		version, err = client.ChangeInSync(ctx, r.name, session, change.From, change.Members)
	}
	fault.Point(fault.ISRTxnSent)
	switch {
	case err == nil:
		r.stats.setChanges.Add(1)
		r.story.progress("set", trace.Strs("members", change.Members))
		r.log.Info("in-sync set changed", "event", "insync", "members", change.Members, "cold", change.Clear)
		return failover.SetSeen{Members: slices.Clone(change.Members), Known: !change.Clear, Version: version}
	case errors.Is(err, discovery.ErrRaced):
		if set, err := client.InSync(ctx, r.name); err == nil {
			return failover.SetSeen{Members: set.Members, Known: set.Known, Version: set.Version}
		}
	}
	r.log.Warn("could not change the in-sync set", "members", change.Members, "error", err)
	return failover.ChangeFailed{}
}

// stepSet lets the machine of the in-sync set decide. The caller holds r.mu.
func (r *region) stepSet(ev failover.SetEvent) {
	change, wake := r.set.Step(time.Now(), ev)
	r.setWake = wake
	r.required, r.cold = r.set.Required(), r.set.NeedsEdges()
	if change != nil {
		select {
		case <-r.changes: // of an epoch that is over; this one has no other before it is answered
		default:
		}
		r.changes <- setChange{*change, r.set}
	}
	if on := r.set.Protected(); on != r.guarded && r.serving {
		r.guarded = on
		r.log.Warn("protection changed", "event", "protection", "protected", on)
		for s := range r.streams {
			if s.role == wire.RoleEdge {
				s.add(wire.Guard{Epoch: r.epoch, Protected: on})
			}
		}
	}
	if r.set.WantsCover() {
		r.cuts.wake.Wake()
	}
	r.settle()
}
