package consultest

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

// oneOfThree lets three candidates race, from the same moment, ten times.
func oneOfThree(r *rig) {
	names := []string{"a", "b", "c"}
	clients := make([]*discovery.Client, len(names))
	regs := make([]*discovery.Registration, len(names))
	for i, name := range names {
		clients[i] = r.client()
		regs[i] = r.register(clients[i], name)
		r.run(regs[i])
	}
	for round := uint64(1); round <= 10; round++ {
		grants := make([]discovery.Grant, len(names))
		errs := make([]error, len(names))
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i, name := range names {
			wg.Go(func() {
				<-start
				grants[i], errs[i] = r.takeOver(clients[i], regs[i], name, 0)
			})
		}
		close(start)
		wg.Wait()

		winner := slices.Index(errs, nil)
		require.GreaterOrEqual(r, winner, 0, "nobody won: %v", errs)
		for i, err := range errs {
			if i != winner {
				require.ErrorIs(r, err, discovery.ErrHeld)
			}
		}
		require.Equal(r, round, grants[winner].Epoch)
		lock := r.get(r.key("lock"))
		require.Equal(r, regs[winner].Session(), lock.Session)
		require.Equal(r, lock.ModifyIndex, grants[winner].LockModify)
		require.NoError(r, clients[winner].Release(r.ctx(), r.region, regs[winner].Session()))
	}
}

func epochsRise(r *rig) {
	c := r.client()
	v := r.watch(c)
	regs := map[string]*discovery.Registration{"a": r.register(c, "a"), "b": r.register(c, "b")}
	for _, reg := range regs {
		r.run(reg)
	}
	var last uint64
	for i := range 20 {
		name := []string{"a", "b"}[i%2]
		grant, err := r.takeOver(c, regs[name], name, 0)
		require.NoError(r, err)
		require.Greater(r, grant.Epoch, last)
		last = grant.Epoch
		view := v.heldBy(name)
		require.Equal(r, last, view.Epoch)
		require.Equal(r, last, view.Primary.Epoch)
		require.Equal(r, regs[name].Session(), view.Primary.Session)
		require.Equal(r, "00-trace", view.Primary.Trace)
		require.NoError(r, c.Release(r.ctx(), r.region, regs[name].Session()))
		require.Equal(r, last, v.free().Epoch, "the epoch outlives its holder")
	}
}

func floorIsRespected(r *rig) {
	c := r.client()
	reg := r.register(c, "a")
	r.run(reg)
	for _, step := range []struct{ floor, want uint64 }{{41, 42}, {7, 43}, {43, 44}, {1000, 1001}} {
		grant, err := r.takeOver(c, reg, "a", step.floor)
		require.NoError(r, err)
		require.Equal(r, step.want, grant.Epoch)
	}
	require.Equal(r, "1001", string(r.get(r.key("epoch")).Value))
	_, err := r.takeOver(c, reg, "a", math.MaxUint64)
	require.ErrorIs(r, err, discovery.ErrEpoch)

	// What the last holder wrote counts even when the epoch key is gone.
	r.do(http.MethodDelete, r.key("epoch"), nil)
	grant, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	require.Equal(r, uint64(1002), grant.Epoch)
}

func heldTellsWho(r *rig) {
	c := r.client()
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	grant, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	before := r.get(r.key("epoch"))

	_, err = r.takeOver(c, b, "b", 500)
	var held *discovery.HeldError
	require.ErrorAs(r, err, &held)
	require.ErrorIs(r, err, discovery.ErrHeld)
	want := r.holder("a")
	want.Session, want.Epoch = a.Session(), grant.Epoch
	require.Equal(r, want, held.Holder)
	require.Equal(r, before, r.get(r.key("epoch")), "nothing changed")
}

func takenAgain(r *rig) {
	c := r.client()
	reg := r.register(c, "a")
	r.run(reg)
	first, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	second, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	require.Greater(r, second.Epoch, first.Epoch)
	require.Greater(r, second.LockModify, first.LockModify)
}

func unknownSession(r *rig) {
	c := r.client()
	reg := r.register(c, "a")
	require.NoError(r, c.DestroySession(r.ctx(), reg.Session()))
	_, err := r.takeOver(c, reg, "a", 0)
	require.ErrorIs(r, err, discovery.ErrSession)
	_, err = c.TakeOver(r.ctx(), r.region, "", r.holder("a"), 0)
	require.ErrorIs(r, err, discovery.ErrSession)
	_, err = c.TakeOver(r.ctx(), "no/such", reg.Session(), r.holder("a"), 0)
	require.ErrorIs(r, err, discovery.ErrName)
	require.Zero(r, r.get(r.key("lock")), "nothing changed")
	require.Zero(r, r.get(r.key("epoch")))
}

