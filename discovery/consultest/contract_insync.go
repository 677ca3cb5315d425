package consultest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

func inSyncSet(r *rig) {
	c := r.client()
	v := r.watch(c)
	a := r.register(c, "a")
	r.run(a)
	set, err := c.InSync(r.ctx(), r.region)
	require.NoError(r, err)
	require.Equal(r, discovery.InSync{}, set)
	grant, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	require.False(r, grant.InSyncKnown)

	change := func(from discovery.SetVersion, members ...string) (discovery.SetVersion, error) {
		return c.ChangeInSync(r.ctx(), r.region, a.Session(), from, members)
	}
	first, err := change(grant.InSyncVersion, "y", "x", "y")
	require.NoError(r, err)
	view := v.until("a set", func(v discovery.View) bool { return v.InSyncKnown })
	require.Equal(r, []string{"x", "y"}, view.InSync)
	require.Equal(r, first, view.InSyncVersion)

	_, err = change(0, "z")
	require.ErrorIs(r, err, discovery.ErrRaced, "there is a set already")
	second, err := change(first, "x")
	require.NoError(r, err)
	_, err = change(first, "y")
	require.ErrorIs(r, err, discovery.ErrRaced, "the version is old")
	_, err = change(second, "no/name")
	require.ErrorIs(r, err, discovery.ErrName)

	third, err := change(second)
	require.NoError(r, err)
	set, err = c.InSync(r.ctx(), r.region)
	require.NoError(r, err)
	require.Equal(r, discovery.InSync{Members: nil, Version: third, Known: true}, set, "an empty set is one")
	_, err = r.takeOver(c, a, "a", 0)
	require.ErrorIs(r, err, discovery.ErrNotInSync, "and nobody is in it")
}

// droppedBackup is refused, and nothing has changed by that.
func droppedBackup(r *rig) {
	c := r.client()
	a, b, dropped := r.register(c, "a"), r.register(c, "b"), r.register(c, "c")
	for _, reg := range []*discovery.Registration{a, b, dropped} {
		r.run(reg)
	}
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	version, err := c.ChangeInSync(r.ctx(), r.region, a.Session(), 0, []string{r.inc("b"), r.inc("c")})
	require.NoError(r, err)
	version, err = c.ChangeInSync(r.ctx(), r.region, a.Session(), version, []string{r.inc("b")})
	require.NoError(r, err)
	require.NoError(r, c.DestroySession(r.ctx(), a.Session()))

	before := fmt.Sprint(r.get(r.key("lock")), r.get(r.key("epoch")), r.get(r.key("insync")))
	_, err = r.takeOver(c, dropped, "c", 900)
	require.ErrorIs(r, err, discovery.ErrNotInSync)
	require.Equal(r, before, fmt.Sprint(r.get(r.key("lock")), r.get(r.key("epoch")), r.get(r.key("insync"))))

	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
	require.Equal(r, discovery.Grant{
		Epoch: 2, LockModify: grant.LockModify,
		InSync: []string{r.inc("b")}, InSyncKnown: true, InSyncVersion: discovery.SetVersion(grant.LockModify),
	}, grant)
	require.Greater(r, grant.InSyncVersion, version)
}

// deposedPrimary may change nothing, whether the lock is free or another's.
func deposedPrimary(r *rig) {
	c := r.client()
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(b)
	_, err := c.ChangeInSync(r.ctx(), r.region, a.Session(), 0, []string{"x"})
	require.ErrorIs(r, err, discovery.ErrDeposed, "it never was one")
	_, err = r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	require.NoError(r, c.DestroySession(r.ctx(), a.Session()))
	for _, session := range []string{a.Session(), ""} {
		_, err = c.ChangeInSync(r.ctx(), r.region, session, 0, []string{"x"})
		require.ErrorIs(r, err, discovery.ErrDeposed, "the lock is free")
	}
	_, err = r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
	_, err = c.ChangeInSync(r.ctx(), r.region, a.Session(), 0, []string{"x"})
	require.ErrorIs(r, err, discovery.ErrDeposed, "the lock is b's")
	require.Zero(r, r.get(r.key("insync")), "nothing changed")
	_, err = c.ChangeInSync(r.ctx(), r.region, b.Session(), 0, []string{"x"})
	require.NoError(r, err)
}

