package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// drain empties the server that leads the most players: its regions move to others
// while it lives.
func drain(ctx context.Context, d *demo) error {
	return d.round(ctx, blow{
		fault: "drain", planned: true,
		strike: func(ctx context.Context, s *scene) error {
			chosen, err := s.pick(1)
			if err != nil {
				return err
			}
			return s.empty(ctx, chosen[0])
		},
		finish: emptied,
		heal: func(ctx context.Context, s *scene) error {
			s.d.stage.timeline.add(time.Now(), markHeal, s.Servers[0]+" may have regions again")
			return s.d.stage.client.ClearDrain(ctx, s.drained)
		},
	})
}

// rolling empties one server after the other, stops it and starts it again.
func rolling(ctx context.Context, d *demo) error {
	for _, server := range d.stage.servers {
		err := d.round(ctx, blow{
			fault: rollingName, planned: true,
			strike: func(ctx context.Context, s *scene) error { return s.empty(ctx, server) },
			finish: stop,
			heal: func(_ context.Context, s *scene) error {
				s.d.stage.timeline.add(time.Now(), markHeal, server.Name+" started again")
				return server.Start()
			},
		})
		if err != nil {
			return fmt.Errorf("%s: %w", server.Name, err)
		}
	}
	return nil
}

const rollingName = "rolling"

// empty asks for a server to be emptied.
func (s *scene) empty(ctx context.Context, server *fleet.Server) error {
	stage := s.d.stage
	s.drained = stage.life(server.Name)
	s.Servers = []string{server.Name}
	stage.concern(s.now, s.Servers)
	stage.timeline.add(s.At, markStep, server.Name+" is to be emptied (drain)")
	stage.timeline.add(s.At, markStep, s.led(s.Servers))
	return stage.client.SetDrain(ctx, s.drained, discovery.Drain{By: "demo", Since: s.At})
}

// emptied waits until nothing is left on the server: no region that it leads, and
// none that it backs and is not configured with.
func emptied(ctx context.Context, s *scene) error {
	stage := s.d.stage
	err := stage.await(ctx, s.Servers[0]+" to be empty", func(k known) bool {
		return !slices.ContainsFunc(stage.regions, func(r Region) bool {
			v := k.regions[r.Name].view
			leads := v.Primary == nil || v.Primary.Incarnation == s.drained
			return leads || len(r.fixed) == 0 && slices.Contains(v.InSync, s.drained)
		})
	})
	if err == nil {
		stage.timeline.add(time.Now(), markStep, s.Servers[0]+" is empty")
	}
	return err
}

// stop stops the server when it is empty.
func stop(ctx context.Context, s *scene) error {
	if err := emptied(ctx, s); err != nil {
		return err
	}
	server := byName(s.d.stage.servers, s.Servers)
	s.d.stage.struck(server)
	server[0].Leave(grace)
	s.d.stage.timeline.add(time.Now(), markStep, s.Servers[0]+" has stopped")
	return nil
}

// life is the incarnation that a server is now.
func (s *stage) life(server string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.lives[server]
}

// errNoController: nobody decides for the mesh.
var errNoController = errors.New("no edge is the controller of the mesh")

// controller kills several servers at once, 0: a third of them, and the edge that
// decides for the mesh when the first region has a new primary.
func controller(count int) func(context.Context, *demo) error {
	return func(ctx context.Context, d *demo) error {
		n, name := numbered("controller", count, d.cfg.Servers)
		host := ofFleet("host")
		var before string // incarnation
		return d.round(ctx, blow{
			fault: name, away: true, heal: mend(host),
			strike: func(ctx context.Context, s *scene) error {
				victims, err := s.pick(n)
				if err != nil {
					return err
				}
				var edge *fleet.Server
				if edge, before = d.stage.controller(); edge == nil {
					return errNoController
				}
				if err := s.hit(host, victims...); err != nil {
					return err
				}
				if _, err := s.elected(ctx); err != nil {
					return err
				}
				return s.hit(ofFleet("edge"), edge)
			},
			finish: func(ctx context.Context, s *scene) error {
				return s.d.stage.await(ctx, "another controller", func(k known) bool {
					return k.mesh.Controller != nil && k.mesh.Controller.Incarnation != before
				})
			},
		})
	}
}

// controller is the edge that decides for the mesh, nil if none does.
func (s *stage) controller() (edge *fleet.Server, incarnation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.known.mesh.Controller
	if c == nil {
		return nil, ""
	}
	if found := byName(s.edges, []string{c.Edge}); len(found) == 1 {
		edge = found[0]
	}
	return edge, c.Incarnation
}
