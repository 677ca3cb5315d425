package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/proxy/admin"
)

// agreement is how long the API of an edge may be behind: it asks for the edges
// every 5 s, and the controller looks at the mesh twice a second.
const agreement = 10 * time.Second

// agree checks that the API of every edge tells the same as the registry and the
// processes themselves, when nothing moves. What it tells otherwise is a problem of
// the round.
func (s *scene) agree(ctx context.Context, without []string) error {
	for _, edge := range s.d.stage.edges {
		if slices.Contains(without, edge.Name) {
			continue
		}
		wrong, err := s.d.stage.compare(ctx, edge, without)
		if err != nil {
			return err
		}
		s.Asked++
		s.Untrue = append(s.Untrue, wrong...)
	}
	return nil
}

// compare asks one edge until it tells the truth, or has had the time to.
func (s *stage) compare(ctx context.Context, edge *fleet.Server, without []string) (wrong []string, err error) {
	api, err := admin.NewClient(s.admin(edge.Name), "", nil)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	late, look := time.NewTimer(agreement), time.NewTicker(agreement/50)
	defer late.Stop()
	defer look.Stop()
	for {
		status, err := api.Status(ctx)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if wrong = s.untrue(status, without); err != nil {
			wrong = []string{err.Error()}
		}
		for i := range wrong {
			wrong[i] = "the API of " + edge.Name + ": " + wrong[i]
		}
		if len(wrong) == 0 {
			return nil, nil
		}
		select {
		case <-late.C:
			return wrong, nil
		case <-look.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// untrue is what a Status says otherwise than what is known, of a mesh that is whole
// without some servers and edges.
func (s *stage) untrue(status admin.Status, without []string) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	differ := func(what string, said, known any) {
		if a, b := fmt.Sprint(said), fmt.Sprint(known); a != b {
			wrong = append(wrong, fmt.Sprintf("%s is said to be %s, and is %s", what, a, b))
		}
	}
	k := &s.known
	differ("staleness", status.Stale, k.mesh.Stale)
	differ("the level", status.Level.Name, levelOf(k.mesh))
	said, known := "", ""
	if status.Controller != nil {
		said = status.Controller.Incarnation
	}
	if k.mesh.Controller != nil {
		known = k.mesh.Controller.Incarnation
	}
	differ("the controller", said, known)
	differ("the list of servers", passing(status.Servers), k.alive(s.servers, without))
	differ("the list of edges", passingEdges(status.Edges), alive(s.edges, without))
	for _, r := range s.regions {
		i := slices.IndexFunc(status.Regions, func(o admin.RegionStatus) bool { return o.Name == r.Name })
		if i < 0 {
			wrong = append(wrong, r.Name+" is not there")
			continue
		}
		differ(r.Name, summary(status.Regions[i]), k.summary(r))
	}
	if s.cfg.Pool {
		differ("coverage", fmt.Sprintf("%d of %d", status.Coverage.Covered, status.Coverage.Regions),
			fmt.Sprintf("%d of %d", len(s.regions), len(s.regions)))
	}
	return wrong
}

// summary is what a Status says of one region, in one line.
func summary(r admin.RegionStatus) string {
	primary := "nobody"
	if r.Primary != nil {
		primary = r.Primary.Name + " (" + r.Primary.Incarnation + ")"
	}
	return fmt.Sprintf("%s by %s in epoch %d with %s in sync, critical %t, protected %t",
		r.State, primary, r.Epoch, strings.Join(r.InSync, " "), r.Critical, r.Protected)
}

// summary is the same from the registry and the processes.
func (k *known) summary(r Region) string {
	v := k.regions[r.Name].view
	primary, members := "nobody", make([]string, 0, len(v.InSync))
	if v.Primary != nil {
		primary = k.names.of(v.Primary.Incarnation) + " (" + v.Primary.Incarnation + ")"
	}
	for _, id := range v.InSync {
		members = append(members, k.names.of(id))
	}
	slices.Sort(members)
	return fmt.Sprintf("%s by %s in epoch %d with %s in sync, critical %t, protected %t",
		admin.Serving, primary, v.Epoch, strings.Join(members, " "), r.Critical, len(members) > 1)
}

// alive are the lives of servers, by name.
func (k *known) alive(servers []*fleet.Server, without []string) []string {
	out := map[string]string{}
	for _, name := range alive(servers, without) {
		out[name] = k.lives[name]
	}
	return lives(out)
}

func alive(all []*fleet.Server, without []string) (names []string) {
	for _, p := range all {
		if !slices.Contains(without, p.Name) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

func lives(of map[string]string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, name+" ("+of[name]+")")
	}
	return out
}

func passing(servers []admin.ServerStatus) []string {
	out := map[string]string{}
	for _, s := range servers {
		if s.Passing {
			out[s.Name] = s.Incarnation
		}
	}
	return lives(out)
}

func passingEdges(edges []admin.EdgeStatus) (names []string) {
	for _, e := range edges {
		if e.Passing {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return names
}