// publish makes the region's set one of these, as its holder.
func (r *rig) publish(c *discovery.Client, reg *discovery.Registration, from discovery.SetVersion, names ...string) discovery.SetVersion {
	r.Helper()
	members := make([]string, 0, len(names))
	for _, name := range names {
		members = append(members, r.inc(name))
	}
	version, err := c.ChangeInSync(r.ctx(), r.region, reg.Session(), from, members)
	require.NoError(r, err)
	return version
}

// formerLeaves: who held the lock before is not in the set any more when another
// has it, however it lost it. A view never shows the one without the other.
func formerLeaves(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(b)
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	version := r.publish(c, a, 0, "a", "b", "c")
	require.NoError(r, c.DestroySession(r.ctx(), a.Session()))
	view := v.until("a free lock and a set", func(v discovery.View) bool { return v.Primary == nil && v.InSyncKnown })
	require.Equal(r, []string{r.inc("a"), r.inc("b"), r.inc("c")}, view.InSync, "it leaves with the take-over")

	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
	require.Equal(r, []string{r.inc("b"), r.inc("c")}, grant.InSync)
	require.Greater(r, grant.InSyncVersion, version)
	require.Equal(r, uint64(grant.InSyncVersion), r.get(r.key("insync")).ModifyIndex)
	require.Equal(r, grant.LockModify, r.get(r.key("insync")).ModifyIndex, "one transaction")
	view = v.heldBy("b")
	require.Equal(r, grant.InSync, view.InSync)
	require.Equal(r, grant.InSyncVersion, view.InSyncVersion)

	// Who gives it up in good order goes on as a backup.
	require.NoError(r, c.Release(r.ctx(), r.region, b.Session()))
	require.Equal(r, r.inc("b"), r.holderOf(r.get(r.key("lock"))).Incarnation, "the value stays")
	next := r.register(c, "c")
	r.run(next)
	version = grant.InSyncVersion
	grant, err = r.takeOver(c, next, "c", 0)
	require.NoError(r, err)
	require.Equal(r, []string{r.inc("b"), r.inc("c")}, grant.InSync)
	require.Greater(r, grant.InSyncVersion, version, "nobody has left, but what was sent before is of another version")
	_, err = r.takeOver(c, b, "b", 0)
	require.ErrorIs(r, err, discovery.ErrHeld)
	version = r.publish(c, next, grant.InSyncVersion, "b", "c")
	require.Equal(r, grant.InSyncVersion, version, "the version of the grant is the one to change from")
}

// formerUnknown: when nobody knows who held the lock, nobody leaves the set.
func formerUnknown(r *rig) {
	c := r.client()
	reg := r.register(c, "b")
	r.run(reg)
	for _, value := range []string{"", "garbage", `{"incarnation":"no/name"}`, "deleted"} {
		r.do(http.MethodPut, r.key("lock"), value)
		if value == "deleted" {
			r.do(http.MethodDelete, r.key("lock"), nil)
		}
		r.do(http.MethodPut, r.key("insync"), fmt.Sprintf("[%q,%q]", r.inc("a"), r.inc("b")))
		version := discovery.SetVersion(r.get(r.key("insync")).ModifyIndex)
		grant, err := r.takeOver(c, reg, "b", 0)
		require.NoError(r, err, "%q", value)
		require.Equal(r, []string{r.inc("a"), r.inc("b")}, grant.InSync, "%q", value)
		require.Greater(r, grant.InSyncVersion, version)
		require.EqualValues(r, r.get(r.key("insync")).ModifyIndex, grant.InSyncVersion)
		require.NoError(r, c.Release(r.ctx(), r.region, reg.Session()))
	}
}

