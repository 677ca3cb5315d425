package consultest

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// apart gives a client a mesh of the rig's own, though the registry is shared.
func (r *rig) apart(cfg *discovery.Config) { cfg.Prefix, cfg.Service = "mesh-of-"+r.region, r.region }

func (r *rig) meshKey(name string) string { return "/v1/kv/mesh-of-" + r.region + "/" + name }

// meshViewer takes the Meshes of a watch that runs.
type meshViewer struct {
	*rig
	watch  *discovery.MeshWatch
	meshes <-chan discovery.Mesh
}

func (r *rig) watchMesh(c *discovery.Client) *meshViewer {
	w := c.WatchMesh()
	meshes, _ := w.Subscribe()
	background(r, w.Run)
	return &meshViewer{r, w, meshes}
}

func (v *meshViewer) until(what string, good func(discovery.Mesh) bool) discovery.Mesh {
	v.Helper()
	return await(v.rig, v.meshes, what, good)
}

// edge registers an edge and takes it out at the end.
func (r *rig) edge(c *discovery.Client, name string) *discovery.Registration {
	r.Helper()
	reg, err := c.RegisterEdge(r.ctx(), r.edgeServer(name))
	require.NoError(r, err)
	r.Cleanup(func() { _ = reg.Close(r.after()) })
	return reg
}

func (r *rig) edgeServer(name string) discovery.EdgeServer {
	return discovery.EdgeServer{
		Incarnation: r.inc(name), Name: name, Address: "127.0.0.1:7000", Admin: "http://127.0.0.1:7070",
		Regions: []string{r.region},
	}
}

func (r *rig) controller(name string) discovery.Controller {
	return discovery.Controller{
		Edge: name, Incarnation: r.inc(name), Admin: "http://127.0.0.1:7070", Since: time.Unix(1_700_000_000, 0).UTC(),
	}
}

// lead registers an edge that is the controller, and runs.
func (r *rig) lead(c *discovery.Client, name string) *discovery.Registration {
	r.Helper()
	reg := r.edge(c, name)
	r.run(reg)
	r.leads(c, reg, name)
	return reg
}

func (r *rig) leads(c *discovery.Client, reg *discovery.Registration, name string) {
	r.Helper()
	won, err := c.LeadMesh(r.ctx(), reg.Session(), r.controller(name))
	require.NoError(r, err)
	require.True(r, won)
}

// meshRegions: which regions there are, and which servers each is about.
func meshRegions(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	empty := v.until("nothing", func(discovery.Mesh) bool { return true })
	require.Empty(r, empty.Regions)
	require.Empty(r, empty.Servers)

	servers := map[string]discovery.Server{}
	regs := map[string]*discovery.Registration{}
	for name, regions := range map[string][]string{"a": {"east", "west"}, "b": {"east"}, "p": nil, "q": nil, "r": nil} {
		s := r.server(name)
		s.Regions, s.Pool = regions, regions == nil
		reg, err := c.Register(r.ctx(), s)
		require.NoError(r, err)
		r.Cleanup(func() { _ = reg.Close(r.after()) })
		r.run(reg)
		s.Passing = true
		regs[name], servers[name] = reg, s
	}
	about := func(names ...string) (list []discovery.Server) {
		for _, name := range names {
			list = append(list, servers[name])
		}
		return list
	}
	lead := r.lead(c, "edge")
	seats := discovery.Seats{Servers: []string{r.inc("p"), r.inc("gone")}, Lead: r.inc("b"), Score: 1 << 63}
	version, err := c.PutSeats(r.ctx(), lead.Session(), "east", seats)
	require.NoError(r, err)
	_, err = c.PutSeats(r.ctx(), lead.Session(), "seated", discovery.Seats{})
	require.NoError(r, err)
	grant, err := c.TakeOver(r.ctx(), "west", regs["q"].Session(), r.holder("q"), 0)
	require.NoError(r, err)
	_, err = c.ChangeInSync(r.ctx(), "west", regs["q"].Session(), 0, []string{r.inc("q"), r.inc("r"), r.inc("gone")})
	require.NoError(r, err)
	_, err = c.TakeOver(r.ctx(), "cold", regs["r"].Session(), r.holder("r"), 0)
	require.NoError(r, err)

	mesh := v.until("everything", func(m discovery.Mesh) bool { return len(m.Regions) == 4 && len(m.Servers) == 5 })
	require.Equal(r, []string{"cold", "east", "seated", "west"}, slices.Sorted(maps.Keys(mesh.Regions)))
	require.Equal(r, about("a", "b", "p", "q", "r"), mesh.Servers)
	want := r.controller("edge")
	want.Session = lead.Session()
	require.Equal(r, &want, mesh.Controller)

	east := mesh.Region("east")
	require.Equal(r, about("a", "b", "p"), east.Servers, "its own, and the seated one that is there")
	seats.Servers, seats.Version = []string{r.inc("gone"), r.inc("p")}, version
	require.Equal(r, seats, east.Seats)
	require.Nil(r, east.Primary)
	west := mesh.Region("west")
	require.Equal(r, about("a", "q", "r"), west.Servers, "its own, the holder, the member that is there")
	require.Equal(r, grant.Epoch, west.Epoch)
	require.Equal(r, r.inc("q"), west.Primary.Incarnation)
	require.Equal(r, []string{r.inc("gone"), r.inc("q"), r.inc("r")}, west.InSync)
	require.Zero(r, west.Seats)
	require.Equal(r, about("r"), mesh.Region("cold").Servers)
	require.Empty(r, mesh.Region("seated").Servers)
	require.Equal(r, "none", mesh.Region("none").Region)

	require.NoError(r, regs["p"].Close(r.ctx()))
	v.until("no seated one", func(m discovery.Mesh) bool { return len(m.Region("east").Servers) == 2 })
	require.LessOrEqual(r, c.Stats().Blocking, int64(2), "two queries for all")
}

