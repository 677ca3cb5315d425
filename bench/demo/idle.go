package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/measure"
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

// meter takes the time of processes.
type meter struct {
	began time.Time
	all   []process
}

// process is one whose time is taken.
type process struct {
	what   string
	pid    int
	before time.Duration
}

// newMeter begins to take the time of all processes that serve, and of some others.
func (d *demo) newMeter() (*meter, error) {
	m := &meter{began: time.Now(), all: d.stage.processes(d.cfg.Beside)}
	for i := range m.all {
		cpu, err := fleet.Clock(m.all[i].pid)
		if err != nil {
			return nil, fmt.Errorf("demo: CPU time of a process: %w", err)
		}
		m.all[i].before = cpu
	}
	return m, nil
}

// read returns what each kind has cost since. What has ended is not counted.
func (m *meter) read() (costs []Cost, took time.Duration, err error) {
	took = time.Since(m.began)
	for _, p := range m.all {
		cpu, err := fleet.Clock(p.pid)
		if errors.Is(err, os.ErrProcessDone) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("demo: CPU time of a process: %w", err)
		}
		i := slices.IndexFunc(costs, func(c Cost) bool { return c.What == p.what })
		if i < 0 {
			i = len(costs)
			costs = append(costs, Cost{What: p.what})
		}
		costs[i].Processes++
		costs[i].CPU += (cpu - p.before).Seconds() / took.Seconds()
	}
	for i := range costs {
		costs[i].CPU /= float64(costs[i].Processes)
	}
	return costs, took, nil
}

// idle measures for a while.
func (d *demo) idle(ctx context.Context) (*Idle, error) {
	d.cfg.Screen.Bar("measuring what it costs that everybody is there")
	m, err := d.newMeter()
	if err != nil {
		return nil, err
	}
	if err := measure.Pause(ctx, d.cfg.Idle); err != nil {
		return nil, err
	}
	out := &Idle{}
	out.Costs, out.Took, err = m.read()
	return out, err
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