func releaseFrees(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	require.ErrorIs(r, c.Release(r.ctx(), r.region, a.Session()), discovery.ErrDeposed, "there is no lock yet")
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	require.ErrorIs(r, c.Release(r.ctx(), r.region, b.Session()), discovery.ErrDeposed, "it is not b's")
	require.NoError(r, c.Release(r.ctx(), r.region, a.Session()))
	v.free()
	grant, err := r.takeOver(c, b, "b", 0)
	require.NoError(r, err, "at once: no lock delay")
	require.True(r, grant.Yielded, "in good order")
	require.False(r, v.heldBy("b").Primary.Yielded)
	require.NoError(r, c.DestroySession(r.ctx(), b.Session()))
	v.free()
	grant, err = r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	require.False(r, grant.Yielded, "b did not give it up")
}

// racedTakeOver changes a key between the read and the transaction of a take-over.
func racedTakeOver(r *rig) {
	for _, key := range []string{"epoch", "insync"} {
		changed := false
		c := r.client(func(cfg *discovery.Config) {
			cfg.Transport = before(r.http.Transport, func(req *http.Request, body string) {
				if strings.HasSuffix(req.URL.Path, "/txn") && strings.Contains(body, `"lock"`) && !changed {
					changed = true
					value := map[string]string{"epoch": "77", "insync": `["` + r.inc("a") + `"]`}[key]
					r.do(http.MethodPut, r.key(key), value)
				}
			})
		})
		reg := r.register(c, "a")
		_, err := r.takeOver(c, reg, "a", 0)
		require.ErrorIs(r, err, discovery.ErrRaced, key)
		require.True(r, changed)
		require.Empty(r, r.get(r.key("lock")).Session, "nothing changed")
		grant, err := r.takeOver(c, reg, "a", 0)
		require.NoError(r, err)
		require.GreaterOrEqual(r, grant.Epoch, uint64(78))
		require.NoError(r, c.Release(r.ctx(), r.region, reg.Session()))
	}
}

// handOver passes the lock on in one call, in which nobody sees it free.
func handOver(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b, d := r.register(c, "a"), r.register(c, "b"), r.register(c, "d")
	for _, reg := range []*discovery.Registration{a, b, d} {
		r.run(reg)
	}
	plain := r.client() // whose calls nobody else makes
	leaves := false
	give := func(view discovery.View, from string, to discovery.Holder, calls int) (discovery.Grant, error) {
		before := plain.Stats().Calls
		grant, err := plain.HandOver(r.ctx(), view, from, to, leaves, 0)
		require.EqualValues(r, calls, plain.Stats().Calls-before, "calls to Consul")
		return grant, err
	}
	heir := func(name string, reg *discovery.Registration) discovery.Holder {
		h := r.holder(name)
		h.Session = reg.Session()
		return h
	}
	_, err := r.takeOver(c, a, "a", 0)
	require.NoError(r, err)
	_, err = give(v.heldBy("a"), a.Session(), heir("b", b), 0)
	require.ErrorIs(r, err, discovery.ErrNotInSync, "no set says that b has what a has")

	version, err := c.ChangeInSync(r.ctx(), r.region, a.Session(), 0, []string{r.inc("a"), r.inc("b")})
	require.NoError(r, err)
	held := v.until("the set", func(v discovery.View) bool { return v.InSyncVersion == version })
	_, err = give(held, a.Session(), heir("d", d), 0)
	require.ErrorIs(r, err, discovery.ErrNotInSync, "d is not in it")
	_, err = give(held, b.Session(), heir("b", b), 0)
	require.ErrorIs(r, err, discovery.ErrDeposed, "it is not b's to give")
	_, err = give(discovery.View{Region: r.region, Primary: held.Primary, InSyncKnown: true, InSync: held.InSync}, a.Session(), heir("b", b), 0)
	require.ErrorIs(r, err, discovery.ErrRaced, "a view that says too little")
	gone := heir("b", b)
	gone.Session = "00000000-0000-0000-0000-000000000000"
	_, err = give(held, a.Session(), gone, 1)
	require.ErrorIs(r, err, discovery.ErrSession)
	require.Equal(r, a.Session(), r.get(r.key("lock")).Session, "nothing changed")

	grant, err := give(held, a.Session(), heir("b", b), 1)
	require.NoError(r, err)
	require.EqualValues(r, 2, grant.Epoch)
	require.True(r, grant.Yielded)
	require.Equal(r, held.InSync, grant.InSync, "who led before is a backup now")
	require.Greater(r, grant.InSyncVersion, version, "of the same set")
	seen := v.heldBy("b")
	require.Equal(r, grant.InSyncVersion, seen.InSyncVersion)
	require.Equal(r, grant.InSync, seen.InSync)
	require.EqualValues(r, 2, seen.Epoch)
	require.True(r, seen.Primary.Given)
	require.Equal(r, b.Session(), seen.Primary.Session)
	_, err = give(held, a.Session(), heir("b", b), 1)
	require.ErrorIs(r, err, discovery.ErrDeposed, "it was a's")

	// What a sent when it held the lock is refused also when it holds it again.
	_, err = give(seen, b.Session(), heir("a", a), 1)
	require.NoError(r, err)
	_, err = c.ChangeInSync(r.ctx(), r.region, a.Session(), version, []string{r.inc("a")})
	require.ErrorIs(r, err, discovery.ErrRaced)
	grant, err = give(v.heldBy("a"), a.Session(), heir("b", b), 1)
	require.NoError(r, err)

	version, err = c.ChangeInSync(r.ctx(), r.region, b.Session(), grant.InSyncVersion, []string{r.inc("a"), r.inc("b"), r.inc("d")})
	require.NoError(r, err, "b goes on from what it was given")

	held, leaves = v.until("the set", func(v discovery.View) bool { return v.InSyncVersion == version }), true
	grant, err = give(held, b.Session(), heir("d", d), 1)
	require.NoError(r, err)
	require.Equal(r, []string{r.inc("a"), r.inc("d")}, grant.InSync, "who is about to go has left the set")
	require.Greater(r, grant.InSyncVersion, version)
	require.Equal(r, grant.InSyncVersion, v.heldBy("d").InSyncVersion)

	require.NoError(r, c.DestroySession(r.ctx(), d.Session()))
	v.free()
	grant, err = r.takeOver(c, a, "a", 0)
	require.NoError(r, err, "as from any holder whose session falls")
	require.False(r, grant.Yielded)
}