// meshSubscribers: each sees the latest and no more; a region's only its own.
func meshSubscribers(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	east, _ := v.watch.Region("east")
	west, stop := v.watch.Region("west")
	v.until("nothing", func(discovery.Mesh) bool { return true })
	first := await(r, east, "nothing", func(discovery.View) bool { return true })
	require.Equal(r, discovery.View{Region: "east", At: first.At}, first)
	await(r, west, "nothing", func(discovery.View) bool { return true })

	reg := r.register(c, "a")
	r.run(reg)
	var epoch uint64
	for range 10 {
		grant, err := c.TakeOver(r.ctx(), "east", reg.Session(), r.holder("a"), 0)
		require.NoError(r, err)
		epoch = grant.Epoch
	}
	at := func(m discovery.Mesh) bool { return m.Region("east").Epoch == epoch && len(m.Servers) == 1 }
	v.until("the last epoch", at)
	await(r, east, "the last epoch", func(v discovery.View) bool { return v.Epoch == epoch && len(v.Servers) == 1 })
	require.Empty(r, east, "one is enough")
	require.Empty(r, west, "it is of no concern to the other region")

	late, stopLate := v.watch.Subscribe()
	require.True(r, at(<-late), "a new one is told at once")
	lateEast, _ := v.watch.Region("east")
	require.Equal(r, epoch, (<-lateEast).Epoch)
	stop()
	stopLate()
	stopLate()
	grant, err := c.TakeOver(r.ctx(), "west", reg.Session(), r.holder("a"), 0)
	require.NoError(r, err)
	v.until("the other region", func(m discovery.Mesh) bool { return m.Region("west").Epoch == grant.Epoch })
	require.Empty(r, west, "stopped")
	require.Empty(r, late, "stopped")
	require.Empty(r, east)
}

// rawListing: one blocking query on a prefix is told of every key below it, of what
// is deleted too.
func rawListing(r *rig) {
	index := func() uint64 {
		r.Helper()
		at, _ := r.ask("/v1/kv/"+r.region+"/?recurse&", 0, "1s")
		return at
	}
	r.do(http.MethodPut, "/v1/kv/"+r.region+"/east/lock", "1")
	r.do(http.MethodPut, "/v1/kv/"+r.region+".other/east/lock", "1")
	session := r.plain()
	for _, change := range []struct {
		method, path string
		told         bool
	}{
		{http.MethodPut, r.region + "/west/lock", true},
		{http.MethodPut, r.region + "/.mesh/seats/west", true},
		{http.MethodPut, r.region + "/.mesh/controller?acquire=" + session, true},
		{http.MethodDelete, r.region + "/.mesh/seats/west", true},
		{http.MethodPut, r.region + ".other/west/lock", false},
	} {
		before := index()
		r.do(change.method, "/v1/kv/"+change.path, "2")
		if change.told {
			require.NotEqual(r, before, index(), change.path)
		} else {
			require.Equal(r, before, index(), change.path)
		}
	}
	before := index()
	r.do(http.MethodPut, "/v1/session/destroy/"+session, nil)
	require.NotEqual(r, before, index(), "a session that falls changes its lock")
}

