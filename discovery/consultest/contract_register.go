package consultest

import (
	"encoding/json"
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
	require.NoError(r, reg.Fail(r.ctx(), "game_exit", nil))
	v.until("a failing server, and why", func(v discovery.View) bool {
		return len(v.Servers) == 1 && !v.Servers[0].Passing && v.Servers[0].Fault == "game_exit"
	})

	again := r.register(c, "a")
	require.NotEqual(r, reg.Session(), again.Session())
	v.until("a passing server", func(v discovery.View) bool {
		return len(v.Servers) == 1 && v.Servers[0].Passing && v.Servers[0].Fault == ""
	})
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
	v.all("a")
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
	free := v.until("a lock that is free again", func(v discovery.View) bool { return v.Epoch == 1 && v.Primary == nil })
	for _, s := range free.Servers {
		require.Empty(r, s.Fault, "what Consul notes is no word of the sidecar's")
	}
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

// setCheck sets the check of incarnation a, as any other program could.
func (r *rig) setCheck(status string) {
	r.Helper()
	r.do(http.MethodPut, "/v1/agent/check/update/beat:reseat-"+r.inc("a"), map[string]string{"Status": status})
}

func criticalFreesLock(r *rig) {
	lostBy(r, func(*discovery.Client, *discovery.Registration) { r.setCheck("critical") })
}

func warningDoesNot(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	r.setCheck("warning")
	view := v.until("a warning", func(v discovery.View) bool { return len(v.Servers) == 1 && !v.Servers[0].Passing })
	require.NotNil(r, view.Primary)
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
}

func failFreesLock(r *rig) {
	lostBy(r, func(_ *discovery.Client, reg *discovery.Registration) {
		require.NoError(r, reg.Fail(r.ctx(), "the game has ended", nil))
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

// sameAfterWipe: Consul has lost service, session and keys, and is another server
// now. The primary is none the worse for it: it registers itself in place, takes
// over with its own epoch as the floor, and publishes its set anew.
func sameAfterWipe(r *rig) {
	c := r.client()
	v := r.watch(c)
	former := r.register(c, "a")
	ended := r.run(former)
	first, err := r.takeOver(c, former, "a", 6)
	require.NoError(r, err)
	r.publish(c, former, first.InSyncVersion, "a", "b")
	node := r.node()
	r.reg.Wipe()
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
	require.NotEqual(r, node, r.node(), "another server")

	began := time.Now()
	reg := r.inPlace(c, former, began)
	grant, err := r.takeOver(c, reg, "a", first.Epoch)
	require.NoError(r, err)
	require.Equal(r, first.Epoch+1, grant.Epoch)
	require.False(r, grant.InSyncKnown, "for a Consul that knows nothing the region is cold")
	r.publish(c, reg, grant.InSyncVersion, "a", "b")
	v.until("everything as before", func(v discovery.View) bool {
		return !v.Stale && v.Epoch == grant.Epoch && v.Primary != nil && v.Primary.Session == reg.Session() &&
			len(v.InSync) == 2 && len(v.Servers) == 1 && v.Servers[0].Passing
	})
}

// sameAfterRestart: nobody beats while Consul is away and for a while afterwards,
// so that check and session fall. Everything else is still there.
func sameAfterRestart(r *rig) {
	c := r.client(hasty)
	v := r.watch(c)
	former := r.register(c, "a")
	first, err := r.takeOver(c, former, "a", 0)
	require.NoError(r, err)
	_ = r.publish(c, former, first.InSyncVersion, "a", "b")
	v.heldBy("a")
	r.reg.Restart()
	v.until("a free lock and a failing server", func(v discovery.View) bool {
		return v.Primary == nil && !v.Stale && len(v.Servers) == 1 && !v.Servers[0].Passing
	})
	require.ErrorIs(r, r.ends(r.run(former)), discovery.ErrSessionLost)

	began := time.Now()
	reg := r.inPlace(c, former, began)
	grant, err := r.takeOver(c, reg, "a", first.Epoch)
	require.NoError(r, err)
	require.Equal(r, discovery.Grant{
		Epoch: first.Epoch + 1, LockModify: grant.LockModify,
		InSync: []string{r.inc("a"), r.inc("b")}, InSyncKnown: true, InSyncVersion: discovery.SetVersion(grant.LockModify),
	}, grant, "it is the former holder itself, and stays in the set")
	v.until("everything as before", func(v discovery.View) bool {
		return v.Primary != nil && v.Primary.Session == reg.Session() && v.InSyncVersion == grant.InSyncVersion &&
			len(v.Servers) == 1 && v.Servers[0].Passing
	})
}

// inPlace registers a's incarnation again, whose session is lost, and lets it run.
// Its lease is its own.
func (r *rig) inPlace(c *discovery.Client, former *discovery.Registration, began time.Time) *discovery.Registration {
	r.Helper()
	old := former.RenewedAt()
	reg := r.register(c, "a")
	require.NotEqual(r, former.Session(), reg.Session())
	require.False(r, reg.RenewedAt().Before(began), "the lease starts anew")
	ended := r.run(reg)
	first := reg.RenewedAt()
	require.Eventually(r, func() bool { return reg.RenewedAt().After(first) }, patience, 10*time.Millisecond)
	require.Equal(r, old, former.RenewedAt(), "and the former one is over")
	select {
	case err := <-ended:
		r.Fatalf("it has ended: %v", err)
	default:
	}
	return reg
}

// node is the ID of the only node.
func (r *rig) node() string {
	r.Helper()
	var list []struct{ Node struct{ ID string } }
	answer := r.do(http.MethodGet, "/v1/health/service/reseat-game", nil)
	require.NoError(r, json.Unmarshal([]byte(answer), &list))
	if len(list) == 0 {
		return ""
	}
	return list[0].Node.ID
}
