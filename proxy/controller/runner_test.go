package controller

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/launch"
	"github.com/reseat-proxy/reseat/failover/mesh/notify"
)

// started is a mesh of two edges and some servers, led by the first edge.
func started(r *rig, servers int, change func(*Config)) (first, second *edge) {
	r.Helper()
	first = r.edge("e1", change)
	r.ledBy("e1")
	second = r.edge("e2", change)
	for _, name := range pool(servers) {
		r.server(name)
	}
	r.covered()
	return first, second
}

// TestAnotherEdgeTakesOver: what is given stays given, and what is lost afterwards
// is replaced.
func TestAnotherEdgeTakesOver(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 4, nil)
		_, leads := first.Status()
		require.True(r, leads)
		_, leads = second.Status()
		require.False(r, leads)
		time.Sleep(10 * time.Second)
		before := r.covered()

		killed := time.Now()
		first.kill()
		r.ledBy("e2")
		require.Less(r, time.Since(killed), discovery.DefaultCheckTTL+time.Second)
		time.Sleep(time.Minute)
		synctest.Wait()
		after := r.covered()
		require.Equal(r, seats(before), seats(after), "no effect on seats already given")
		for name, v := range before.Regions {
			require.Equal(r, v.Epoch, after.Region(name).Epoch)
		}

		victim := after.Region("r1").Primary.Incarnation
		r.killServer(victim)
		r.until("replaced", func(m discovery.Mesh) bool {
			return !slices.Contains(m.Region("r1").Seats.Servers, victim) && len(m.Region("r1").Seats.Servers) == 2
		})
		r.covered()
		time.Sleep(time.Second)
		st, leads := second.Status()
		require.True(r, leads)
		require.Equal(r, 3, st.Covered)
	})
}

// TestKilledInARecovery: servers die, and the controller with them. The regions come
// back without one, and the next one replaces what is lost.
func TestKilledInARecovery(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, _ := started(r, 6, nil)
		m := r.covered()
		victim := m.Region("r1").Primary.Incarnation
		r.killServer(victim)
		first.kill()
		led := func(m discovery.Mesh) bool {
			for _, v := range m.Regions {
				if v.Primary == nil || v.Primary.Incarnation == victim {
					return false
				}
			}
			return m.Controller == nil || m.Controller.Edge == "e2"
		}
		r.until("served again", led)
		r.covered()
		require.NotContains(r, r.mesh.Region("r1").Seats.Servers, victim)
	})
}

// TestLeavesInGoodOrder: an edge that stops gives the lock up at once.
func TestLeavesInGoodOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		ctx, stop := context.WithCancel(r.ctx)
		watch := r.client.WatchMesh()
		r.wg.Go(func() { _ = watch.Run(r.ctx) })
		runner, err := New(Config{
			Edge:      discovery.EdgeServer{Incarnation: "i", Name: "e1", Address: "h:1"},
			Discovery: r.client, Source: watch, Mesh: mesh.DefaultConfig(),
		})
		require.NoError(r, err)
		ended := make(chan error, 1)
		r.wg.Go(func() { ended <- runner.Run(ctx) })
		r.ledBy("e1")
		r.edge("e2", nil)
		stopped := time.Now()
		stop()
		require.ErrorIs(r, <-ended, context.Canceled)
		r.ledBy("e2")
		require.Less(r, time.Since(stopped), 500*time.Millisecond)
		edges, err := r.client.Edges(r.ctx)
		require.NoError(r, err)
		require.Len(r, edges, 1)
	})
}

// TestZombie: an edge that was cut off and comes back leads no more, and what it
// wants written meanwhile changes nothing.
func TestZombie(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 4, nil)
		first.cut.Store(true)
		r.ledBy("e2")
		_, leads := first.Status()
		require.True(r, leads, "it cannot know")
		time.Sleep(5 * time.Second)
		before := r.covered()
		first.cut.Store(false)
		require.Eventually(r, func() bool { _, leads := first.Status(); return !leads }, time.Minute, 100*time.Millisecond)
		time.Sleep(30 * time.Second)
		_, leads = second.Status()
		require.True(r, leads)
		require.Equal(r, seats(before), seats(r.covered()))
		require.EqualValues(r, 2, first.Stats().Registered, "it has registered in place")
		require.EqualValues(r, 1, first.Stats().Terms)
	})
}

