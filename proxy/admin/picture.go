package admin

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
)

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, s.status(time.Now()))
}

// picture is all that one Status is made of.
type picture struct {
	view  *view
	now   time.Time
	mesh  discovery.Mesh
	known bool
	edge  proxy.Status
	ctl   mesh.Status
	leads bool // this edge is the controller
}

// status puts together what the parts say now.
func (s *Server) status(now time.Time) Status {
	p := picture{view: s.view, now: now, edge: s.cfg.Edge.Status()}
	p.mesh, p.known = s.view.latest()
	p.ctl, p.leads = s.cfg.Controller.Status()
	out := Status{
		At: now, Stale: !p.known || p.mesh.Stale, Controller: p.controller(), Level: p.level(), Regions: p.regions(),
		Servers: p.servers(), Edges: p.edges(), Failovers: p.failovers(s.cfg.Edge.Failovers()), Alerts: p.alerts(),
		TestEndpoints: s.cfg.Test,
	}
	out.Coverage = p.coverage(out.Regions)
	return out
}

func (p *picture) controller() *ControllerStatus {
	c := p.mesh.Controller
	if c == nil {
		return nil
	}
	return &ControllerStatus{Edge: c.Edge, Incarnation: c.Incarnation, Admin: c.Admin, Since: c.Since, Here: c.Incarnation == p.edge.Incarnation}
}

// level is the one that is published: everybody acts on it. How close the next one
// is only the controller knows.
func (p *picture) level() LevelStatus {
	state := p.mesh.State
	if state.Level == "" {
		state = discovery.MeshState{Level: mesh.Normal.String(), Fidelity: 1, Since: p.view.began}
	}
	return LevelStatus{
		Name: state.Level, Fidelity: state.Fidelity, Since: state.Since, Failures: p.ctl.Failures, ServersFailed: p.ctl.FailedShare,
	}
}

// regions are those that Consul knows of, that the controller wants, and that
// players may join here.
func (p *picture) regions() []RegionStatus {
	here := byName(p.edge.Regions, func(r proxy.RegionStatus) string { return r.Name })
	judged := byName(p.ctl.Regions, func(r mesh.RegionStatus) string { return r.Region })
	names := map[string]bool{}
	for name := range p.mesh.Regions {
		names[name] = true
	}
	for name := range here {
		names[name] = true
	}
	for name := range judged {
		names[name] = true
	}
	out := make([]RegionStatus, 0, len(names))
	rank := len(judged)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		r := p.region(p.mesh.Region(name), here[name], judged[name])
		if r.Rank == 0 {
			rank++
			r.Rank = rank
		}
		out = append(out, r)
	}
	return out
}

func byName[T any](list []T, name func(T) string) map[string]*T {
	out := make(map[string]*T, len(list))
	for i := range list {
		out[name(list[i])] = &list[i]
	}
	return out
}

// region puts together what Consul, this edge and the controller say of one. The
// last two may be nil.
func (p *picture) region(v discovery.View, here *proxy.RegionStatus, judged *mesh.RegionStatus) RegionStatus {
	out := RegionStatus{
		Name: v.Region, Epoch: v.Epoch, State: stateOf(v, here), InSync: p.view.namesOf(v.InSync), InSyncKnown: v.InSyncKnown,
		Seats: p.view.namesOf(v.Seats.Servers), Score: v.Seats.Score,
	}
	if v.Primary != nil {
		out.Primary = &PrimaryRef{p.view.name(v.Primary.Incarnation), v.Primary.Incarnation}
	}
	if v.Seats.Lead != "" {
		out.Lead = p.view.name(v.Seats.Lead)
	}
	if judged != nil {
		out.Rank, out.Critical, out.Protected = judged.Rank, judged.Critical, judged.Protected
		out.Players, out.Kept = judged.Load.Players, uint64(max(judged.Load.Kept, 0))
		out.Score = cmp.Or(out.Score, judged.Score)
	}
	if here == nil {
		out.Since = p.view.since(v.Region, out.State, p.now)
		return out
	}
	out.Epoch, out.Protected = max(out.Epoch, here.Epoch), here.Protected
	out.Players, out.Kept = max(out.Players, here.Players), max(out.Kept, here.Kept)
	out.Departures, out.Arrivals, out.Arriving = here.Departures, here.Arrivals, here.Arriving
	if out.Since = here.Since; out.State == Restoring {
		out.Since = p.view.since(v.Region, out.State, p.now)
	}
	return out
}

