package mesh

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bigMesh has 100 regions on 50 servers, with all backups in sync.
func bigMesh(tb testing.TB) (*Controller, *world, time.Time) {
	tb.Helper()
	cfg := DefaultConfig()
	cfg.Name = "ctl"
	w := newWorld(cfg.Backups)
	for i := range 100 {
		cfg.Regions = append(cfg.Regions, fmt.Sprintf("region-%03d", i))
	}
	for i := range 50 {
		w.server(fmt.Sprintf("%016x", i), map[string]string{
			"pool": "", "name": fmt.Sprintf("server-%d", i), "host": fmt.Sprintf("h%d", i), "zone": fmt.Sprintf("z%d", i%3),
		})
	}
	c, err := New(cfg)
	require.NoError(tb, err)
	now := epoch
	for range 20 {
		now = now.Add(500 * time.Millisecond)
		w.sidecars()
		for _, cmd := range c.Step(now, Seen{w.mesh()}) {
			require.NoError(tb, w.write(cmd))
		}
	}
	require.Equal(tb, 100, c.Status().Covered)
	return c, w, now
}

// BenchmarkStep is what a step costs the edge that is the controller, with 100
// regions on 50 servers: each half second, and with each change in Consul.
func BenchmarkStep(b *testing.B) {
	b.Run("tick", func(b *testing.B) {
		c, _, now := bigMesh(b)
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(500 * time.Millisecond)
			c.Step(now, Tick{})
		}
	})
	b.Run("mesh", func(b *testing.B) {
		c, w, now := bigMesh(b)
		m := w.mesh()
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(500 * time.Millisecond)
			c.Step(now, Seen{m})
		}
	})
	b.Run("load", func(b *testing.B) {
		c, _, now := bigMesh(b)
		b.ReportAllocs()
		for b.Loop() {
			c.Step(now, LoadSeen{"region-007", Load{Players: 10}})
		}
	})
	// A third of the servers has died: 50 regions lose a primary, all get new servers.
	b.Run("third dies", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c, w, now := bigMesh(b)
			for i := range 17 {
				delete(w.servers, fmt.Sprintf("%016x", i))
			}
			w.sidecars()
			c.Step(now.Add(time.Second), Seen{w.mesh()})
			b.StartTimer()
			cmds := c.Step(now.Add(4*time.Second), Tick{})
			b.StopTimer()
			require.Greater(b, len(cmds), 50)
			b.StartTimer()
		}
	})
	b.Run("status", func(b *testing.B) {
		c, _, _ := bigMesh(b)
		b.ReportAllocs()
		for b.Loop() {
			c.Status()
		}
	})
}
