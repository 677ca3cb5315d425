package proxy_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// styles are ways to write a town.
var styles = map[string]struct{ rolls, ticks, once bool }{
	"actions":               {false, false, false},
	"ticks":                 {false, true, false},
	"outcomes":              {true, false, false},
	"one outcome":           {true, false, true},
	"outcomes in ticks":     {true, true, false},
	"one outcome in a tick": {true, true, true},
}

// townMesh is a mesh of two regions, arena and sea, each on servers of its own, with
// two edges.
func townMesh(t *testing.T, servers int, style string, test func(m *mesh)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newTowns(t, style)
		defer m.close()
		for _, region := range m.regions() {
			m.serveOnly(servers, region)
		}
		m.primaryOf("arena", 0)
		m.primaryOf("sea", 0)
		if servers > 1 {
			m.guarded(servers)
		}
		test(m)
	})
}

func newTowns(t *testing.T, style string) *mesh {
	m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = []string{"arena", "sea"} })
	m.more = []string{"sea"}
	m.addEdge()
	s := styles[style]
	m.towns(s.rolls, s.ticks, s.once)
	return m
}

// settled waits until everybody's actions are durable, everybody is in one region
// with what he owns, and every action has come to what its player was told.
func (m *mesh) settled(actors ...*actor) {
	m.t.Helper()
	var names []string
	for _, a := range actors {
		names = append(names, a.name)
	}
	wrong := ""
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline) && m.violations.Load() == 0; {
		time.Sleep(20 * time.Millisecond) // virtual
		var done map[string][]byte
		done, wrong = m.census(names...)
		for _, a := range actors {
			switch {
			case wrong != "":
			case a.pending() > 0:
				wrong = fmt.Sprintf("%s: %d of %d actions are durable (%v, %v)", a.name, a.Durable(), a.sent, a.Err(), a.endings())
			default:
				wrong = a.differs(done)
			}
		}
		if wrong == "" {
			return
		}
	}
	if m.violations.Load() == 0 {
		m.violate("long after all is well: %s", wrong)
	}
}

// A player goes to another region and back, with what he owns and what he sends
// meanwhile; his connection stays, his seqs go on.
func TestTransfer(t *testing.T) {
	for style := range styles {
		t.Run(style, func(t *testing.T) {
			townMesh(t, 2, style, func(m *mesh) {
				ann, bob := m.enter("ann", 0), m.enterAt("sea", "bob", 1)
				bob.acts(3, "act")
				for range 3 {
					ann.acts(5, "act")
					ann.goes("sea")
					ann.acts(3, "pay bob")
					ann.goes("arena")
				}
				ann.settle(patience)
				m.settled(ann, bob)
				require.Equal(t, []string{"sea", "arena", "sea", "arena", "sea", "arena"}, ann.moved)
				require.Equal(t, "arena", ann.Region())
				require.Zero(t, ann.resumed, "one connection")
				require.Empty(t, ann.endings())
				require.Equal(t, grant-9, m.serving("arena").purse("ann").Gold)
				for _, e := range m.edges {
					for _, region := range m.regions() {
						require.NoError(t, e.now().Kept(region).Check())
					}
				}
				m.delivered("ann")
			})
		})
	}
}

// goes is the way to a region, with actions on it, until the actor is told that he is
// there.
func (a *actor) goes(region string) {
	a.mesh.t.Helper()
	a.acts(1, "go "+region)
	a.acts(5, "act")
	a.mesh.eventually(a.name+" is in "+region, func() bool { return a.Region() == region })
}

// Who turns round at the border, again and again, before he has heard of it, is where
// his last action has taken him.
func TestTransferToAndFro(t *testing.T) {
	for style := range styles {
		t.Run(style, func(t *testing.T) {
			townMesh(t, 2, style, func(m *mesh) {
				ann := m.enter("ann", 0)
				for range 10 {
					ann.acts(1, "go sea")
					ann.acts(1, "act")
					ann.acts(1, "go arena")
					ann.acts(1, "act")
				}
				ann.acts(1, "go sea")
				ann.settle(patience)
				m.settled(ann)
				m.eventually("sea", func() bool { return ann.Region() == "sea" })
				require.Zero(t, ann.resumed)
				m.delivered("ann")
			})
		})
	}
}

// delivered waits until nobody keeps what a player took along.
func (m *mesh) delivered(name string) {
	m.t.Helper()
	m.eventually("nothing is under way", func() bool {
		for _, s := range m.servers {
			for _, region := range m.regions() {
				dump, _ := s.now().Dump(region)
				for _, row := range dump.Rows {
					if row.Player == name && row.Carries {
						return false
					}
				}
			}
		}
		return true
	})
}

var _ = wire.CodeMoved
