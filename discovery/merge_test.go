package discovery

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestMerger draws any order of answers and failures of the two queries.
func TestMerger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m merger
		now := time.Unix(1000, 0)
		var (
			seen    [sources]bool
			failing [sources]time.Time
			keys    regionState
			servers []Server
			shown   *View
		)
		// The region has keys or not; all servers are its own.
		server := func(i int) Server { return Server{Incarnation: fmt.Sprint("i", i), Regions: []string{"r"}} }
		t.Repeat(map[string]func(*rapid.T){
			"answer": func(t *rapid.T) {
				now = now.Add(time.Second)
				a := answer{source: source(rapid.IntRange(0, 1).Draw(t, "source")), at: now}
				if rapid.Bool().Draw(t, "fails") {
					a.err = errors.New("down")
					if failing[a.source].IsZero() {
						failing[a.source] = now
					}
				} else {
					seen[a.source], failing[a.source] = true, time.Time{}
					state := regionState{epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch")}
					if rapid.Bool().Draw(t, "held") {
						state.session, state.holder = "s", Holder{Session: "s", Epoch: state.epoch}
					}
					a.keys.regions = map[string]regionState{"r": state}
					for i := range rapid.IntRange(0, 2).Draw(t, "servers") {
						a.servers = append(a.servers, server(i))
					}
					if a.source == sourceKeys {
						keys = state
					} else {
						servers = a.servers
					}
				}
				mesh, changed := m.apply(a)
				view := mesh.Region("r")
				want := View{Region: "r", Epoch: keys.epoch, Servers: servers, Stale: !failing[0].IsZero() || !failing[1].IsZero()}
				if keys.session != "" {
					want.Primary = &keys.holder
				}
				if !seen[0] || !seen[1] {
					require.False(t, changed, "nothing is shown before both have answered")
					return
				}
				require.Equal(t, shown == nil || !Equal(*shown, want), changed)
				if !changed {
					return
				}
				require.True(t, Equal(want, view), "%+v", view)
				require.Equal(t, view.Stale, !view.Since.IsZero())
				if view.Stale {
					require.Contains(t, failing, view.Since)
				}
				shown = &view
			},
		})
	})
}

func TestMergerNotesOddities(t *testing.T) {
	var m merger
	odd := func(r, s string) map[string][]string { return map[string][]string{"r": {r}, "s": {s}, "t": nil} }
	require.Empty(t, m.newlyOdd(nil))
	require.Equal(t, []string{"r", "s"}, m.newlyOdd(odd("a", "x")))
	require.Empty(t, m.newlyOdd(odd("a", "x")), "said already")
	require.Equal(t, []string{"r"}, m.newlyOdd(odd("b", "x")), "one region's are not another's")
	require.Empty(t, m.newlyOdd(map[string][]string{"s": {"x"}}))
	require.Equal(t, []string{"r"}, m.newlyOdd(odd("b", "x")), "again")
}

func TestEqual(t *testing.T) {
	base := func() View {
		return View{
			Region: "r", Epoch: 1, Primary: &Holder{Incarnation: "i"},
			Servers: []Server{{Incarnation: "i", Regions: []string{"r"}}}, InSync: []string{"i"}, InSyncKnown: true, InSyncVersion: 3,
		}
	}
	same := base()
	same.At, same.Since = time.Now(), time.Now()
	require.True(t, Equal(base(), same), "times do not count")
	for name, change := range map[string]func(*View){
		"region":    func(v *View) { v.Region = "s" },
		"epoch":     func(v *View) { v.Epoch++ },
		"no holder": func(v *View) { v.Primary = nil },
		"holder":    func(v *View) { v.Primary = &Holder{Incarnation: "i", Trace: "t"} },
		"servers":   func(v *View) { v.Servers = nil },
		"passing":   func(v *View) { v.Servers[0].Passing = true },
		"regions":   func(v *View) { v.Servers[0].Regions = nil },
		"zone":      func(v *View) { v.Servers[0].Zone = "z" },
		"set":       func(v *View) { v.InSync = []string{"j"} },
		"known":     func(v *View) { v.InSyncKnown = false },
		"version":   func(v *View) { v.InSyncVersion++ },
		"stale":     func(v *View) { v.Stale = true },
		"seats":     func(v *View) { v.Seats.Servers = []string{"j"} },
		"lead":      func(v *View) { v.Seats.Lead = "j" },
		"score":     func(v *View) { v.Seats.Score++ },
		"seats at":  func(v *View) { v.Seats.Version++ },
	} {
		other := base()
		change(&other)
		require.False(t, Equal(base(), other), name)
		require.False(t, Equal(other, base()), name)
	}
	require.True(t, Equal(View{}, View{}))
}

func TestViewServer(t *testing.T) {
	v := View{Servers: []Server{{Incarnation: "a"}, {Incarnation: "b", Name: "B"}, {Incarnation: "d"}}}
	s, ok := v.Server("b")
	require.True(t, ok)
	require.Equal(t, "B", s.Name)
	_, ok = v.Server("c")
	require.False(t, ok)
}
