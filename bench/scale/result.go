package scale

import (
	"errors"
	"fmt"
	"io"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
	"github.com/reseat-proxy/reseat/bench/steady"
)

// Result is all that was measured. As JSON, durations are nanoseconds.
type Result struct {
	Run    *measure.Run `json:"run"`
	Curves []Curve      `json:"curves"`
}

// Curve is what was measured as one number grew.
type Curve struct {
	Sweep  Sweep   `json:"sweep"`
	Path   string  `json:"path"`
	Points []Point `json:"points"`
}

// Point is one measurement.
type Point struct {
	X      int         `json:"x"`
	Failed string      `json:"failed,omitempty"` // why it does not hold
	Pass   steady.Pass `json:"pass"`
}

// Held tells whether what is there carried the load.
func (p Point) Held() bool { return p.Failed == "" }

// Cores is how many cores the processes of some CPU time per action kept busy.
func (p Point) Cores(micros float64) float64 { return micros * p.Pass.Second / 1e6 }

// Most is the largest number that held, and whether a larger one did not: if not, the
// sweep has ended before the limit.
func (c Curve) Most() (x int, limited bool) {
	for _, p := range c.Points {
		if !p.Held() {
			return x, true
		}
		x = p.X
	}
	return x, false
}

const mib = 1 << 20

// Print writes the curves for people, or as a README has them.
func (r *Result) Print(w io.Writer, markdown bool) error {
	fmt.Fprintln(w, r.Run)
	for _, c := range r.Curves {
		if err := c.table().Write(w, markdown); err != nil {
			return err
		}
		if c.Sweep == Players {
			fmt.Fprintln(w, c.capacity())
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprint(w, `front: the edges, or the relay; servers: everything but the players; both as cores that
were busy, and as CPU time per action; memory: resident, of all fronts, without players,
when they are there, and under load.
`)
	return err
}

func (c Curve) capacity() string {
	x, limited := c.Most()
	if !limited {
		return fmt.Sprintf("%s: %d players and more", c.Path, x)
	}
	return fmt.Sprintf("%s: %d players; not %d: %s", c.Path, x, c.Points[len(c.Points)-1].X, c.Points[len(c.Points)-1].Failed)
}

func (c Curve) table() *measure.Table {
	t := &measure.Table{Head: []string{
		string(c.Sweep) + ", " + c.Path, "answers/s", "p50", "p99", "front", "servers", "front/action", "servers/action", "empty", "idle", "active",
	}}
	for _, p := range c.Points {
		front, servers := p.Pass.CPU[steady.Front], p.Pass.Servers()
		size := func(m steady.Memory) string { return fmt.Sprintf("%.0f MiB", float64(m.Resident)/mib) }
		t.Row(fmt.Sprint(p.X), fmt.Sprintf("%.0f", p.Pass.Second), measure.Ms(p.Pass.RoundTrip.P50), measure.Ms(p.Pass.RoundTrip.P99),
			fmt.Sprintf("%.2f", p.Cores(front)), fmt.Sprintf("%.2f", p.Cores(servers)), fmt.Sprintf("%.0f µs", front), fmt.Sprintf("%.0f µs", servers),
			size(p.Pass.Empty), size(p.Pass.Idle), size(p.Pass.Active))
	}
	return t
}

// Save writes name.json into a folder, and for each sweep plots of round trips, of CPU
// time and of memory, whose names begin with name.
func (r *Result) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	for _, s := range sweeps {
		trips := plots.Plot{Title: "Round trip over " + string(s), X: string(s), Y: "milliseconds", LogY: true, Points: true}
		cpu := plots.Plot{Title: "CPU time over " + string(s), X: string(s), Y: "cores", Points: true}
		memory := plots.Plot{Title: "Memory of the front over " + string(s), X: string(s), Y: "MiB", Points: true}
		for _, c := range r.Curves {
			if c.Sweep != s {
				continue
			}
			for _, p := range c.Points {
				x := float64(p.X)
				trips.Point(c.Path+", p50", x, plots.Ms(p.Pass.RoundTrip.P50))
				trips.Point(c.Path+", p99", x, plots.Ms(p.Pass.RoundTrip.P99))
				cpu.Point(c.Path+", front", x, p.Cores(p.Pass.CPU[steady.Front]))
				cpu.Point(c.Path+", all servers", x, p.Cores(p.Pass.Servers()))
				memory.Point(c.Path+", idle", x, float64(p.Pass.Idle.Resident)/mib)
				memory.Point(c.Path+", active", x, float64(p.Pass.Active.Resident)/mib)
			}
		}
		if len(trips.Lines) == 0 {
			continue
		}
		for what, p := range map[string]plots.Plot{"trips": trips, "cpu": cpu, "memory": memory} {
			err = errors.Join(err, p.Save(dir, fmt.Sprintf("%s-%s-%s", name, s, what)))
		}
	}
	return err
}
