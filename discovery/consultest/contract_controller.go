package consultest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

// after is for what is taken back when the test has ended.
func (r *rig) after() context.Context { return context.WithoutCancel(r.Context()) }

// oneLeads lets three edges race for the controller's lock, ten times.
func oneLeads(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	names := []string{"a", "b", "c"}
	regs := make([]*discovery.Registration, len(names))
	for i, name := range names {
		regs[i] = r.edge(c, name)
		r.run(regs[i])
	}
	for range 10 {
		won := make([]bool, len(names))
		errs := make([]error, len(names))
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i, name := range names {
			wg.Go(func() {
				<-start
				won[i], errs[i] = c.LeadMesh(r.ctx(), regs[i].Session(), r.controller(name))
			})
		}
		close(start)
		wg.Wait()
		require.Equal(r, []error{nil, nil, nil}, errs)
		winner := slices.Index(won, true)
		require.GreaterOrEqual(r, winner, 0)
		require.Equal(r, -1, slices.Index(won[winner+1:], true), "one of them")

		session := regs[winner].Session()
		v.until("a controller", func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Session == session })
		again, err := c.LeadMesh(r.ctx(), session, r.controller(names[winner]))
		require.NoError(r, err)
		require.True(r, again)
		require.ErrorIs(r, c.ResignMesh(r.ctx(), regs[(winner+1)%3].Session()), discovery.ErrDeposed)
		require.NoError(r, c.ResignMesh(r.ctx(), session))
		require.ErrorIs(r, c.ResignMesh(r.ctx(), session), discovery.ErrDeposed, "it has already")
		v.until("no controller", func(m discovery.Mesh) bool { return m.Controller == nil })
	}
	require.ErrorIs(r, c.ResignMesh(r.ctx(), ""), discovery.ErrDeposed)
	_, err := c.LeadMesh(r.ctx(), "", r.controller("a"))
	require.ErrorIs(r, err, discovery.ErrSession)
	_, err = c.LeadMesh(r.ctx(), "11111111-2222-3333-4444-555555555555", r.controller("a"))
	require.ErrorIs(r, err, discovery.ErrSession)
	_, err = c.LeadMesh(r.ctx(), regs[0].Session(), discovery.Controller{Incarnation: "a/b"})
	require.ErrorIs(r, err, discovery.ErrName)
	_, err = c.LeadMesh(r.ctx(), regs[0].Session(), discovery.Controller{Incarnation: "a", Admin: "127.0.0.1:80"})
	require.ErrorContains(r, err, "is not a URL")
}

// edgeDies: nobody but Consul notices, and the lock is free as soon as a server's
// would be.
func edgeDies(r *rig) {
	c := r.client(r.apart, hasty)
	v := r.watchMesh(c)
	reg := r.edge(c, "a")
	r.leads(c, reg, "a")
	v.until("a controller", func(m discovery.Mesh) bool { return m.Controller != nil })
	other := r.edge(c, "b")
	r.run(other)
	won, err := c.LeadMesh(r.ctx(), other.Session(), r.controller("b"))
	require.NoError(r, err)
	require.False(r, won)
	v.until("no controller", func(m discovery.Mesh) bool { return m.Controller == nil })
	took := time.Since(reg.RenewedAt())
	require.GreaterOrEqual(r, took, 3*time.Second, "its TTL")
	require.Less(r, took, 3*time.Second+slack)
	won, err = c.LeadMesh(r.ctx(), other.Session(), r.controller("b"))
	require.NoError(r, err)
	require.True(r, won, "at once: no lock delay")
	edges, err := c.Edges(r.ctx())
	require.NoError(r, err)
	require.Len(r, edges, 2)
	require.False(r, edges[0].Passing)
	require.True(r, edges[1].Passing)
	require.ErrorIs(r, r.ends(r.run(reg)), discovery.ErrSessionLost)
}

