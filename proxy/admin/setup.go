package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

const (
	// setupWait is how long setup_test waits until all is ready; then it says how
	// far it is. It must stay below writeTimeout.
	setupWait = 10 * time.Second
	// setupLook is how often it looks.
	setupLook = 50 * time.Millisecond
	// maxWanted bounds the regions of one request.
	maxWanted = 256

	// Bounds of a simulated failure that ends by itself.
	usualFailure   = 2 * time.Second
	longestFailure = time.Minute // discovery.Strike's own bound
)

// duration checks the kind, and how long it lasts.
func (r FailureRequest) duration() (time.Duration, error) {
	d := time.Duration(r.DurationMS) * time.Millisecond
	switch r.Kind {
	case FailureKill, FailureDrain:
		if r.DurationMS != 0 {
			return 0, problem(http.StatusBadRequest, "duration", "%s is for good: leave duration_ms out", r.Kind)
		}
		return 0, nil
	case FailureFreeze, FailureCut:
		if r.DurationMS == 0 {
			return usualFailure, nil
		}
		if d <= 0 || d > longestFailure {
			return 0, problem(http.StatusBadRequest, "duration", "duration_ms is %d: give 1 to %d", r.DurationMS, longestFailure.Milliseconds())
		}
		return d, nil
	}
	return 0, problem(http.StatusBadRequest, "kind", "%s is no kind of failure: give kill, freeze, cut or drain", quoted(string(r.Kind)))
}

func (r SetupRequest) check() error {
	if len(r.Regions) == 0 || len(r.Regions) > maxWanted {
		return problem(http.StatusBadRequest, "regions", "%d regions are named: name 1 to %d", len(r.Regions), maxWanted)
	}
	if r.Servers < 0 {
		return problem(http.StatusBadRequest, "servers", "servers is %d: give the number of servers that must be passing, or leave it out", r.Servers)
	}
	for _, region := range r.Regions {
		if err := discovery.CheckName(region.Name); err != nil {
			return problem(http.StatusBadRequest, "regions", "%s cannot be a region: use 1 to 64 letters, digits, '.', '_' and '-'", quoted(region.Name))
		}
	}
	return nil
}

// postSetupTest makes regions ready for a test: 200 when they are, 202 when that
// takes longer than a request may.
func (s *Server) postSetupTest(w http.ResponseWriter, r *http.Request) error {
	var req SetupRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	began := time.Now()
	if err := s.want(r.Context(), req.Regions); err != nil {
		return err
	}
	tick := time.NewTicker(setupLook)
	defer tick.Stop()
	for {
		out := s.setup(req)
		waited := time.Since(began)
		if out.WaitedMS = millis(waited); out.Ready {
			return reply(w, http.StatusOK, out)
		}
		if waited >= setupWait {
			return reply(w, http.StatusAccepted, out)
		}
		select {
		case <-r.Context().Done():
			return context.Cause(r.Context())
		case <-tick.C:
		}
	}
}

// want asks the controller for the regions. Where nobody can be asked, they must be
// there.
func (s *Server) want(ctx context.Context, regions []WantedRegion) error {
	if s.cfg.Tester != nil {
		return s.ask(ctx, func(ctx context.Context) error { return s.cfg.Tester.Want(ctx, regions) })
	}
	for _, region := range regions {
		if _, err := s.findRegion(region.Name); err != nil {
			return err
		}
	}
	return nil
}

// setup says how far the wanted regions are.
func (s *Server) setup(req SetupRequest) SetupReply {
	status := s.status(time.Now())
	judged, _ := s.cfg.Controller.Status()
	covered := byName(judged.Regions, func(r mesh.RegionStatus) string { return r.Region })
	there := byName(status.Regions, func(r RegionStatus) string { return r.Name })
	var out SetupReply
	for _, one := range status.Servers {
		if one.Passing && !one.Draining {
			out.Servers++
		}
	}
	out.Ready = out.Servers >= req.Servers
	for _, want := range req.Regions {
		region := SetupRegion{Name: want.Name, State: Vacant, InSync: []string{}}
		if r := there[want.Name]; r != nil {
			region.State, region.InSync = r.State, slices.Clone(r.InSync)
			if r.Primary != nil {
				region.Primary = r.Primary.Name
			}
		}
		if c := covered[want.Name]; c != nil {
			region.Covered = c.Covered
		}
		out.Ready = out.Ready && region.State == Serving && region.Covered
		out.Regions = append(out.Regions, region)
	}
	return out
}
