package consultest

import (
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

func serverIsSeen(r *rig) {
	c := r.client()
	v := r.watch(c)
	v.until("nothing", func(v discovery.View) bool { return len(v.Servers) == 0 })

	want := r.server("a")
	want.Regions = []string{"other." + r.region, r.region}
	reg, err := c.Register(r.ctx(), want)
	require.NoError(r, err)
	view := v.until("a server", func(v discovery.View) bool { return len(v.Servers) == 1 })
	want.Regions = []string{r.region, "other." + r.region}
	if want.Regions[0] > want.Regions[1] {
		want.Regions[0], want.Regions[1] = want.Regions[1], want.Regions[0]
	}
	want.Passing = true
	require.Equal(r, []discovery.Server{want}, view.Servers)
	require.Nil(r, view.Primary)
	require.False(r, view.InSyncKnown)
	require.WithinDuration(r, time.Now(), reg.RenewedAt(), slack)

	other := r.register(c, "b")
	v.until("two servers in order", func(v discovery.View) bool {
		return len(v.Servers) == 2 && v.Servers[0].Incarnation < v.Servers[1].Incarnation
	})
	require.NotEqual(r, reg.Session(), other.Session())

	require.NoError(r, reg.Close(r.ctx()))
	v.until("one server", func(v discovery.View) bool {
		return len(v.Servers) == 1 && v.Servers[0].Incarnation == r.inc("b")
	})
	require.NoError(r, reg.Close(r.ctx()), "a second time")
	require.NoError(r, reg.Run(r.ctx()), "after Close")
}

// registeredAgain: the service of that ID is still there, with a critical check.
func registeredAgain(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	require.NoError(r, reg.Fail(r.ctx(), "test"))
	v.until("a failing server", func(v discovery.View) bool { return len(v.Servers) == 1 && !v.Servers[0].Passing })

	again := r.register(c, "a")
	require.NotEqual(r, reg.Session(), again.Session())
	v.until("a passing server", func(v discovery.View) bool { return len(v.Servers) == 1 && v.Servers[0].Passing })
	_, err := r.takeOver(c, again, "a", 0)
	require.NoError(r, err)
}

func beatsKeepLock(r *rig) {
	c := r.client(hasty)
	v := r.watch(c)
	reg := r.register(c, "a")
	ended := r.run(reg)
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	first := reg.RenewedAt()
	select {
	case <-time.After(7 * time.Second): // twice the TTL, and more
	case err := <-ended:
		require.NoError(r, err)
	}
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
	require.Greater(r, reg.RenewedAt().Sub(first), 3*time.Second)
	require.Empty(r, v.views, "no view without news")
}

// checkTTLFreesLock is the backstop that needs nobody's judgement.
func checkTTLFreesLock(r *rig) {
	c := r.client(hasty)
	v := r.watch(c)
	reg := r.register(c, "a")
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	v.until("a lock that is free again", func(v discovery.View) bool { return v.Epoch == 1 && v.Primary == nil })
	took := time.Since(reg.RenewedAt())
	r.Logf("free %v after the last beat", took)
	require.GreaterOrEqual(r, took, 3*time.Second, "its TTL")
	require.Less(r, took, 3*time.Second+slack, "the session's own TTL is much longer")
	require.ErrorIs(r, r.ends(r.run(reg)), discovery.ErrSessionLost)
}

// lostBy takes over, does what should free the lock, and waits for everybody to notice.
func lostBy(r *rig, do func(*discovery.Client, *discovery.Registration)) {
	r.Helper()
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	ended := r.run(reg)
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	began := time.Now()
	do(c, reg)
	v.free()
	r.Logf("seen free %v later", time.Since(began))
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
}

func (r *rig) setCheck(incarnation, status string) {
	r.Helper()
	r.do(http.MethodPut, "/v1/agent/check/update/beat:reseat-"+r.inc(incarnation), map[string]string{"Status": status})
}

func criticalFreesLock(r *rig) {
	lostBy(r, func(*discovery.Client, *discovery.Registration) { r.setCheck("a", "critical") })
}

func warningDoesNot(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	r.setCheck("a", "warning")
	view := v.until("a warning", func(v discovery.View) bool { return len(v.Servers) == 1 && !v.Servers[0].Passing })
	require.NotNil(r, view.Primary)
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
}

func failFreesLock(r *rig) {
	lostBy(r, func(_ *discovery.Client, reg *discovery.Registration) {
		require.NoError(r, reg.Fail(r.ctx(), "the game has ended"))
	})
}

func deregisterFreesLock(r *rig) {
	lostBy(r, func(*discovery.Client, *discovery.Registration) {
		r.do(http.MethodPut, "/v1/agent/service/deregister/reseat-"+r.inc("a"), nil)
	})
}

func destroyedSession(r *rig) {
	lostBy(r, func(c *discovery.Client, reg *discovery.Registration) {
		require.NoError(r, c.DestroySession(r.ctx(), reg.Session()))
		require.NoError(r, c.DestroySession(r.ctx(), reg.Session()), "one that is gone")
	})
}
