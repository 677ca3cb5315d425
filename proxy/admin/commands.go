package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// quoted is what somebody sent, cut to what fits into a line.
func quoted(text string) string { return fmt.Sprintf("%.80q", text) }

func (s *Server) postDrain(w http.ResponseWriter, r *http.Request) error {
	var req DrainRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	one, err := s.findServer(req.Server)
	act := s.cfg.Controller.Drain
	if req.Undo {
		act = s.cfg.Controller.Undrain
		if m, _ := s.view.latest(); err != nil && isDraining(m, req.Server) { // one that is gone
			one, err = discovery.Server{Name: s.view.name(req.Server), Incarnation: req.Server}, nil
		}
	}
	if err != nil {
		return err
	}
	if err := s.ask(r.Context(), func(ctx context.Context) error { return act(ctx, one.Incarnation) }); err != nil {
		return err
	}
	s.cfg.Log.Info("asked to drain a server", "event", "drain", "server", one.Name, "incarnation", one.Incarnation, "undo", req.Undo)
	return reply(w, http.StatusAccepted, DrainReply{Server: one.Name, Incarnation: one.Incarnation, Draining: !req.Undo})
}

func isDraining(m discovery.Mesh, incarnation string) bool {
	_, is := m.Draining[incarnation]
	return is
}

func (s *Server) postMove(w http.ResponseWriter, r *http.Request) error {
	var req MoveRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if _, err := s.findRegion(req.Region); err != nil {
		return err
	}
	one, err := s.findServer(req.To)
	if err != nil {
		return err
	}
	move := func(ctx context.Context) error { return s.cfg.Controller.Move(ctx, req.Region, one.Incarnation) }
	if err := s.ask(r.Context(), move); err != nil {
		return err
	}
	s.cfg.Log.Info("asked to move a region", "event", "move", "region", req.Region, "server", one.Name, "incarnation", one.Incarnation)
	return reply(w, http.StatusAccepted, MoveReply{Region: req.Region, To: one.Name, Incarnation: one.Incarnation})
}

// postReset makes an edge forget what tests have left behind.
func (s *Server) postReset(w http.ResponseWriter, r *http.Request) error {
	if err := decode(w, r, &struct{}{}); err != nil {
		return err
	}
	out := ResetReply{Drains: []string{}}
	m, _ := s.view.latest()
	err := s.ask(r.Context(), func(ctx context.Context) error {
		for incarnation := range m.Draining {
			if err := s.cfg.Controller.Undrain(ctx, incarnation); err != nil {
				return err
			}
		}
		if s.cfg.Tester == nil {
			return nil
		}
		return s.cfg.Tester.Reset(ctx)
	})
	if err != nil {
		return err
	}
	for incarnation := range m.Draining {
		out.Drains = append(out.Drains, s.view.name(incarnation))
	}
	slices.Sort(out.Drains)
	out.Level, out.Failovers = s.cfg.Tester != nil, len(s.cfg.Edge.Failovers())
	s.cfg.Edge.ForgetFailovers()
	s.cfg.Log.Warn("reset", "event", "reset", "drains", out.Drains, "failovers", out.Failovers)
	return reply(w, http.StatusOK, out)
}

func (s *Server) postSimulateFailure(w http.ResponseWriter, r *http.Request) error {
	var req FailureRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	d, err := req.duration()
	if err != nil {
		return err
	}
	one, err := s.findServer(req.Server)
	if err != nil {
		return err
	}
	var act func(context.Context) error
	switch {
	case req.Kind == FailureDrain:
		act = func(ctx context.Context) error { return s.cfg.Controller.Drain(ctx, one.Incarnation) }
	case s.cfg.Faults == nil:
		return problem(http.StatusNotImplemented, "no_faults", "this edge cannot make servers fail: drain works, and kill -9 on the server's machine")
	case !one.Passing:
		return problem(http.StatusConflict, string(mesh.ServerDead), "%s does not pass its check: it has failed already", one.Name)
	default:
		act = func(ctx context.Context) error {
			return s.cfg.Faults.Strike(ctx, one.Incarnation, string(req.Kind), d)
		}
	}
	if err := s.ask(r.Context(), act); err != nil {
		return err
	}
	s.cfg.Log.Warn("failure simulated", "event", "simulated", "server", one.Name, "incarnation", one.Incarnation, "kind", string(req.Kind), "duration", d)
	return reply(w, http.StatusAccepted, FailureReply{
		Server: one.Name, Incarnation: one.Incarnation, Kind: req.Kind, DurationMS: int(d.Milliseconds()),
	})
}
