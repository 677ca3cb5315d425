package consultest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

// The tests of this file are about what others do to keys, services and checks
// that are ours.

func plainWriteOverLock(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	former := r.holderOf(r.get(r.key("lock")))
	require.Equal(r, a.Session(), former.Session)

	for _, value := range []string{"garbage", `{"incarnation":"evil","address":"x","epoch":9,"session":"another"}`, `{}`, `[]`, ""} {
		r.do(http.MethodPut, r.key("lock"), value)
		view := v.until("an unknown holder", func(v discovery.View) bool {
			return v.Primary != nil && v.Primary.Incarnation == ""
		})
		require.Equal(r, discovery.Holder{Session: a.Session()}, *view.Primary, "%q: the session holds it still", value)
		_, err = r.takeOver(c, b, "b", 0)
		require.ErrorIs(r, err, discovery.ErrHeld)
		_, err = r.takeOver(c, a, "a", 0)
		require.NoError(r, err, "the holder may write it again")
		v.heldBy("a")
	}
	require.NoError(r, a.Close(r.ctx()))
	v.free()
	_, err = r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
}

// foreignHolder: another program has locked the key. It is held, by nobody known,
// and a witness can end that session as any other.
func foreignHolder(r *rig) {
	c := r.client()
	v := r.watch(c)
	a := r.register(c, "a")
	r.run(a)
	other := r.plain()
	require.Equal(r, "true", r.do(http.MethodPut, r.key("lock")+"?acquire="+other, `{"incarnation":"`+r.inc("a")+`","epoch":5}`))
	view := v.until("a holder", func(v discovery.View) bool { return v.Primary != nil })
	require.Equal(r, discovery.Holder{Session: other}, *view.Primary, "it does not name its session, so who it names is not believed")
	require.Equal(r, uint64(5), view.Epoch, "but an epoch counts wherever it stands")
	_, err := r.takeOver(c, a, "a", 0)
	require.ErrorIs(r, err, discovery.ErrHeld)
	_, err = c.ForceOpen(r.ctx(), r.region)
	require.ErrorIs(r, err, discovery.ErrHeld)
	require.NoError(r, c.DestroySession(r.ctx(), view.Primary.Session))
	v.free()
	grant, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	require.Equal(r, uint64(6), grant.Epoch)
}

// foreignServices: things registered under our service's name which are none of ours.
func foreignServices(r *rig) {
	c := r.client()
	v := r.watch(c)
	ours := r.server("ours")
	meta := func(incarnation string) object { return object{"reseat-incarnation": incarnation} }
	for i, service := range []object{
		{},
		{"ID": "reseat-" + r.inc("bare"), "Meta": meta(r.inc("bare"))},
		{"ID": "reseat-" + r.inc("no-port"), "Address": "127.0.0.1", "Meta": meta(r.inc("no-port"))},
		{"ID": "reseat-" + r.inc("no-address"), "Port": 7001, "Meta": meta(r.inc("no-address"))},
		{"ID": r.inc("other-id"), "Address": "127.0.0.1", "Port": 7001, "Meta": meta(ours.Incarnation)},
		{"ID": "reseat-no/name", "Address": "127.0.0.1", "Port": 7001, "Meta": meta("no/name")},
	} {
		id := object{"ID": fmt.Sprint(r.inc("foreign"), i), "Name": "reseat-game", "Tags": []string{r.region}}
		maps.Copy(id, service)
		r.do(http.MethodPut, "/v1/agent/service/register", id)
		r.Cleanup(func() { r.raw(http.MethodPut, "/v1/agent/service/deregister/"+url.PathEscape(id["ID"].(string)), nil) })
	}
	r.register(c, "ours")
	view := v.until("our server", func(v discovery.View) bool { return len(v.Servers) > 0 })
	ours.Passing = true
	require.Equal(r, []discovery.Server{ours}, view.Servers)
}

// flapping: a check that comes and goes leaves the view with how it is at last,
// and costs the lock only when it was critical.
func flapping(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	ended := r.run(reg)
	grant, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	passing := func(v discovery.View) bool { return len(v.Servers) == 1 && v.Servers[0].Passing }
	for range 20 {
		r.setCheck("warning")
		r.setCheck("passing")
	}
	view := v.until("a passing server", func(v discovery.View) bool { return passing(v) && v.Primary != nil })
	require.Equal(r, grant.Epoch, view.Epoch)
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
	require.Empty(r, ended)
	for range 20 {
		r.setCheck("critical")
		r.setCheck("passing")
	}
	r.setCheck("critical") // an agent tells its servers the latest, and may leave out what was between
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
	v.free()
	r.setCheck("passing")
	// What was between may never have been seen, so that the last view taken may be this one.
	r.watch(c).until("a passing server and a free lock", func(v discovery.View) bool { return passing(v) && v.Primary == nil })
}

func lockDeleted(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	endedA := r.run(a)
	r.run(b)
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	r.do(http.MethodDelete, r.key("lock"), nil)
	require.Equal(r, uint64(1), v.free().Epoch)
	_, err = c.ChangeInSync(r.ctx(), r.region, a.Session(), 0, []string{"x"})
	require.ErrorIs(r, err, discovery.ErrDeposed)
	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
	require.Equal(r, uint64(2), grant.Epoch, "a's session lives on, and the epoch tells them apart")
	v.heldBy("b")
	select {
	case err := <-endedA:
		r.Fatalf("a's session lives, but: %v", err)
	default:
	}
}

func garbageInKeys(r *rig) {
	c := r.client()
	v := r.watch(c)
	a := r.register(c, "a")
	r.run(a)
	for _, value := range []string{"", "-1", "12x", "4611686018427387904", "99999999999999999999999"} {
		r.do(http.MethodPut, r.key("epoch"), value)
		grant, err := r.takeOver(c, a, "a", 6)
		require.NoError(r, err)
		require.GreaterOrEqual(r, grant.Epoch, uint64(7), "%q counts as none", value)
	}
	r.do(http.MethodPut, r.key("unknown"), "of another version")
	for _, value := range []string{"x", `{"a":1}`, `["no/name"]`} {
		r.do(http.MethodPut, r.key("insync"), value)
		view := v.until("a set", func(v discovery.View) bool {
			return v.InSyncKnown && v.InSyncVersion == discovery.SetVersion(r.get(r.key("insync")).ModifyIndex)
		})
		require.Empty(r, view.InSync, "%q counts as a set of nobody", value)
		_, err := r.takeOver(c, a, "a", 0)
		require.ErrorIs(r, err, discovery.ErrNotInSync)
	}
}
