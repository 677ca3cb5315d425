package proxy_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy"
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
				for i, want := range []uint64{3, 0} { // ann is at the first edge
					for _, r := range m.edges[i].now().Status().Regions {
						require.Equal(t, []uint64{want, want, 0}, []uint64{r.Departures, r.Arrivals, r.Stranded}, r.Name)
						require.Zero(t, r.Arriving)
					}
				}
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

// victims are what may die, or be cut off, while a player is on his way.
var victims = map[string]func(m *mesh, ann *actor){
	"game here":     func(m *mesh, _ *actor) { m.lead("arena").killGame() },
	"game there":    func(m *mesh, _ *actor) { m.lead("sea").killGame() },
	"server here":   func(m *mesh, _ *actor) { m.lead("arena").die(true) },
	"server there":  func(m *mesh, _ *actor) { m.lead("sea").die(true) },
	"both servers":  func(m *mesh, _ *actor) { a, b := m.lead("arena"), m.lead("sea"); a.die(false); b.die(true) },
	"edge":          func(m *mesh, _ *actor) { m.edges[0].die(true) },
	"edge, server":  func(m *mesh, _ *actor) { a := m.lead("arena"); m.edges[0].die(true); a.die(true) },
	"frozen edge":   func(m *mesh, _ *actor) { m.edges[0].freeze(); time.AfterFunc(4*time.Second, m.edges[0].thaw) },
	"frozen server": func(m *mesh, _ *actor) { s := m.lead("arena"); s.freeze(); time.AfterFunc(8*time.Second, s.thaw) },
	"frozen other":  func(m *mesh, _ *actor) { s := m.lead("sea"); s.freeze(); time.AfterFunc(8*time.Second, s.thaw) },
	"connection": func(m *mesh, ann *actor) {
		m.net.sever(ann.host.ip, m.edges[0].host.ip, true)
		m.net.sever(m.edges[0].host.ip, ann.host.ip, true)
	},
	"planned moves": func(m *mesh, _ *actor) {
		for _, region := range m.regions() {
			go m.lead(region).stop()
		}
	},
}

// lead is the server that leads a region now, or did last.
func (m *mesh) lead(region string) *server {
	for _, s := range m.servers {
		if s.now().Serving(region) > 0 {
			return s
		}
	}
	require.FailNow(m.t, region+" is not served")
	return nil
}

// Whatever dies at whichever moment of a transfer, the player is in one region in the
// end, with all that he owns, and what he has sent has been done once.
func TestTransferSurvives(t *testing.T) {
	const most, step = 10 * time.Millisecond, 500 * time.Microsecond
	names := slices.Sorted(maps.Keys(styles))
	i := 0
	for victim, strike := range victims {
		for at := time.Duration(0); at <= most; at += step {
			i++
			if testing.Short() && i%10 > 0 {
				continue
			}
			style := names[i%len(names)]
			t.Run(fmt.Sprintf("%s at %v, %s", victim, at, style), func(t *testing.T) {
				t.Parallel()
				townMesh(t, 3, style, func(m *mesh) {
					ann, bob := m.enter("ann", 0), m.enterAt("sea", "bob", 1)
					bob.acts(3, "act")
					ann.acts(10, "act")
					ann.settle(patience)
					bob.settle(patience)
					ann.acts(1, "go sea")
					ann.acts(5, "act")
					time.Sleep(at) // virtual
					strike(m, ann)
					ann.acts(5, "pay bob")
					m.eventually("ann is in sea", func() bool { return ann.Region() == "sea" })
					ann.goes("arena")
					ann.settle(patience)
					bob.settle(patience)
					m.settled(ann, bob)
					m.delivered("ann")
				})
			})
		}
	}
}
