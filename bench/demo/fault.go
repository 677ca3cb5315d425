package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Fault is something that the demo shows.
type Fault struct {
	Name string

	servers, edges, regions int // that it needs at least
	why                     string
	asked                   bool // sidecars do it to themselves when they are asked to
	run                     func(context.Context, *demo) error
	counted                 func(servers int) func(context.Context, *demo) error // nil: it has no number
}

// faults are all there are, in the order in which they are listed.
func faults() []Fault {
	return []Fault{
		{Name: "kill", run: one("kill")},
		{Name: "host", run: one("host")},
		{Name: "freeze", run: one("freeze")},
		{Name: "cut", run: cut, asked: true},
		{Name: "edge", run: one("edge"), edges: 2, why: "the players of a dead edge must have another one"},
		{Name: "many", run: many(0), counted: many, servers: 4, why: "every region must keep a server"},
		{Name: "cascade", run: cascade, servers: 3, why: "every region must keep a server"},
		{Name: "drain", run: drain},
		{Name: rollingName, run: rolling},
		{Name: "controller", run: controller(0), counted: controller, servers: 4, edges: 2, why: "servers fail, and one of the edges"},
	}
}

// FaultNames are the names that ParseFaults knows.
func FaultNames() (names []string) {
	for _, f := range faults() {
		names = append(names, f.Name)
	}
	return names
}

// ParseFaults reads a comma-separated list of names. "many:3" is many with three
// servers.
func ParseFaults(list string) ([]Fault, error) {
	var chosen []Fault
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		base, number, numbered := strings.Cut(name, ":")
		i := slices.IndexFunc(faults(), func(f Fault) bool { return f.Name == base })
		if i < 0 || numbered && faults()[i].counted == nil {
			return nil, fmt.Errorf("unknown fault %q: choose from %s", name, strings.Join(FaultNames(), ", "))
		}
		f := faults()[i]
		if numbered {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q: write how many servers are to fail, as in many:2", name)
			}
			f.Name, f.run, f.servers = name, f.counted(n), n+2
		}
		chosen = append(chosen, f)
	}
	return chosen, nil
}

// Check tells whether a demo is large enough for the fault.
func (f Fault) Check(cfg Config) error {
	for _, need := range []struct {
		what       string
		have, want int
	}{{"servers", cfg.Servers, f.servers}, {"edges", cfg.Edges, f.edges}, {"regions", cfg.Regions, f.regions}} {
		if need.have < need.want {
			return fmt.Errorf("--fault %s needs --%s %d or more: %s", f.Name, need.what, need.want, f.why)
		}
	}
	return nil
}

// ofFleet is a fault of processes that exists.
func ofFleet(name string) fleet.Fault {
	all, err := fleet.ParseFaults(name)
	if err != nil {
		panic("demo: " + err.Error())
	}
	return all[0]
}

// one makes a fault happen to the server that leads the most players, or to the
// edge that they are on.
func one(name string) func(context.Context, *demo) error {
	f := ofFleet(name)
	return func(ctx context.Context, d *demo) error {
		return d.round(ctx, blow{fault: name, heal: mend(f), strike: func(_ context.Context, s *scene) error {
			if f.Edge {
				return s.hit(f, d.stage.busiest(d.progress.On))
			}
			victims, err := s.pick(1)
			if err != nil {
				return err
			}
			return s.hit(f, victims...)
		}})
	}
}

// numbered is how many servers a fault happens to, and its name; 0: a third of all.
func numbered(name string, count, servers int) (int, string) {
	if count == 0 {
		return max(2, servers/3), name
	}
	return count, fmt.Sprintf("%s:%d", name, count)
}

// many kills several servers at once; 0: a third of them.
func many(count int) func(context.Context, *demo) error {
	return func(ctx context.Context, d *demo) error {
		n, name := numbered("many", count, d.cfg.Servers)
		host := ofFleet("host")
		return d.round(ctx, blow{fault: name, heal: mend(host), away: true, strike: func(_ context.Context, s *scene) error {
			victims, err := s.pick(n)
			if err != nil {
				return err
			}
			return s.hit(host, victims...)
		}})
	}
}

// cascade kills a server, and the first one that is elected in its place at that
// moment.
func cascade(ctx context.Context, d *demo) error {
	host := ofFleet("host")
	return d.round(ctx, blow{fault: "cascade", heal: mend(host), away: true, strike: func(ctx context.Context, s *scene) error {
		victims, err := s.pick(1)
		if err != nil {
			return err
		}
		if err := s.hit(host, victims...); err != nil {
			return err
		}
		heir, err := s.elected(ctx)
		if err != nil {
			return err
		}
		if heir == nil || slices.ContainsFunc(s.now, func(r standing) bool { return r.lostWith([]string{victims[0].Name, heir.Name}) }) {
			return fmt.Errorf("demo: a region would have nobody left")
		}
		return s.hit(host, heir)
	}})
}
