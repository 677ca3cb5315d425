package consultest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// before calls look before each request. The body is given back.
func before(next http.RoundTripper, look func(req *http.Request, body string)) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		var body string
		if req.Body != nil {
			text, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			body = string(text)
			req = req.Clone(req.Context())
			req.Body = io.NopCloser(strings.NewReader(body))
		}
		look(req, body)
		return next.RoundTrip(req)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// latestViewOnly: whoever is slow sees where things are, not how they came there.
func latestViewOnly(r *rig) {
	c := r.client()
	seen := r.watch(c) // takes every view
	slow := c.Watch(r.region)
	background(r, slow.Run)
	reg := r.register(c, "a")
	r.run(reg)
	for range 10 {
		_, err := r.takeOver(c, reg, "a", 0)
		require.NoError(r, err)
	}
	seen.until("epoch 10", func(v discovery.View) bool { return v.Epoch == 10 })
	v := &viewer{rig: r, views: slow.Views()}
	v.until("epoch 10", func(v discovery.View) bool { return v.Epoch == 10 })
	select {
	case view := <-v.views:
		r.Fatalf("one more: %+v", view)
	default:
	}
	require.GreaterOrEqual(r, c.Stats().Watches, int64(2))
	require.LessOrEqual(r, c.Stats().Blocking, 2*c.Stats().Watches)
}

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
		r.setCheck("a", "warning")
		r.setCheck("a", "passing")
	}
	view := v.until("a passing server", func(v discovery.View) bool { return passing(v) && v.Primary != nil })
	require.Equal(r, grant.Epoch, view.Epoch)
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
	require.Empty(r, ended)
	for range 20 {
		r.setCheck("a", "critical")
		r.setCheck("a", "passing")
	}
	r.setCheck("a", "critical") // an agent tells its servers the latest, and may leave out what was between
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
	v.free()
	r.setCheck("a", "passing")
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

// keysOnly and serversOnly match one of the two queries of a watch.
func keysOnly(req *http.Request) bool    { return strings.HasPrefix(req.URL.Path, "/v1/kv/") }
func serversOnly(req *http.Request) bool { return strings.HasPrefix(req.URL.Path, "/v1/health/") }

// watchInTrouble: whatever goes wrong, the view is marked stale, keeps what it
// said, and becomes fresh with what has changed meanwhile.
func watchInTrouble(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	r.run(reg)
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	epoch := uint64(1)
	for _, trouble := range []struct {
		fault devconsul.Fault
		kind  discovery.Kind
	}{
		{devconsul.NoLeader, discovery.KindServer},
		{devconsul.TooMany, discovery.KindLimit},
		{devconsul.Forbidden, discovery.KindAccess},
		{devconsul.Hang, discovery.KindTimeout},
		{devconsul.NotFound, discovery.KindOther},
		{devconsul.Empty, discovery.KindGarbled},
		{devconsul.Cut, discovery.KindGarbled},
		{devconsul.Filtered, discovery.KindAccess},
	} {
		for i, match := range []func(*http.Request) bool{keysOnly, serversOnly} {
			kind := trouble.kind
			if i == 0 && trouble.fault == devconsul.NotFound {
				kind = discovery.KindGarbled // with an index, it would mean that there are no keys
			}
			before := c.Stats().Errors[kind.String()]
			broken := time.Now()
			r.reg.Faults.Break(trouble.fault, match)
			view := v.until("a mark of being stale", func(v discovery.View) bool { return v.Stale })
			require.False(r, view.Since.Before(broken), "it is stale since it broke")
			require.Equal(r, epoch, view.Epoch)
			require.Equal(r, reg.Session(), view.Primary.Session)
			require.Len(r, view.Servers, 1)
			require.Greater(r, c.Stats().Errors[kind.String()], before, "%s: %v", kind, c.Stats())

			grant, err := r.takeOver(c, reg, "a", 0)
			require.NoError(r, err)
			epoch = grant.Epoch
			r.reg.Faults.Heal()
			view = v.until("the news", func(v discovery.View) bool { return !v.Stale && v.Epoch == epoch })
			require.Zero(r, view.Since)
		}
	}
}

// hiddenLists: an empty list that is not the truth must never look like the truth.
func hiddenLists(r *rig) {
	c := r.client()
	reg := r.register(c, "a")
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	for _, fault := range []devconsul.Fault{devconsul.Filtered, devconsul.Hidden} {
		r.reg.Faults.Break(fault, nil)
		_, err = c.Register(r.ctx(), r.server("b"))
		var access *discovery.AccessError
		require.ErrorAs(r, err, &access)
		require.ErrorIs(r, err, discovery.ErrAccess)
		require.True(r, access.Silent)
		require.Contains(r, access.Right, `node_prefix "" { policy = "read" }`)

		// A watch that begins now has nothing to show; one does not guess.
		v := r.watch(c)
		denied := c.Stats().Errors["access"]
		for c.Stats().Errors["access"] < denied+4 {
			select {
			case view := <-v.views:
				r.Fatalf("a view of what is hidden: %+v", view)
			case <-time.After(5 * time.Millisecond):
			}
		}
		r.reg.Faults.Heal()
		v.heldBy("a")
		require.Len(r, v.last.Servers, 1, "b was taken back")
	}
}

// indexLost: the index is from another life, and news would be held back for as
// long as a blocking query waits, for ever.
func indexLost(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	r.run(reg)
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	v.heldBy("a")
	for i := range uint64(2) {
		resets := c.Stats().Resets
		r.reg.Faults.Rewind(2 - i) // and forward again
		_, err := r.takeOver(c, reg, "a", 10*(i+1))
		require.NoError(r, err)
		v.until("the new epoch", func(v discovery.View) bool { return v.Epoch > 10*(i+1) && !v.Stale })
		if i == 0 {
			require.Greater(r, c.Stats().Resets, resets)
		}
	}
	began := time.Now()
	_, err = r.takeOver(c, reg, "a", 100)
	require.NoError(r, err)
	v.until("the new epoch", func(v discovery.View) bool { return v.Epoch == 101 })
	require.Less(r, time.Since(began), slack, "and afterwards news come at once again")
}

// wiped: Consul has lost everything, while a game runs.
func wiped(r *rig) {
	c := r.client()
	v := r.watch(c)
	reg := r.register(c, "a")
	ended := r.run(reg)
	grant, err := r.takeOver(c, reg, "a", 30)
	require.NoError(r, err)
	v.heldBy("a")
	r.reg.Wipe()
	require.ErrorIs(r, r.ends(ended), discovery.ErrSessionLost)
	view := v.until("nothing", func(v discovery.View) bool { return !v.Stale && v.Primary == nil && v.Epoch == 0 })
	require.False(r, view.InSyncKnown)

	again := r.register(c, "a2")
	r.run(again)
	_, err = r.takeOver(c, again, "a2", grant.Epoch)
	require.NoError(r, err)
	require.Equal(r, grant.Epoch+1, v.heldBy("a2").Epoch, "the floor holds")
}
