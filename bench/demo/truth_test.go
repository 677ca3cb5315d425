package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/admin"
)

// honest is what an API should say of newVisited's mesh.
func honest() admin.Status {
	region := func(name string) admin.RegionStatus {
		return admin.RegionStatus{
			Name: name, Epoch: 1, State: admin.Serving, Primary: &admin.PrimaryRef{Name: "a", Incarnation: "inc-a"},
			InSync: []string{"a", "b", "c"}, Protected: true,
		}
	}
	s := admin.Status{
		Controller: &admin.ControllerStatus{Incarnation: "inc-edge"}, Level: admin.LevelStatus{Name: normal},
		Coverage: admin.CoverageStatus{Regions: 2, Covered: 2}, Regions: []admin.RegionStatus{region("north"), region("south")},
		Edges: []admin.EdgeStatus{{Name: "edge", Passing: true}, {Name: "gone"}},
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		s.Servers = append(s.Servers, admin.ServerStatus{Name: name, Incarnation: "inc-" + name, Passing: true})
	}
	return s
}

func TestTruth(t *testing.T) {
	th := newVisited(t)
	th.cfg.Pool = true
	th.edges = []*fleet.Server{{Name: "edge"}}
	th.known.mesh.Controller = &discovery.Controller{Incarnation: "inc-edge"}
	require.Empty(t, th.untrue(honest(), nil))
	for want, lie := range map[string]func(*admin.Status){
		"staleness is said to be true, and is false":               func(s *admin.Status) { s.Stale = true },
		"the level is said to be severe, and is normal":            func(s *admin.Status) { s.Level.Name = "severe" },
		"the controller is said to be , and is inc-edge":           func(s *admin.Status) { s.Controller = nil },
		"coverage is said to be 1 of 2, and is 2 of 2":             func(s *admin.Status) { s.Coverage.Covered = 1 },
		"the list of edges is said to be [], and is [edge]":        func(s *admin.Status) { s.Edges[0].Passing = false },
		"north is not there":                                       func(s *admin.Status) { s.Regions = s.Regions[1:] },
		"north is said to be vacant by a (inc-a) in epoch 1":       func(s *admin.Status) { s.Regions[0].State = admin.Vacant },
		"north is said to be serving by nobody in epoch 1":         func(s *admin.Status) { s.Regions[0].Primary = nil },
		"north is said to be serving by a (inc-a) in epoch 2":      func(s *admin.Status) { s.Regions[0].Epoch = 2 },
		"with a b in sync, critical false, protected true, and":    func(s *admin.Status) { s.Regions[1].InSync = []string{"a", "b"} },
		"with a b c in sync, critical true, protected true, and":   func(s *admin.Status) { s.Regions[1].Critical = true },
		"with a b c in sync, critical false, protected false":      func(s *admin.Status) { s.Regions[1].Protected = false },
		"said to be [a (inc-a2) b (inc-b) c (inc-c) d (inc-d)]":    func(s *admin.Status) { s.Servers[0].Incarnation = "inc-a2" },
		"the list of servers is said to be [a (inc-a) b (inc-b) d": func(s *admin.Status) { s.Servers[2].Passing = false },
	} {
		s := honest()
		lie(&s)
		wrong := th.untrue(s, nil)
		require.Len(t, wrong, 1, want)
		require.Contains(t, wrong[0], want)
	}
	s := honest()
	s.Servers[3].Passing = false
	require.Empty(t, th.untrue(s, []string{"d"}), "it is known to be dead")

	r := Round{At: time.Now(), Untrue: []string{"the API of edge: it lies"}}
	require.Equal(t, "the API of edge: it lies", r.missed())
}
