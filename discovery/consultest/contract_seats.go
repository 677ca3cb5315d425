package consultest

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

func seatsOfMesh(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	session := r.lead(c, "edge").Session()
	put := func(region string, s discovery.Seats) (discovery.SetVersion, error) {
		return c.PutSeats(r.ctx(), session, region, s)
	}
	first, err := put("east", discovery.Seats{Servers: []string{"b", "a", "b"}, Lead: "a", Score: math.MaxUint64})
	require.NoError(r, err)
	mesh := v.until("seats", func(m discovery.Mesh) bool { return len(m.Regions) == 1 })
	want := discovery.Seats{Servers: []string{"a", "b"}, Lead: "a", Score: math.MaxUint64, Version: first}
	require.Equal(r, want, mesh.Region("east").Seats)

	_, err = put("east", discovery.Seats{})
	require.ErrorIs(r, err, discovery.ErrRaced, "there are some already")
	same, err := put("east", want)
	require.NoError(r, err)
	require.Equal(r, first, same, "writing what is there is no write")
	second, err := put("east", discovery.Seats{Version: first})
	require.NoError(r, err)
	_, err = put("east", want)
	require.ErrorIs(r, err, discovery.ErrRaced, "the version is old")
	mesh = v.until("no seats", func(m discovery.Mesh) bool { return m.Region("east").Seats.Version == second })
	require.Equal(r, discovery.Seats{Version: second}, mesh.Region("east").Seats, "nobody seated")

	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint(strings.Repeat("x", 60), i)
	}
	_, err = put("east", discovery.Seats{Servers: many, Version: second})
	require.ErrorContains(r, err, "65 servers are more than 64")
	third, err := put("east", discovery.Seats{Servers: many[:64], Version: second})
	require.NoError(r, err)
	v.until("64 seats", func(m discovery.Mesh) bool { return len(m.Region("east").Seats.Servers) == 64 })
	_, err = put("a/b", discovery.Seats{})
	require.ErrorIs(r, err, discovery.ErrName)
	_, err = put("east", discovery.Seats{Servers: []string{"a/b"}})
	require.ErrorIs(r, err, discovery.ErrName)
	_, err = put("east", discovery.Seats{Lead: "a b"})
	require.ErrorIs(r, err, discovery.ErrName)

	require.ErrorIs(r, c.DropSeats(r.ctx(), session, "east", second), discovery.ErrRaced)
	require.ErrorIs(r, c.DropSeats(r.ctx(), session, "a/b", 0), discovery.ErrName)
	require.NoError(r, c.DropSeats(r.ctx(), session, "east", third))
	require.NoError(r, c.DropSeats(r.ctx(), session, "east", third), "gone already")
	v.until("no region", func(m discovery.Mesh) bool { return len(m.Regions) == 0 })
}

// seatsOfDeposed: who is not the controller, or not any more, changes nothing.
func seatsOfDeposed(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	a, b := r.edge(c, "a"), r.edge(c, "b")
	r.run(a)
	r.run(b)
	refused := func(session string) {
		r.Helper()
		_, err := c.PutSeats(r.ctx(), session, "east", discovery.Seats{Score: 9})
		require.ErrorIs(r, err, discovery.ErrDeposed)
		require.ErrorIs(r, c.DropSeats(r.ctx(), session, "east", 0), discovery.ErrDeposed)
		_, err = c.PutMeshState(r.ctx(), session, discovery.MeshState{Level: "severe"}, 0)
		require.ErrorIs(r, err, discovery.ErrDeposed)
	}
	refused(a.Session()) // there is no lock
	won, err := c.LeadMesh(r.ctx(), a.Session(), r.controller("a"))
	require.NoError(r, err)
	require.True(r, won)
	refused(b.Session())
	refused("")
	require.NoError(r, c.ResignMesh(r.ctx(), a.Session()))
	refused(a.Session())
	refused("") // a free lock has no session either
	won, err = c.LeadMesh(r.ctx(), b.Session(), r.controller("b"))
	require.NoError(r, err)
	require.True(r, won)
	refused(a.Session())
	mesh := v.until("the other controller", func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Edge == "b" })
	require.Empty(r, mesh.Regions)
	require.Zero(r, mesh.StateAt)
	require.Zero(r, r.get(r.meshKey(".mesh/seats/east")))
}