// TestConsulAway: nothing changes while Consul does not answer, nor because it has
// not answered for a while.
func TestConsulAway(t *testing.T) {
	inBubble(t, func(r *rig) {
		told := &told{}
		first, _ := started(r, 4, func(c *Config) { c.Sinks = []notify.Sink{told} })
		time.Sleep(10 * time.Second)
		before := r.covered()
		r.consul.Break(devconsul.NoLeader, func(q *http.Request) bool { return q.Method == http.MethodGet })
		time.Sleep(20 * time.Second) // blocking queries that were under way take their time
		st, _ := first.Status()
		require.True(r, st.Stale)
		require.Error(r, first.Move(r.ctx, "r1", "s0"))
		r.consul.Heal()
		time.Sleep(time.Minute)
		require.Equal(r, seats(before), seats(r.covered()))
		require.Contains(r, told.keys(), "consul")
		st, leads := first.Status()
		require.True(r, leads)
		require.Equal(r, mesh.Normal, st.Level, "nobody has died: %+v", st)
	})
}

type told struct{ alerts []mesh.Alert }

func (t *told) Tell(a mesh.Alert) { t.alerts = append(t.alerts, a) }

func (t *told) keys() (keys []string) {
	for _, a := range t.alerts {
		keys = append(keys, a.Key)
	}
	return keys
}

// TestSteer: drains and moves, on the edge that leads and on one that does not.
func TestSteer(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 4, nil)
		events, stop := first.Events()
		defer stop()
		m := r.covered()
		to := ""
		for _, s := range m.Servers {
			if !slices.Contains(m.Region("r1").Seats.Servers, s.Incarnation) {
				to = s.Incarnation
			}
		}
		var elsewhere *ElsewhereError
		require.ErrorAs(r, second.Move(r.ctx, "r1", to), &elsewhere)
		require.Equal(r, ElsewhereError{Edge: "e1", Admin: "http://e1:7700"}, *elsewhere)
		require.ErrorContains(r, elsewhere, "ask it at http://e1:7700")
		require.ErrorAs(r, second.Want(r.ctx, "r9", false), &elsewhere)

		require.NoError(r, first.Move(r.ctx, "r1", "name-"+to))
		moved := r.expect(events, KindMoved)
		require.Equal(r, []any{"r1", to, mesh.WhyAsked}, []any{moved.Region, moved.Server, moved.Why})
		r.until("moved", func(m discovery.Mesh) bool {
			v := m.Region("r1")
			return v.Seats.Lead == "" && v.Primary != nil && v.Primary.Incarnation == to
		})

		var refused *mesh.MoveError
		require.ErrorAs(r, first.Move(r.ctx, "nowhere", to), &refused)
		require.Equal(r, mesh.UnknownRegion, refused.Reason)
		var unknown *mesh.ServerError
		require.ErrorAs(r, second.Drain(r.ctx, "nobody"), &unknown)
		require.Equal(r, mesh.UnknownServer, unknown.Reason)
		require.ErrorAs(r, second.Undrain(r.ctx, "nobody"), &unknown)

		require.NoError(r, second.Drain(r.ctx, to), "any edge can ask for that")
		drained := r.expect(events, KindDrained)
		require.Equal(r, to, drained.Server)
		r.until("empty", func(m discovery.Mesh) bool {
			for _, v := range m.Regions {
				if slices.Contains(v.Seats.Servers, to) || v.Primary == nil || v.Primary.Incarnation == to {
					return false
				}
			}
			return true
		})
		r.covered()
		time.Sleep(time.Second)
		st, _ := second.Status()
		require.Len(r, st.Drains, 1)
		require.True(r, st.Drains[0].Done)
		require.NoError(r, second.Undrain(r.ctx, to))
		r.until("taken back", func(m discovery.Mesh) bool { return len(m.Draining) == 0 })

		require.NoError(r, first.Want(r.ctx, "r4", true))
		r.until("wanted", func(m discovery.Mesh) bool { return len(m.Region("r4").InSync) == 2 })
		st, _ = first.Status()
		require.Equal(r, "r4", st.Regions[0].Region, "it is critical")
		require.ErrorIs(r, first.Want(r.ctx, "a b", false), discovery.ErrName)
	})
}