// clearedSet: the holder makes its region cold, and nobody else does.
func clearedSet(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	clear := func(reg *discovery.Registration, from discovery.SetVersion) error {
		return c.ClearInSync(r.ctx(), r.region, reg.Session(), from)
	}
	require.ErrorIs(r, clear(a, 0), discovery.ErrDeposed, "it is not the holder")
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	require.NoError(r, clear(a, 0), "there is none")
	version := r.publish(c, a, 0, "a")
	for _, old := range []discovery.SetVersion{0, version - 1, version + 1} {
		require.ErrorIs(r, clear(a, old), discovery.ErrRaced)
	}
	require.ErrorIs(r, clear(b, version), discovery.ErrDeposed)
	require.ErrorIs(r, c.ClearInSync(r.ctx(), r.region, "", version), discovery.ErrDeposed)
	require.ErrorIs(r, c.ClearInSync(r.ctx(), "no/such", a.Session(), version), discovery.ErrName)
	require.NotZero(r, r.get(r.key("insync")), "nothing changed")

	require.NoError(r, clear(a, version))
	require.Zero(r, r.get(r.key("insync")))
	v.until("a cold region", func(v discovery.View) bool { return v.Primary != nil && !v.InSyncKnown && v.InSyncVersion == 0 })
	require.NoError(r, clear(a, version), "again, as after a lost answer")
	require.NoError(r, a.Fail(r.ctx(), "test", nil))
	require.ErrorIs(r, clear(a, version), discovery.ErrDeposed)
	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err, "anybody may")
	require.False(r, grant.InSyncKnown)
	require.Zero(r, grant.InSyncVersion)
}

// forcedOpen: a person opens a region that nobody may take over.
func forcedOpen(r *rig) {
	c := r.client()
	force := func() (discovery.InSync, error) { return c.ForceOpen(r.ctx(), r.region) }
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(b)
	set, err := force()
	require.NoError(r, err, "nothing is published")
	require.Zero(r, set)
	_, err = c.ForceOpen(r.ctx(), "no/such")
	require.ErrorIs(r, err, discovery.ErrName)

	_, err = r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	version := r.publish(c, a, 0, "a")
	_, err = force()
	var held *discovery.HeldError
	require.ErrorAs(r, err, &held)
	require.Equal(r, r.inc("a"), held.Holder.Incarnation)
	require.NotZero(r, r.get(r.key("insync")))

	require.NoError(r, c.DestroySession(r.ctx(), a.Session()))
	_, err = r.takeOver(c, b, "b", 0)
	require.ErrorIs(r, err, discovery.ErrNotInSync)
	set, err = force()
	require.NoError(r, err)
	require.Equal(r, discovery.InSync{Members: []string{r.inc("a")}, Version: version, Known: true}, set)
	require.Zero(r, r.get(r.key("insync")))
	set, err = force()
	require.NoError(r, err, "a second time")
	require.Zero(r, set)
	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err)
	require.Equal(r, uint64(2), grant.Epoch)
	require.False(r, grant.InSyncKnown)

	// A set that cannot be read can be forced, even where there is no lock at all.
	require.NoError(r, c.Release(r.ctx(), r.region, b.Session()))
	r.do(http.MethodDelete, r.key("lock"), nil)
	r.do(http.MethodPut, r.key("insync"), "garbage")
	set, err = force()
	require.NoError(r, err)
	require.True(r, set.Known)
	require.Empty(r, set.Members)
	require.Zero(r, r.get(r.key("insync")))
}

// forcedTooLate lets somebody be faster than the person who forces a region open.
func forcedTooLate(r *rig) {
	plain := r.client()
	reg := r.register(plain, "a")
	r.run(reg)
	for name, happens := range map[string]func(){
		"taken for the first time": func() {},
		"taken again":              func() { r.do(http.MethodPut, r.key("lock"), "free") },
	} {
		happens()
		r.do(http.MethodPut, r.key("insync"), fmt.Sprintf("[%q]", r.inc("a")))
		taken := false
		c := r.client(func(cfg *discovery.Config) {
			cfg.Transport = before(r.http.Transport, func(_ *http.Request, body string) {
				if strings.Contains(body, `"delete-cas"`) && !taken {
					taken = true
					_, err := r.takeOver(plain, reg, "a", 0)
					require.NoError(r, err)
				}
			})
		})
		_, err := c.ForceOpen(r.ctx(), r.region)
		require.ErrorIs(r, err, discovery.ErrRaced, name)
		require.NotZero(r, r.get(r.key("insync")), name)
		_, err = c.ForceOpen(r.ctx(), r.region)
		require.ErrorIs(r, err, discovery.ErrHeld, name)
		require.NoError(r, plain.Release(r.ctx(), r.region, reg.Session()))
		r.do(http.MethodDelete, r.key("lock"), nil)
	}
}