// controllerUnknown: whatever stands in the lock, it is held by whom Consul says.
func controllerUnknown(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	reg := r.lead(c, "a")
	for _, value := range []string{"", "garbage", `{"incarnation":"evil","session":"another"}`, `{"session":"` + reg.Session() + `"}`} {
		r.do(http.MethodPut, r.meshKey(".mesh/controller"), value)
		mesh := v.until("an unknown controller", func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Incarnation == "" })
		require.Equal(r, &discovery.Controller{Session: reg.Session()}, mesh.Controller, "%q", value)
		_, err := c.PutMeshState(r.ctx(), reg.Session(), discovery.MeshState{Level: "normal", Fidelity: 1}, mesh.StateAt)
		require.NoError(r, err, "it is the controller still")
		won, err := c.LeadMesh(r.ctx(), reg.Session(), r.controller("a"))
		require.NoError(r, err)
		require.True(r, won)
		v.until("the controller", func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Edge == "a" })
	}
	require.NoError(r, reg.Fail(r.ctx(), "test"))
	v.until("no controller", func(m discovery.Mesh) bool { return m.Controller == nil })
}

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

func edgesOfMesh(r *rig) {
	c := r.client(r.apart)
	edges, err := c.Edges(r.ctx())
	require.NoError(r, err)
	require.Empty(r, edges)
	a := r.edge(c, "a")
	b, err := c.RegisterEdge(r.ctx(), discovery.EdgeServer{Incarnation: r.inc("b"), Address: "[::1]:7000"})
	require.NoError(r, err)
	r.Cleanup(func() { _ = b.Close(r.after()) })
	r.register(c, "a") // a server of the same incarnation is another service
	// Others' services of that name are none of ours.
	r.do(http.MethodPut, "/v1/agent/service/register", object{"ID": r.inc("foreign"), "Name": r.region + "-edge", "Address": "x", "Port": 1})
	r.Cleanup(func() { r.raw(http.MethodPut, "/v1/agent/service/deregister/"+r.inc("foreign"), nil) })

	want := []discovery.EdgeServer{r.edgeServer("a"), {Incarnation: r.inc("b"), Address: "[::1]:7000"}}
	want[0].Passing, want[1].Passing = true, true
	edges, err = c.Edges(r.ctx())
	require.NoError(r, err)
	require.Equal(r, want, edges)
	v := r.watchMesh(c)
	mesh := v.until("the server", func(m discovery.Mesh) bool { return len(m.Servers) > 0 })
	require.Len(r, mesh.Servers, 1, "an edge is no server")

	require.NoError(r, a.Fail(r.ctx(), "test"))
	require.NoError(r, b.Close(r.ctx()))
	want[0].Passing = false
	require.Eventually(r, func() bool {
		edges, err = c.Edges(r.ctx())
		return err == nil && len(edges) == 1 && !edges[0].Passing
	}, patience, 5*time.Millisecond)
	require.Equal(r, want[:1], edges)
	for _, bad := range []discovery.EdgeServer{
		{Address: "h:1"},
		{Incarnation: "i", Address: "h"},
		{Incarnation: "i", Address: "h:1", Regions: []string{"a b"}},
		{Incarnation: "i", Address: "h:1", Name: strings.Repeat("x", 65)},
		{Incarnation: "i", Address: "h:1", Admin: "ftp://h"},
		{Incarnation: "i", Address: "h:1", Admin: "http://" + strings.Repeat("x", 512)},
	} {
		_, err = c.RegisterEdge(r.ctx(), bad)
		require.Error(r, err, "%+v", bad)
	}
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
// the value says who held the lock, and it leaves the set as any former holder does.
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
	require.Equal(r, []string{r.inc("b")}, next.InSync)
	_, err = c.ChangeInSync(r.ctx(), r.region, b.Session(), next.InSyncVersion, []string{r.inc("a"), r.inc("b")})
	require.NoError(r, err, "it may come back as it is")
	view = v.until("both", func(m discovery.Mesh) bool {
		p := m.Region(r.region).Primary
		return p != nil && p.Incarnation == r.inc("b") && len(m.Region(r.region).InSync) == 2
	})
	require.Len(r, view.Region(r.region).Servers, 2)
}