// TestLevels: deaths raise the level, for all to see; it falls by itself, or when it
// is reset.
func TestLevels(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 8, nil)
		events, stop := first.Events()
		defer stop()
		time.Sleep(10 * time.Second)
		for _, name := range pool(3) {
			r.killServer(name)
		}
		ev := r.expect(events, KindLevel)
		require.NotEqual(r, "normal", ev.Level)
		m := r.until("degraded", func(m discovery.Mesh) bool { return m.State.Level == "light" || m.State.Level == "moderate" })
		require.Less(r, m.State.Fidelity, 1.0)
		r.covered()
		st, _ := second.Status()
		require.NotEqual(r, mesh.Normal, st.Level)
		for !strings.HasPrefix(r.expect(events, KindAlert).Alert.Key, "degraded/") {
			continue
		}
		require.NoError(r, first.Reset(r.ctx))
		r.until("reset", func(m discovery.Mesh) bool { return m.State.Level == "normal" })
		r.killServer("s3")
		r.killServer("s4")
		r.until("degraded", func(m discovery.Mesh) bool { return m.State.Level != "normal" })
		r.until("normal again", func(m discovery.Mesh) bool { return m.State.Level == "normal" })
	})
}

// launcherFunc is a Launcher.
type launcherFunc func(context.Context, launch.Request) error

func (f launcherFunc) Launch(ctx context.Context, r launch.Request) error { return f(ctx, r) }

// TestLaunchers: one that works, and those that fail, hang or lie. The mesh goes on
// in any case.
func TestLaunchers(t *testing.T) {
	for name, launcher := range map[string]func(r *rig, n *atomic.Int32) launcherFunc{
		"works": func(r *rig, n *atomic.Int32) launcherFunc {
			return func(context.Context, launch.Request) error { r.server("launched"); return nil }
		},
		"fails twice": func(r *rig, n *atomic.Int32) launcherFunc {
			return func(context.Context, launch.Request) error {
				if n.Load() <= 2 {
					return errors.New("no quota left")
				}
				r.server("launched")
				return nil
			}
		},
		"hangs once": func(r *rig, n *atomic.Int32) launcherFunc {
			return func(ctx context.Context, _ launch.Request) error {
				if n.Load() == 1 {
					<-ctx.Done()
					return ctx.Err()
				}
				r.server("launched")
				return nil
			}
		},
		"lies once": func(r *rig, n *atomic.Int32) launcherFunc {
			return func(context.Context, launch.Request) error {
				if n.Load() > 1 {
					r.server("launched")
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				var n, at atomic.Int32
				act := launcher(r, &n)
				first := r.edge("e1", func(c *Config) {
					c.Mesh.Launch.AtOnce = 1
					c.Launcher = launcherFunc(func(ctx context.Context, q launch.Request) error {
						require.LessOrEqual(r, at.Add(1), int32(1), "one at a time")
						defer at.Add(-1)
						n.Add(1)
						require.NotEmpty(r, q.Region)
						return act(ctx, q)
					})
				})
				r.ledBy("e1")
				r.server("s0")
				r.until("served", func(m discovery.Mesh) bool { return m.Region("r3").Primary != nil })
				r.until("launched", func(m discovery.Mesh) bool { _, ok := m.Server("launched"); return ok })
				r.covered()
				time.Sleep(3 * time.Minute)
				tries := map[string]int32{"works": 1, "fails twice": 3, "hangs once": 2, "lies once": 2}[name]
				require.Equal(r, tries, n.Load(), "no more than are needed")
				require.EqualValues(r, tries, first.Stats().Launches)
				st, _ := first.Status()
				require.Empty(r, st.Launches)
				require.Empty(r, st.Alerts)
			})
		})
	}
}

