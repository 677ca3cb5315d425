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
			if d.stage.controller() == "" {
				return errNoController
			}
			return s.empty(ctx, chosen[0])
		},
		finish: func(ctx context.Context, s *scene) error { return s.emptied(ctx) },
		heal: func(ctx context.Context, s *scene) error {
			s.d.stage.timeline.add(time.Now(), markHeal, s.Servers[0]+" may have regions again")
			return s.d.stage.client.ClearDrain(ctx, s.drained)
		},
	})
}

const rollingName = "rolling"

// rolling stops every server in good order and starts it again, one after the
// other. Where there is a controller each is emptied first, so that no region is
// without its backups meanwhile; else it only hands its regions over.
func rolling(ctx context.Context, d *demo) error {
	for _, server := range d.stage.servers {
		err := d.round(ctx, blow{
			fault: rollingName, planned: true,
			strike: func(ctx context.Context, s *scene) error {
				if d.stage.controller() != "" {
					return s.empty(ctx, server)
				}
				s.clear(server, server.Name+" is to stop (SIGINT)")
				return s.leave(server)
			},
			finish: func(ctx context.Context, s *scene) error {
				if s.drained == "" {
					return nil
				}
				if err := s.emptied(ctx); err != nil {
					return err
				}
				return s.leave(server)
			},
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

// clear says that a server is about to lose its regions as planned.
func (s *scene) clear(server *fleet.Server, text string) {
	stage := s.d.stage
	s.Servers = []string{server.Name}
	stage.concern(s.now, s.Servers)
	stage.timeline.add(s.At, markStep, text)
	stage.timeline.add(s.At, markStep, s.led(s.Servers))
}

// empty asks the controller to empty a server.
func (s *scene) empty(ctx context.Context, server *fleet.Server) error {
	s.drained = s.d.stage.life(server.Name)
	s.clear(server, server.Name+" is to be emptied (drain)")
	return s.d.stage.client.SetDrain(ctx, s.drained, discovery.Drain{By: "demo", Since: s.At})
}

// emptied waits until nothing is left on the server: no region that it leads, and
// none that it backs and is not configured with.
func (s *scene) emptied(ctx context.Context) error {
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

// leaving is how long a server may take to stop in good order.
const leaving = 10 * time.Second

// leave stops a server in good order.
func (s *scene) leave(server *fleet.Server) error {
	s.d.stage.struck([]*fleet.Server{server})
	if !server.Leave(leaving) {
		return fmt.Errorf("%s does not stop in good order within %v", server.Name, leaving)
	}
	s.d.stage.timeline.add(time.Now(), markStep, server.Name+" has stopped")
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
				before = d.stage.controller()
				edge := d.stage.deciding()
				if edge == nil {
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

// controller is the incarnation of the edge that decides for the mesh; empty: none
// does.
func (s *stage) controller() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.known.mesh.Controller; c != nil {
		return c.Incarnation
	}
	return ""
}

// deciding is that edge; nil: none.
func (s *stage) deciding() *fleet.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.known.mesh.Controller; c != nil {
		if found := byName(s.edges, []string{c.Edge}); len(found) == 1 {
			return found[0]
		}
	}
	return nil
}