// meshInTrouble: it is marked stale, keeps what it said, and becomes fresh with
// what has changed meanwhile. What is hidden is never taken for what is not there.
func meshInTrouble(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	region, _ := v.watch.Region(r.region)
	r.run(r.register(c, "a"))
	lead := r.lead(c, "edge")
	version, err := c.PutSeats(r.ctx(), lead.Session(), r.region, discovery.Seats{Score: 1})
	require.NoError(r, err)
	v.until("seats and a server", func(m discovery.Mesh) bool { return m.Region(r.region).Seats.Score == 1 && len(m.Servers) == 1 })
	score := uint64(1)
	for _, fault := range []devconsul.Fault{
		devconsul.NoLeader, devconsul.Hang, devconsul.Empty, devconsul.Cut, devconsul.Forbidden, devconsul.Filtered,
	} {
		broken := time.Now()
		r.reg.Faults.Break(fault, keysOnly)
		stale := v.until("a mark of being stale", func(m discovery.Mesh) bool { return m.Stale })
		require.False(r, stale.Since.Before(broken))
		require.Equal(r, lead.Session(), stale.Controller.Session)
		require.Equal(r, score, stale.Region(r.region).Seats.Score)
		require.Len(r, stale.Region(r.region).Servers, 1)
		await(r, region, "a mark of being stale", func(v discovery.View) bool { return v.Stale })

		score++
		version, err = c.PutSeats(r.ctx(), lead.Session(), r.region, discovery.Seats{Score: score, Version: version})
		require.NoError(r, err)
		r.reg.Faults.Heal()
		fresh := v.until("the news", func(m discovery.Mesh) bool { return !m.Stale && m.Region(r.region).Seats.Score == score })
		require.Zero(r, fresh.Since)
	}
	for _, fault := range []devconsul.Fault{devconsul.Filtered, devconsul.Hidden} {
		denied := c.Stats().Errors["access"]
		r.reg.Faults.Break(fault, nil)
		blind := r.watchMesh(c)
		require.Eventually(r, func() bool { return c.Stats().Errors["access"] >= denied+4 }, patience, 5*time.Millisecond)
		require.Empty(r, blind.meshes, "nothing rather than a mesh of nothing")
		_, err := c.Edges(r.ctx())
		require.ErrorIs(r, err, discovery.ErrAccess)
		r.reg.Faults.Heal()
		blind.until("everything", func(m discovery.Mesh) bool { return len(m.Servers) == 1 && m.Controller != nil })
	}
}

// meshWiped: a Consul that knows nothing has no controller, seats or drains, and
// whoever leads puts them there again.
func meshWiped(r *rig) {
	c := r.client(r.apart)
	v := r.watchMesh(c)
	lead := r.edge(c, "edge")
	ended := r.run(lead)
	r.leads(c, lead, "edge")
	_, err := c.PutSeats(r.ctx(), lead.Session(), "east", discovery.Seats{Score: 7})
	require.NoError(r, err)
	require.NoError(r, c.SetDrain(r.ctx(), "x", discovery.Drain{By: "operator"}))
	full := func(m discovery.Mesh) bool {
		return !m.Stale && m.Controller != nil && m.Region("east").Seats.Score == 7 && len(m.Draining) == 1
	}
	v.until("everything", full)
	r.reg.Wipe()
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
	v.until("nothing", func(m discovery.Mesh) bool {
		return !m.Stale && m.Controller == nil && len(m.Regions) == 0 && len(m.Draining) == 0
	})
	again := r.lead(c, "edge")
	_, err = c.PutSeats(r.ctx(), again.Session(), "east", discovery.Seats{Score: 7})
	require.NoError(r, err)
	require.NoError(r, c.SetDrain(r.ctx(), "x", discovery.Drain{By: "operator"}))
	v.until("everything", full)
}