// TestNobodyIsRegistered: an edge that starts before its Consul waits for it, and
// says what is wrong meanwhile.
func TestNobodyIsRegistered(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.consul.Break(devconsul.Forbidden, func(q *http.Request) bool { return q.URL.Path == "/v1/agent/service/register" })
		e := r.edge("e1", nil)
		time.Sleep(30 * time.Second)
		_, leads := e.Status()
		require.False(r, leads)
		require.Error(r, e.Move(r.ctx, "r1", "s0"))
		var elsewhere *ElsewhereError
		require.ErrorAs(r, e.Move(r.ctx, "r1", "s0"), &elsewhere)
		require.ErrorContains(r, elsewhere, "no edge is the controller now")
		require.Greater(r, e.Stats().RegisterFailed, uint64(3))
		require.Less(r, e.Stats().RegisterFailed, uint64(30))
		r.consul.Heal()
		r.ledBy("e1")
	})
}

// TestFollower: an edge that must not lead does not, and shows the mesh all the same.
func TestFollower(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 3, func(c *Config) { c.Follow = c.Edge.Name == "e2" })
		first.kill()
		time.Sleep(time.Minute)
		synctest.Wait()
		st, leads := second.Status()
		require.False(r, leads)
		require.Len(r, st.Regions, 3)
		_, led := second.Controller()
		require.False(r, led)
		require.NoError(r, second.Drain(r.ctx, "s0"))
	})
}

// TestReports: scores follow the loads.
func TestReports(t *testing.T) {
	inBubble(t, func(r *rig) {
		first, second := started(r, 3, nil)
		for _, e := range []*edge{first, second} {
			e.Report("r2", mesh.Load{Players: 50})
			e.Report("r3", mesh.Load{Players: 5, Pressure: true})
		}
		score := func(m discovery.Mesh, region string) uint64 { return m.Region(region).Seats.Score }
		m := r.until("scored", func(m discovery.Mesh) bool { return score(m, "r2") > 0 && score(m, "r3") > 0 })
		require.Greater(r, score(m, "r2"), score(m, "r3"))
		time.Sleep(time.Second)
		for _, e := range []*edge{first, second} {
			st, _ := e.Status()
			require.Equal(r, []string{"r2", "r3", "r1"}, []string{st.Regions[0].Region, st.Regions[1].Region, st.Regions[2].Region})
			require.Equal(r, 50, st.Regions[0].Load.Players)
		}
		for i := range 2 * maxLoads {
			first.Report("x"+strings.Repeat("y", i%50)+string(rune('a'+i%26)), mesh.Load{})
		}
		require.LessOrEqual(r, len(first.loads), maxLoads)
	})
}

func TestSlowReaderLosesTheOldest(t *testing.T) {
	r := &Runner{feed: newFeed()}
	events, stop := r.Events()
	for range maxEvents + 10 {
		r.feed.tell(Event{Kind: KindSeats})
	}
	var lost, seen uint64
	for range maxEvents {
		lost += (<-events).Lost
		seen++
	}
	require.EqualValues(t, maxEvents+10, lost+seen)
	stop()
	r.feed.tell(Event{})
	require.Empty(t, events)
}

func TestBadConfig(t *testing.T) {
	client, err := discovery.New(discovery.Config{}, nil)
	require.NoError(t, err)
	good := Config{
		Edge:      discovery.EdgeServer{Incarnation: "i", Name: "e", Address: "h:1"},
		Discovery: client, Source: client.WatchMesh(), Mesh: mesh.DefaultConfig(), Log: slog.New(slog.DiscardHandler),
	}
	_, err = New(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*Config){
		"discovery and source are required": func(c *Config) { c.Source = nil },
		"launch.at_once is 0":               func(c *Config) { c.Launcher = launcherFunc(nil) },
		"backups is 9":                      func(c *Config) { c.Mesh.Backups = 9 },
		discovery.ErrName.Error():           func(c *Config) { c.Edge.Incarnation = "a b" },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}
