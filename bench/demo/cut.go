package demo

import (
	"context"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// cutLasts is how long a server is cut off: longer than its regions take to move.
const cutLasts = 2 * time.Second

// cut cuts the server that leads the most players off from all edges and sidecars,
// but not from the registry: its sidecar loses all their packets when it is asked to.
func cut(ctx context.Context, d *demo) error {
	return d.round(ctx, blow{
		fault: "cut",
		strike: func(ctx context.Context, s *scene) error {
			victims, err := s.pick(1)
			if err != nil {
				return err
			}
			return s.sever(ctx, victims[0])
		},
		heal: func(ctx context.Context, s *scene) error {
			over := time.NewTimer(time.Until(s.At.Add(cutLasts)))
			defer over.Stop()
			select {
			case <-over.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			s.d.stage.timeline.add(time.Now(), markHeal, s.Servers[0]+" is no longer cut off")
			return nil
		},
	})
}

// sever asks a server to cut itself off. The round begins when it does: that the word
// takes its way through the registry is no part of the fault.
func (s *scene) sever(ctx context.Context, server *fleet.Server) error {
	stage := s.d.stage
	asked := time.Now()
	if err := stage.client.SetStrike(ctx, stage.life(server.Name), &discovery.Strike{
		Kind: discovery.StrikeCut, At: asked, Millis: uint64(cutLasts.Milliseconds()),
	}); err != nil {
		return err
	}
	var at time.Time
	if err := stage.await(ctx, server.Name+" to be cut off", func(k known) bool {
		at = k.severed[server.Name]
		return at.After(asked)
	}); err != nil {
		return err
	}
	s.At, s.Servers = at, []string{server.Name}
	stage.begin(s.At, false)
	stage.concern(s.now, s.Servers)
	stage.timeline.add(s.At, markFault, server.Name+" cut off from all, but not from the registry")
	stage.timeline.add(s.At, markStep, s.led(s.Servers))
	stage.struck([]*fleet.Server{server})
	return nil
}