func stateOfMesh(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	session := r.lead(c, "edge").Session()
	state := discovery.MeshState{Level: "light", Fidelity: 0.75, Since: time.Unix(1_700_000_000, 0).UTC(), RetryAfter: 2500}
	first, err := c.PutMeshState(r.ctx(), session, state, 0)
	require.NoError(r, err)
	mesh := v.until("a state", func(m discovery.Mesh) bool { return m.StateAt == first })
	require.Equal(r, state, mesh.State)
	_, err = c.PutMeshState(r.ctx(), session, state, 0)
	require.ErrorIs(r, err, discovery.ErrRaced)
	state.Level = "severe"
	second, err := c.PutMeshState(r.ctx(), session, state, first)
	require.NoError(r, err)
	require.Greater(r, second, first)
	v.until("the other state", func(m discovery.Mesh) bool { return m.State.Level == "severe" })
	for _, bad := range []discovery.MeshState{
		{},
		{Level: "a/b"},
		{Level: "normal", Fidelity: 1.1},
		{Level: "normal", Fidelity: -0.1},
		{Level: "normal", Fidelity: math.NaN()},
		{Level: "normal", RetryAfter: 1 << 40},
	} {
		_, err = c.PutMeshState(r.ctx(), session, bad, second)
		require.Error(r, err, "%+v", bad)
	}
}

func drainsOfMesh(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	r.register(c, "a")
	now := time.Now()
	recent := discovery.Drain{By: "operator", Since: now.UTC().Truncate(time.Second)}
	old := discovery.Drain{By: "shutdown", Since: recent.Since.Add(-time.Hour)}
	for name, drain := range map[string]discovery.Drain{"a": old, "gone": old, "new": recent} {
		require.NoError(r, c.SetDrain(r.ctx(), r.inc(name), drain))
	}
	require.NoError(r, c.SetDrain(r.ctx(), r.inc("a"), old), "again")
	mesh := v.until("drains", func(m discovery.Mesh) bool { return len(m.Draining) == 3 && len(m.Servers) == 1 })
	require.Equal(r, map[string]discovery.Drain{r.inc("a"): old, r.inc("gone"): old, r.inc("new"): recent}, mesh.Draining)
	require.Empty(r, mesh.Regions[r.region].Primary, "it is the server's own to hand over")

	require.Equal(r, []string{r.inc("gone")}, mesh.Leftovers(now), "the one that is not there and was not there for long")
	require.NoError(r, c.ClearDrain(r.ctx(), r.inc("gone")))
	require.NoError(r, c.ClearDrain(r.ctx(), r.inc("gone")), "gone already")
	mesh = v.until("one less", func(m discovery.Mesh) bool { return len(m.Draining) == 2 })
	require.Empty(r, mesh.Leftovers(now))
	require.ErrorIs(r, c.SetDrain(r.ctx(), "a/b", recent), discovery.ErrName)
	require.ErrorIs(r, c.ClearDrain(r.ctx(), ""), discovery.ErrName)
	require.ErrorContains(r, c.SetDrain(r.ctx(), "a", discovery.Drain{By: strings.Repeat("x", 65)}), "more than 64 bytes")
}

