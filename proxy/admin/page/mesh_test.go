package page_test

import (
	"fmt"
	"slices"
	"time"
)

// mesh is a mesh in which all is well: each region has a primary and two backups.
func mesh(regions, servers int) status {
	now := time.Now()
	s := status{
		Controller: &controller{Edge: "edge-1", Incarnation: "e1", Since: now.Add(-42 * time.Minute), Here: true},
		Level:      level{Name: "normal", Fidelity: 1, Since: now.Add(-42 * time.Minute)},
		Coverage:   coverage{Regions: regions, Covered: regions, Percent: 100, Unprotected: []string{}},
		Edges: []edge{
			{Name: "edge-1", Incarnation: "e1", Address: "127.0.0.1:7777", Passing: true, Here: true},
			{Name: "edge-2", Incarnation: "e2", Address: "127.0.0.1:7778", Passing: true},
		},
		Failovers: []failover{}, Alerts: []alert{}, TestEndpoints: true,
	}
	for i := range servers {
		s.Servers = append(s.Servers, server{
			Name: fmt.Sprintf("server-%d", i+1), Incarnation: fmt.Sprintf("inc%d", i+1), Address: fmt.Sprintf("127.0.0.1:%d", 9001+i),
			Zone: string(rune('a' + i%3)), Host: fmt.Sprintf("host-%d", i+1), Passing: true, Pool: i >= 3, PrimaryOf: []string{}, BackupOf: []string{},
		})
	}
	for i := range regions {
		p, b, c := i%servers, (i+1)%servers, (i+2)%servers
		s.Regions = append(s.Regions, region{
			Name: name(i), Epoch: uint64(1 + i%4), State: "serving", Primary: &primary{Name: s.Servers[p].Name, Incarnation: s.Servers[p].Incarnation},
			InSync: []string{s.Servers[b].Name, s.Servers[c].Name}, InSyncKnown: true, Seats: []string{}, Protected: true,
			Players: 80 - 7*i%60, Kept: uint64(i % 5), Score: uint64(1000 - 31*i), Rank: i + 1, Critical: i == 0, Since: now.Add(-9 * time.Minute),
			Arrivals: uint64(i % 3), Departures: uint64(2 * (i % 3)), Arriving: i % 3 / 2,
		})
	}
	s.Regions[0].Score += 1 << 40 // as the mesh counts one that is critical
	place(&s)
	return s
}

// place says of each server what the regions say of it.
func place(s *status) {
	for i := range s.Servers {
		v := &s.Servers[i]
		v.PrimaryOf, v.BackupOf = []string{}, []string{}
		for _, r := range s.Regions {
			switch {
			case r.Primary != nil && r.Primary.Incarnation == v.Incarnation:
				v.PrimaryOf = append(v.PrimaryOf, r.Name)
			case slices.Contains(r.InSync, v.Name):
				v.BackupOf = append(v.BackupOf, r.Name)
			}
		}
	}
}

func name(i int) string {
	names := []string{"arena", "bay", "cave", "dunes", "forest", "harbor", "island", "jungle", "keep", "lake"}
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s-%d", names[i%len(names)], 1+i/len(names))
}