// holderOf decodes a lock's value.
func (r *rig) holderOf(p pair) discovery.Holder {
	r.Helper()
	var h discovery.Holder
	require.NoError(r, json.Unmarshal(p.Value, &h))
	return h
}

// takeOverFrom takes over on what a view says, in one call, and with a read when the
// view is of another day.
func takeOverFrom(r *rig) {
	c := r.client()
	v := r.watch(c)
	a, b := r.register(c, "a"), r.register(c, "b")
	r.run(a)
	r.run(b)
	plain := r.client() // whose calls nobody else makes
	from := func(view discovery.View, given bool, reg *discovery.Registration, name string, calls int) (discovery.Grant, error) {
		before := plain.Stats().Calls
		grant, err := plain.TakeOverFrom(r.ctx(), view, given, reg.Session(), r.holder(name), 0)
		require.EqualValues(r, calls, plain.Stats().Calls-before, "calls to Consul")
		return grant, err
	}
	grant, err := from(discovery.View{Region: r.region}, false, a, "a", 2)
	require.NoError(r, err, "a view that says nothing")
	require.EqualValues(r, 1, grant.Epoch)
	held := v.heldBy("a")
	_, err = from(held, false, b, "b", 1)
	require.ErrorIs(r, err, discovery.ErrHeld, "it is not free")

	require.ErrorIs(r, plain.ReleaseFrom(r.ctx(), held, b.Session()), discovery.ErrDeposed, "it is not b's")
	before := plain.Stats().Calls
	require.NoError(r, plain.ReleaseFrom(r.ctx(), held, a.Session()))
	require.EqualValues(r, 1, plain.Stats().Calls-before)
	require.ErrorIs(r, plain.ReleaseFrom(r.ctx(), held, a.Session()), discovery.ErrDeposed, "it was a's")
	grant, err = from(held, true, b, "b", 1)
	require.NoError(r, err, "the view does not know yet that it is free")
	require.EqualValues(r, 2, grant.Epoch)
	require.True(r, grant.Yielded)

	version, err := c.ChangeInSync(r.ctx(), r.region, b.Session(), 0, []string{r.inc("a"), r.inc("b")})
	require.NoError(r, err)
	require.NoError(r, c.DestroySession(r.ctx(), b.Session()))
	_, err = from(held, false, a, "a", 3)
	require.NoError(r, err, "of another epoch, and without the set: it reads")
	seen := v.heldBy("a")
	require.NotEqual(r, version, seen.InSyncVersion)
	require.Equal(r, []string{r.inc("a")}, seen.InSync, "b, who led before, has left it")
}