// garbageInMesh: whatever is written by others, it harms nobody else, and is
// replaced as if it were ours.
func garbageInMesh(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	session := r.lead(c, "edge").Session()
	good := discovery.Seats{Servers: []string{"a"}, Score: 5}
	version, err := c.PutSeats(r.ctx(), session, "good", good)
	require.NoError(r, err)
	good.Version = version
	for key, value := range map[string]string{
		".mesh/seats/a b":        "x",
		".mesh/seats/":           "x",
		".mesh/seats/x/y":        "x",
		".mesh/drain/a b":        "x",
		".mesh/unknown":          "of another version",
		".mesh/state":            `{"level":"normal","fidelity":7}`,
		".mesh/drain/odd":        "garbage",
		".mesh/lock":             "x",
		"a b/lock":               "x",
		"-/epoch":                "7",
		"odd/epoch":              "x",
		"odd/insync":             "{}",
		"odd/lock":               strings.Repeat("x", 100_000),
		"unknown/key":            "of another version",
		"lock":                   "x",
		"nested/region/lock":     "of another prefix",
		".mesh/seats/unreadable": `{"servers":["a/b"]}`,
	} {
		r.do(http.MethodPut, strings.ReplaceAll(r.meshKey(key), " ", "%20"), value)
	}
	mesh := v.until("everything", func(m discovery.Mesh) bool {
		odd, ok := m.Regions["odd"]
		_, seats := m.Regions["unreadable"]
		_, good := m.Regions["good"]
		return ok && odd.InSyncKnown && len(m.Draining) == 1 && m.StateAt != 0 && seats && good
	})
	require.Len(r, mesh.Regions, 3)
	require.Equal(r, good, mesh.Region("good").Seats)
	require.Empty(r, mesh.Region("odd").InSync)
	require.Nil(r, mesh.Region("odd").Primary)
	require.Zero(r, mesh.State)
	require.Equal(r, map[string]discovery.Drain{"odd": {}}, mesh.Draining, "the key is the fact")
	unreadable := mesh.Region("unreadable").Seats
	require.Equal(r, discovery.Seats{Version: unreadable.Version}, unreadable)

	_, err = c.PutSeats(r.ctx(), session, "unreadable", unreadable)
	require.NoError(r, err, "of the version that it has")
	_, err = c.PutMeshState(r.ctx(), session, discovery.MeshState{Level: "normal", Fidelity: 1}, mesh.StateAt)
	require.NoError(r, err)
	v.until("a state", func(m discovery.Mesh) bool { return m.State.Level == "normal" })
}

// plannedMove: a primary hands its region to a member of the set. The epoch rises,
// the value says who held the lock, and the set stays as it is.
func plannedMove(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	grant, err := c.TakeOver(r.ctx(), r.region, a.Session(), r.holder("a"), 0)
	require.NoError(r, err)
	_, err = c.ChangeInSync(r.ctx(), r.region, a.Session(), grant.InSyncVersion, []string{r.inc("a"), r.inc("b")})
	require.NoError(r, err)
	lead := r.lead(c, "edge")
	_, err = c.PutSeats(r.ctx(), lead.Session(), r.region, discovery.Seats{Lead: r.inc("b")})
	require.NoError(r, err)
	view := v.until("a wish", func(m discovery.Mesh) bool {
		return m.Region(r.region).Seats.Lead != "" && m.Region(r.region).InSyncKnown
	})
	require.Contains(r, view.Region(r.region).InSync, r.inc("b"))
	require.NoError(r, c.Release(r.ctx(), r.region, a.Session()))
	next, err := c.TakeOver(r.ctx(), r.region, b.Session(), r.holder("b"), 0)
	require.NoError(r, err)
	require.Equal(r, grant.Epoch+1, next.Epoch)
	require.Equal(r, []string{r.inc("a"), r.inc("b")}, next.InSync)
	require.Greater(r, next.InSyncVersion, view.Region(r.region).InSyncVersion)
	view = v.until("both", func(m discovery.Mesh) bool {
		p := m.Region(r.region).Primary
		return p != nil && p.Incarnation == r.inc("b") && len(m.Region(r.region).InSync) == 2
	})
	require.Len(r, view.Region(r.region).Servers, 2)
}
