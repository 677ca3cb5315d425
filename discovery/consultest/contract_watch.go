package consultest

import (
	"io"
	"net/http"
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
	v.all("a")
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
		r.reg.Faults.Rewind(20 - 10*i) // by more than what else is written meanwhile; and forward again
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
