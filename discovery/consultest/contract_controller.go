package consultest

import (
	"context"
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
	require.NoError(r, reg.Fail(r.ctx(), "test", nil))
	v.until("no controller", func(m discovery.Mesh) bool { return m.Controller == nil })
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

	require.NoError(r, a.Fail(r.ctx(), "test", nil))
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
