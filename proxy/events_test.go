package proxy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy"
)

// kinds are what happened, in its order.
func kinds(stages []proxy.Stage) (out []proxy.EventKind) {
	for _, s := range stages {
		out = append(out, s.Kind)
	}
	return out
}

// finished waits until the edge has recorded n failovers that are done.
func (m *mesh) finished(n int) []proxy.Failover {
	m.t.Helper()
	var all []proxy.Failover
	m.eventually(fmt.Sprintf("%d failovers that are done", n), func() bool {
		all = m.edge.Failovers()
		return len(all) == n && all[n-1].Done
	})
	return all
}

// arena is how the edge sees its region.
func (m *mesh) arena() proxy.RegionStatus {
	s := m.edge.Status()
	require.Len(m.t, s.Regions, 1)
	return s.Regions[0]
}

// A failover is recorded with all its stages, in order, and each is an event.
func TestFailoverIsRecorded(t *testing.T) {
	inMesh(t, func(m *mesh) {
		events := m.edge.Events()
		defer events.Close()
		m.serve(3)
		ann := m.join("ann")
		ann.act(5)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual: backups get in sync
		require.Empty(t, m.edge.Failovers(), "the first primary is no failover")

		before := m.arena()
		s, epoch := m.primary(0)
		require.Equal(t, failover.Serving, before.Phase)
		require.Equal(t, epoch, before.Epoch)
		require.Equal(t, 1, before.Players)
		require.True(t, before.Protected)

		began := time.Now()
		s.killGame()
		ann.act(20)
		ann.settle()
		f := m.finished(1)[0]
		require.Equal(t, "arena", f.Region)
		require.Equal(t, before.Primary, f.From)
		require.Equal(t, m.arena().Primary, f.To)
		require.Equal(t, epoch, f.EpochBefore)
		require.Equal(t, epoch+1, f.Epoch)
		m.eventually("the reason is what it died of, whose word ever came first", func() bool {
			return m.edge.Failovers()[0].Reason == failover.ReasonGameExit
		})
		require.Empty(t, m.edge.Stats().Failovers, "it may turn out to be another one yet")
		time.Sleep(time.Second) // virtual
		require.Equal(t, []proxy.FailoverCount{{Region: "arena", Reason: failover.ReasonGameExit, N: 1}}, m.edge.Stats().Failovers)
		require.Equal(t, 1, f.Players)
		require.ElementsMatch(t, []proxy.EventKind{"held", "elected", "serving", "switch", "durable", "resent"}, kinds(f.Stages))
		require.Equal(t, []proxy.EventKind{"held", "elected", "serving", "switch"}, kinds(f.Stages)[:4])
		require.Equal(t, f.Started, f.Stages[0].At)
		for i, stage := range f.Stages[1:] {
			require.False(t, stage.At.Before(f.Stages[i].At))
		}
		require.False(t, f.Started.Before(began))
		require.True(t, m.arena().Since.After(f.Started))

		var stages []proxy.Stage
		for e, ok := events.Try(); ok; e, ok = events.Try() {
			require.False(t, e.Gap)
			require.Equal(t, "arena", e.Value.Region)
			if e.Value.Failover == f.ID && e.Value.Kind != proxy.EventProtection {
				stages = append(stages, proxy.Stage{Kind: e.Value.Kind, At: e.Value.At})
			}
		}
		require.Equal(t, f.Stages, stages)
	})
}

// A dead host is suspected once, however often the report is repeated. With no
// player there is nothing to wait for: the record is done at the switch.
func TestFailoverWithoutPlayers(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(2)
		m.guarded(2)
		time.Sleep(2 * time.Second) // virtual
		events := m.edge.Events()
		defer events.Close()
		s, _ := m.primary(0)
		s.die(true)
		f := m.finished(1)[0]
		require.Equal(t, failover.ReasonRefused, f.Reason)
		require.Equal(t, []proxy.EventKind{"held", "elected", "serving", "switch", "resent"}, kinds(f.Stages))
		require.Zero(t, f.Players+f.Actions)

		suspected := 0
		for e, ok := events.Try(); ok; e, ok = events.Try() {
			if e.Value.Kind == proxy.EventSuspect {
				suspected++
				require.Equal(t, f.From, e.Value.Server)
				require.Equal(t, failover.ReasonRefused, e.Value.Reason)
			}
		}
		require.Equal(t, 1, suspected)
	})
}

// While nobody serves the record stays open; forgetting it does no harm.
func TestFailoverUnderWay(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		ann := m.join("ann")
		ann.act(1)
		ann.settle()
		m.servers[0].killGame()
		m.eventually("held", func() bool { return m.arena().Phase == failover.Holding })
		f := m.edge.Failovers()
		require.Len(t, f, 1)
		require.False(t, f[0].Done)
		require.Empty(t, f[0].To)
		require.Empty(t, m.arena().Primary)
		require.Equal(t, failover.ReasonGameExit, m.arena().Reason)

		m.edge.ForgetFailovers()
		ann.act(1)
		ann.settle() // the game is started again
		require.Empty(t, m.edge.Failovers())
		m.servers[0].killGame()
		ann.act(1)
		ann.settle()
		m.finished(1)
	})
}

// An edge says where it listens, and when it does not any more.
func TestStatus(t *testing.T) {
	inMesh(t, func(m *mesh) {
		s := m.edge.Status()
		require.Equal(t, m.addr, s.Address)
		require.NotEmpty(t, s.Incarnation)
		require.False(t, s.Draining)
		require.Equal(t, failover.Holding, s.Regions[0].Phase)
		require.Equal(t, failover.ReasonNoLock, s.Regions[0].Reason)
		e := m.edges[0]
		e.die(false)
		m.eventually("no address", func() bool { s := e.now().Status(); return s.Draining && s.Address == "" })
	})
}
