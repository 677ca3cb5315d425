package devconsul

import (
	"net/http"
	"slices"
	"strings"
)

// Shapes of a health list.
type (
	entry struct {
		Node    nodeShown
		Service serviceShown
		Checks  []checkShown
	}
	nodeShown struct {
		ID, Node, Address, Datacenter string
		CreateIndex, ModifyIndex      uint64
	}
	serviceShown struct {
		ID, Service              string
		Tags                     []string
		Address                  string
		Meta                     map[string]string
		Port                     int
		Weights                  struct{ Passing, Warning int }
		CreateIndex, ModifyIndex uint64
	}
)

func listService(s *store, w http.ResponseWriter, r request) (any, error) {
	if r.rest == "" {
		return nil, failure{http.StatusBadRequest, "Missing service name"}
	}
	q := r.URL.Query()
	return s.read(w, r, func() (uint64, any, bool) {
		list := []entry{}
		for _, n := range s.services {
			if n.Name == r.rest && n.synced && tagged(n, q["tag"]) && (!q.Has(passing) || healthy(n)) {
				list = append(list, s.show(n))
			}
		}
		slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.Service.ID, b.Service.ID) })
		if index, ok := s.serviceIndex[r.rest]; ok {
			return index, list, true
		}
		return s.catalogIndex, list, true
	})
}

// tagged compares as Consul does, without case.
func tagged(n *service, tags []string) bool {
	for _, tag := range tags {
		if !slices.ContainsFunc(n.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			return false
		}
	}
	return true
}

func healthy(n *service) bool {
	return !slices.ContainsFunc(n.checks, func(c *check) bool { return c.known.Status != passing })
}

func (s *store) show(n *service) entry {
	e := entry{
		Node: nodeShown{s.nodeID, s.opts.Node, "127.0.0.1", "dc1", firstIndex, firstIndex},
		Service: serviceShown{
			ID: n.ID, Service: n.Name, Tags: append([]string{}, n.Tags...), Address: n.Address, Meta: n.Meta, Port: n.Port,
			CreateIndex: n.createIndex, ModifyIndex: n.modifyIndex,
		},
		Checks: []checkShown{{
			Node: s.opts.Node, CheckID: serfHealth, Name: "Serf Health Status", Status: passing,
			Output: "Agent alive and reachable", ServiceTags: []string{}, CreateIndex: firstIndex, ModifyIndex: firstIndex,
		}},
	}
	e.Service.Weights.Passing, e.Service.Weights.Warning = 1, 1
	for _, c := range n.checks {
		e.Checks = append(e.Checks, c.known)
	}
	return e
}
