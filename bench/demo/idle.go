package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Idle is what the processes cost while everybody is there and nobody does anything:
// heartbeats, checks, and the controller's looking on.
type Idle struct {
	Took  time.Duration `json:"took_ns"`
	Costs []Cost        `json:"costs"` // by what the processes are
}

// Cost is what the processes of one kind cost.
type Cost struct {
	What      string  `json:"what"`
	Processes int     `json:"processes"`
	CPU       float64 `json:"cpu"` // of one of them, as a share of one core
}

// The kinds of processes. Others are called as Config.Beside says.
const (
	leader   = "controller" // the edge that is the controller
	follower = "edge"       // another one
	sidecars = "sidecar"
	games    = "game"
)

// Of is the cost of one kind; the zero value if there was none.
func (i *Idle) Of(what string) Cost {
	if at := slices.IndexFunc(i.Costs, func(c Cost) bool { return c.What == what }); at >= 0 {
		return i.Costs[at]
	}
	return Cost{What: what}
}

// process is one whose time is taken.
type process struct {
	what   string
	pid    int
	before time.Duration
}

// idle measures for a while.
func (d *demo) idle(ctx context.Context) (*Idle, error) {
	d.cfg.Screen.Bar("measuring what it costs that everybody is there")
	all := d.stage.processes(d.cfg.Beside)
	began := time.Now()
	for i := range all {
		cpu, err := fleet.CPU(all[i].pid)
		if err != nil {
			return nil, fmt.Errorf("demo: CPU time of a process: %w", err)
		}
		all[i].before = cpu
	}
	select {
	case <-time.After(d.cfg.Idle):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	out := &Idle{Took: time.Since(began)}
	sums := map[string]time.Duration{}
	for _, p := range all {
		cpu, err := fleet.CPU(p.pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has ended: what the others cost is as true
		}
		if err != nil {
			return nil, fmt.Errorf("demo: CPU time of a process: %w", err)
		}
		sums[p.what] += cpu - p.before
		if i := slices.IndexFunc(out.Costs, func(c Cost) bool { return c.What == p.what }); i >= 0 {
			out.Costs[i].Processes++
		} else {
			out.Costs = append(out.Costs, Cost{What: p.what, Processes: 1})
		}
	}
	for i, c := range out.Costs {
		out.Costs[i].CPU = sums[c.What].Seconds() / float64(c.Processes) / out.Took.Seconds()
	}
	return out, nil
}

// processes are all that serve, and some others.
func (s *stage) processes(beside map[string]int) (all []process) {
	ruling := s.deciding()
	for _, e := range s.edges {
		what := follower
		if e == ruling {
			what = leader
		}
		if pid := e.PID(); pid > 0 {
			all = append(all, process{what: what, pid: pid})
		}
	}
	for _, server := range s.servers {
		if pid := server.PID(); pid > 0 {
			all = append(all, process{what: sidecars, pid: pid})
		}
		if pid := server.Game(); pid > 0 {
			all = append(all, process{what: games, pid: pid})
		}
	}
	for what, pid := range beside {
		all = append(all, process{what: what, pid: pid})
	}
	return all
}