// stateOf is a region's state. Where players may join here, this edge's word counts:
// a lock says who was elected, not who serves.
func stateOf(v discovery.View, here *proxy.RegionStatus) State {
	switch {
	case here != nil && here.Phase == failover.Serving:
		return Serving
	case v.Primary == nil:
		return Vacant
	case here == nil:
		return Serving
	case v.Primary.Epoch > here.Epoch:
		return Restoring
	}
	return Vacant // its holder is the one that was lost
}

// coverage counts what the controller judged, and says what one process alone has.
func (p *picture) coverage(regions []RegionStatus) CoverageStatus {
	out := CoverageStatus{Regions: len(p.ctl.Regions), Covered: p.ctl.Covered, Percent: 100, Unprotected: []string{}}
	if out.Regions > 0 {
		out.Percent = 100 * float64(out.Covered) / float64(out.Regions)
	}
	for _, r := range regions {
		if !r.Protected && r.Epoch > 0 {
			out.Unprotected = append(out.Unprotected, r.Name)
		}
	}
	return out
}

func (p *picture) servers() []ServerStatus {
	out := make([]ServerStatus, 0, len(p.mesh.Servers))
	drains := byName(p.ctl.Drains, func(d mesh.DrainStatus) string { return d.Server })
	for _, s := range p.mesh.Servers {
		_, draining := p.mesh.Draining[s.Incarnation]
		one := ServerStatus{
			Name: s.Name, Incarnation: s.Incarnation, Address: s.Address, Zone: s.Zone, Host: s.Host,
			Passing: s.Passing, Draining: draining, Pool: s.Pool, PrimaryOf: []string{}, BackupOf: []string{},
		}
		if d := drains[s.Incarnation]; d != nil && draining {
			one.Drained = d.Done
		}
		for name, v := range p.mesh.Regions {
			switch {
			case v.Primary != nil && v.Primary.Incarnation == s.Incarnation:
				one.PrimaryOf = append(one.PrimaryOf, name)
			case slices.Contains(v.InSync, s.Incarnation):
				one.BackupOf = append(one.BackupOf, name)
			}
		}
		slices.Sort(one.PrimaryOf)
		slices.Sort(one.BackupOf)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b ServerStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	return out
}

func (p *picture) edges() []EdgeStatus {
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	out := make([]EdgeStatus, 0, len(p.view.edges))
	for _, e := range p.view.edges {
		out = append(out, EdgeStatus{
			Name: e.Name, Incarnation: e.Incarnation, Address: e.Address, Admin: e.Admin, Passing: e.Passing,
			Here: e.Incarnation == p.edge.Incarnation,
		})
	}
	slices.SortFunc(out, func(a, b EdgeStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	return out
}

func (p *picture) failovers(all []proxy.Failover) []FailoverStatus {
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	out := make([]FailoverStatus, 0, len(all))
	for _, f := range all {
		one := FailoverStatus{
			ID: f.ID, Region: f.Region, From: p.view.nameLocked(f.From), To: p.view.nameLocked(f.To),
			EpochBefore: f.EpochBefore, Epoch: f.Epoch, Reason: string(f.Reason), Started: f.Started,
			Stages: []StageStatus{}, Players: f.Players, Actions: f.Actions, Done: f.Done, Rank: p.view.ranks[f.ID], Trace: f.Trace,
		}
		for _, stage := range f.Stages {
			one.Stages = append(one.Stages, StageStatus{stageName(stage.Kind), millis(stage.At.Sub(f.Started))})
		}
		out = append(out, one)
	}
	return out
}

// stageName is what a stage is called: the event is that the edge switches.
func stageName(k proxy.EventKind) string {
	if k == proxy.EventSwitch {
		return "switched"
	}
	return string(k)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// alerts are the controller's, where this edge is it. The others know only what
// Consul says, and whether it speaks.
func (p *picture) alerts() []AlertStatus {
	out := make([]AlertStatus, 0, len(p.ctl.Alerts))
	for _, a := range p.ctl.Alerts {
		out = append(out, AlertStatus{Severity: string(a.Severity), Message: a.Message, Region: a.Region, Since: a.Since})
	}
	if p.mesh.Stale && !p.leads {
		out = append(out, AlertStatus{
			Severity: string(mesh.Critical), Message: "consul does not answer this edge: what is shown is what it said before", Since: p.mesh.Since,
		})
	}
	return out
}
