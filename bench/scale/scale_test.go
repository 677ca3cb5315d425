package scale

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/steady"
)

var small = Config{
	Steady: steady.Config{Lasts: time.Second}, Sweeps: []Sweep{Players},
	Rate: 20, Players: 10, Step: 10, Most: 30, Limit: 50 * time.Millisecond,
}

func TestLines(t *testing.T) {
	lines, err := Players.lines(small)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	for i, name := range []string{"relay", "reseat-2"} {
		require.Equal(t, name, lines[i].path)
		require.True(t, lines[i].open)
		require.Len(t, lines[i].steps, 3)
		require.Equal(t, steady.Load{Players: 30, Rate: 20}, lines[i].steps[2].load)
	}
	for s, most := range map[Sweep]int{Regions: 30, Edges: 4, Backups: 3} {
		lines, err := s.lines(small)
		require.NoError(t, err)
		require.Len(t, lines, 1)
		require.False(t, lines[0].open)
		last := lines[0].steps[len(lines[0].steps)-1]
		require.Equal(t, most, last.x)
		require.Equal(t, steady.Load{Players: 10, Rate: 20}, last.load)
	}
	found, err := Find("edges, players")
	require.NoError(t, err)
	require.Equal(t, []Sweep{Edges, Players}, found)
	_, err = Find("moons")
	require.ErrorContains(t, err, `unknown sweep "moons": choose from players, regions, edges, backups`)
}

func TestCheck(t *testing.T) {
	require.NoError(t, small.Check())
	for want, change := range map[string]func(*Config){
		"name a sweep":        func(c *Config) { c.Sweeps = nil },
		"is no sweep":         func(c *Config) { c.Step = 0 },
		"10 to 5 players":     func(c *Config) { c.Most = 5 },
		"no p99 is below 0s":  func(c *Config) { c.Limit = 0 },
		"load 0x20":           func(c *Config) { c.Players = 0 },
		"load 5010x20":        func(c *Config) { c.Most = 5010 },
		"actions a second":    func(c *Config) { c.Rate = -1 },
		"of 0s measure nothi": func(c *Config) { c.Steady.Lasts = 0 },
	} {
		cfg := small
		change(&cfg)
		require.ErrorContains(t, cfg.Check(), want)
	}
}

// held is a pass of n players that went well.
func held(n int) steady.Pass {
	return steady.Pass{
		Load: steady.Load{Players: n, Rate: 20}, Sent: 100, Answered: 100, Second: float64(20 * n),
		RoundTrip: measure.Spread{P50: time.Millisecond, P99: 5 * time.Millisecond},
		CPU:       map[string]float64{steady.Front: 100, steady.Primary: 50, steady.Crowd: 70},
		Empty:     steady.Memory{Resident: 20 << 20}, Idle: steady.Memory{Resident: 30 << 20}, Active: steady.Memory{Resident: 40 << 20},
	}
}

func TestJudge(t *testing.T) {
	require.Empty(t, small.judge(held(10)))
	for want, spoil := range map[string]func(*steady.Pass){
		"3 actions were not answered":         func(p *steady.Pass) { p.Sent += 3 },
		"100 answers a second to 200 actions": func(p *steady.Pass) { p.Second = 100 },
		"p99 60 ms is above 50 ms":            func(p *steady.Pass) { p.RoundTrip.P99 = 60 * time.Millisecond },
		"something waited 200 ms for a core":  func(p *steady.Pass) { p.Delay = 200 * time.Millisecond },
		"1 actions were not answered":         func(p *steady.Pass) { p.Sent++; p.Second = 0 },
		"0 answers a second to 200 actions":   func(p *steady.Pass) { p.Second = 0 },
	} {
		p := held(10)
		spoil(&p)
		require.Equal(t, want, small.judge(p))
	}
}

func TestMost(t *testing.T) {
	c := Curve{Sweep: Players, Path: "relay", Points: []Point{{X: 10, Pass: held(10)}, {X: 20, Pass: held(20)}}}
	x, limited := c.Most()
	require.Equal(t, 20, x)
	require.False(t, limited)
	require.Equal(t, "relay: 20 players and more", c.capacity())
	c.Points = append(c.Points, Point{X: 30, Pass: held(30), Failed: "too slow"})
	x, limited = c.Most()
	require.Equal(t, 20, x)
	require.True(t, limited)
	require.Equal(t, "relay: 20 players; not 30: too slow", c.capacity())
}

func TestPrintAndSave(t *testing.T) {
	r := Result{Run: &measure.Run{Command: "reseat bench scale"}, Curves: []Curve{
		{Sweep: Players, Path: "relay", Points: []Point{{X: 10, Pass: held(10)}, {X: 20, Pass: held(20)}}},
		{Sweep: Backups, Path: "reseat", Points: []Point{{X: 0, Pass: held(10)}, {X: 3, Pass: held(10)}}},
	}}
	var out bytes.Buffer
	require.NoError(t, r.Print(&out, false))
	require.Contains(t, out.String(), "players, relay  answers/s     p50     p99  front  servers  front/action  servers/action   empty    idle  active\n"+
		"10                    200  1.0 ms  5.0 ms   0.02     0.03        100 µs          150 µs  20 MiB  30 MiB  40 MiB\n")
	require.Contains(t, out.String(), "relay: 20 players and more\n")
	require.Contains(t, out.String(), "backups, reseat")
	dir := t.TempDir()
	require.NoError(t, r.Save(dir, "scale"))
	for _, name := range []string{"scale-players-trips.svg", "scale-players-cpu.png", "scale-players-memory.svg", "scale-backups-trips.png"} {
		info, err := os.Stat(dir + "/" + name)
		require.NoError(t, err)
		require.Greater(t, info.Size(), int64(1000))
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 13, "none of what was not measured")
}
