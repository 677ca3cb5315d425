package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

func (s *Server) getReplication(w http.ResponseWriter, r *http.Request) error {
	out, err := s.replication(r.PathValue("region_id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, out)
}

// replication says who has the state of a region.
func (s *Server) replication(name string) (Replication, error) {
	region, err := s.findRegion(name)
	if err != nil {
		return Replication{}, err
	}
	m, _ := s.view.latest()
	v := m.Region(name)
	out := Replication{
		Region: name, Epoch: region.Epoch, State: region.State, InSyncKnown: v.InSyncKnown, Protected: region.Protected,
		Lead: region.Lead, Replicas: s.replicas(m, v),
	}
	if region.Primary != nil {
		out.Primary = region.Primary.Name
	}
	for _, r := range out.Replicas {
		if r.InSync && r.Role != RoleGone {
			out.InSync++
		}
	}
	if judged := s.judged(name); judged != nil {
		out.Wanted, out.Covered = judged.Wants, judged.Covered
		out.Missing = max(out.Wanted-out.InSync, 0)
	}
	return out, nil
}

// judged is what the controller says of a region, nil: nothing.
func (s *Server) judged(name string) *mesh.RegionStatus {
	status, _ := s.cfg.Controller.Status()
	for i := range status.Regions {
		if status.Regions[i].Region == name {
			return &status.Regions[i]
		}
	}
	return nil
}

// replicas are the servers that a region is about, and the members of its set that
// are gone.
func (s *Server) replicas(m discovery.Mesh, v discovery.View) []Replica {
	out := make([]Replica, 0, len(v.Servers))
	for _, one := range v.Servers {
		_, draining := m.Draining[one.Incarnation]
		r := Replica{
			Server: one.Name, Incarnation: one.Incarnation, Role: RoleJoining, InSync: slices.Contains(v.InSync, one.Incarnation),
			Seated: slices.Contains(v.Seats.Servers, one.Incarnation), Passing: one.Passing, Draining: draining, Zone: one.Zone, Host: one.Host,
		}
		switch {
		case v.Primary != nil && v.Primary.Incarnation == one.Incarnation:
			r.Role = RolePrimary
		case r.InSync:
			r.Role = RoleBackup
		}
		out = append(out, r)
	}
	for _, incarnation := range v.InSync {
		if _, registered := v.Server(incarnation); !registered {
			out = append(out, Replica{Server: s.view.name(incarnation), Incarnation: incarnation, Role: RoleGone, InSync: true})
		}
	}
	slices.SortFunc(out, func(a, b Replica) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	return out
}

// findRegion is the region of that name, of all that there are.
func (s *Server) findRegion(name string) (RegionStatus, error) {
	regions := s.status(time.Now()).Regions
	for _, r := range regions {
		if r.Name == name {
			return r, nil
		}
	}
	names := make([]string, 0, len(regions))
	for _, r := range regions {
		names = append(names, r.Name)
	}
	return RegionStatus{}, problem(http.StatusNotFound, string(mesh.UnknownRegion), "there is no region %.80q: there is %s", name, some(names))
}

// findServer is the server that somebody calls by its name or its incarnation.
func (s *Server) findServer(who string) (discovery.Server, error) {
	m, known := s.view.latest()
	if !known {
		return discovery.Server{}, later(problem(http.StatusServiceUnavailable, string(mesh.ConsulAway), "consul has not said yet which servers there are: try again"))
	}
	one, err := mesh.FindServer(m, who)
	if err == nil {
		return one, nil
	}
	p := explain(err)
	if p.Code == string(mesh.UnknownServer) {
		names := make([]string, 0, len(m.Servers))
		for _, one := range m.Servers {
			names = append(names, one.Name)
		}
		p.Detail = "there is no server " + quoted(who) + ": there is " + some(names)
	}
	return discovery.Server{}, p
}

// some lists the first of many names.
func some(names []string) string {
	const most = 20
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return "none at all"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
