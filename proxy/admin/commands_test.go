package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/controller"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func TestCommands(t *testing.T) {
	r := newRig(t)
	require.Equal(t, DrainReply{"one", "a1", true}, post[DrainReply](r, "/mesh/drain", `{"server":"one"}`, 202))
	require.Equal(t, DrainReply{"three", "c1", false}, post[DrainReply](r, "/mesh/drain", `{"server":"c1","undo":true}`, 202))
	require.Equal(t, MoveReply{"arena", "three", "c1"}, post[MoveReply](r, "/mesh/move", `{"region":"arena","to":"three"}`, 202))
	require.Equal(t, FailureReply{"one", "a1", FailureKill, 0}, post[FailureReply](r, "/mesh/simulate_failure", `{"server":"one","kind":"kill"}`, 202))
	require.Equal(t, FailureReply{"one", "a1", FailureFreeze, 2000}, post[FailureReply](r, "/mesh/simulate_failure", `{"server":"a1","kind":"freeze"}`, 202))
	require.Equal(t, FailureReply{"one", "a1", FailureCut, 50}, post[FailureReply](r, "/mesh/simulate_failure", `{"server":"one","kind":"cut","duration_ms":50}`, 202))
	require.Equal(t, FailureReply{"two", "b1", FailureDrain, 0}, post[FailureReply](r, "/mesh/simulate_failure", `{"server":"two","kind":"drain"}`, 202))
	require.Equal(t, []string{"drain a1", "undrain c1", "move arena to c1", "kill a1 0s", "freeze a1 2s", "cut a1 50ms", "drain b1"}, r.ctl.heard())
}

// A drain of a server that is gone can be taken back, by its incarnation.
func TestUndrainWhatIsGone(t *testing.T) {
	r := newRig(t)
	m := aMesh()
	m.Draining["gone"] = discovery.Drain{By: "operator"}
	r.server.view.see(m)
	require.Equal(t, DrainReply{"gone", "gone", false}, post[DrainReply](r, "/mesh/drain", `{"server":"gone","undo":true}`, 202))
	require.Equal(t, []string{"undrain gone"}, r.ctl.heard())
	require.Equal(t, "unknown_server", post[Problem](r, "/mesh/drain", `{"server":"gone"}`, 404).Code)
}

func TestReset(t *testing.T) {
	r := newRig(t)
	r.edge.failovers = []proxy.Failover{{ID: 1}, {ID: 2}}
	require.Equal(t, ResetReply{Drains: []string{"three"}, Failovers: 2, Level: true}, post[ResetReply](r, "/mesh/reset", `{}`, 200))
	require.Equal(t, []string{"undrain c1", "reset"}, r.ctl.heard())
	require.Empty(t, r.edge.failovers)

	r.server.cfg.Tester = nil
	require.False(t, post[ResetReply](r, "/mesh/reset", `{}`, 200).Level)
}

func TestNoFaults(t *testing.T) {
	r := newRig(t)
	r.server.cfg.Faults = nil
	p := post[Problem](r, "/mesh/simulate_failure", `{"server":"one","kind":"kill"}`, 501)
	require.Equal(t, "no_faults", p.Code)
	post[FailureReply](r, "/mesh/simulate_failure", `{"server":"one","kind":"drain"}`, 202)
}

// Whatever a backend says, the answer has a fitting status and says what to do.
func TestBackendErrors(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		err    error
		status int
		code   string
		says   string
	}{
		{&controller.ElsewhereError{Edge: "edge-2", Admin: "http://h:1"}, 421, "not_controller", "ask it at http://h:1"},
		{&controller.ElsewhereError{Edge: "edge-2"}, 421, "not_controller", "whose API is not known"},
		{&controller.ElsewhereError{}, 421, "not_controller", "no edge is the controller now"},
		{&mesh.MoveError{Region: "arena", To: "x", Reason: mesh.MoveUnderWay, Detail: "wait"}, 409, "move_under_way", "wait"},
		{fmt.Errorf("more: %w", &mesh.MoveError{Reason: mesh.TooManyMoves}), 429, "too_many_moves", ""},
		{&mesh.MoveError{Reason: mesh.NotForRegion}, 409, "not_for_region", ""},
		{&mesh.MoveError{Reason: "new"}, 409, "new", ""},
		{&mesh.MoveError{Reason: mesh.ConsulAway}, 503, "consul_away", ""},
		{&discovery.UnavailableError{Op: "drain", Kind: discovery.KindTimeout, Err: errors.New("late")}, 503, "consul_away", "try again"},
		{&discovery.AccessError{Op: "drain", Right: `key_prefix "reseat/" write`}, 500, "consul_access", "deploy/consul-policies"},
		{context.DeadlineExceeded, 504, "timeout", "it may still happen"},
		{errors.New("odd"), 500, "internal", "odd"},
	} {
		r.ctl.err = tt.err
		w := r.do(request("POST", "/mesh/move", `{"region":"arena","to":"three"}`))
		require.Equal(t, tt.status, w.Code, "%v", tt.err)
		p := decoded[Problem](t, w)
		require.Equal(t, tt.code, p.Code)
		require.Contains(t, p.Detail, tt.says)
		require.Equal(t, tt.status == 429 || tt.status == 503, w.Header().Get("Retry-After") != "", "%v", tt.err)
	}
	r.ctl.err = &controller.ElsewhereError{Edge: "edge-2", Admin: "http://h:1"}
	require.Equal(t, "http://h:1", post[Problem](r, "/mesh/drain", `{"server":"one"}`, 421).Controller)
}

// A backend that hangs and heeds nothing holds up neither the request nor others
// than so many.
func TestBackendHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctl := &fakeController{status: judged(), hangs: true, let: make(chan struct{})}
		r := newRig(t, func(c *Config) { c.Controller, c.Tester, c.Faults = ctl, ctl, ctl })
		bodies := map[string]string{
			"/mesh/drain": `{"server":"one"}`, "/mesh/move": `{"region":"arena","to":"three"}`, "/mesh/reset": `{}`,
			"/mesh/simulate_failure": `{"server":"one","kind":"kill"}`, "/mesh/setup_test": `{"regions":[{"name":"arena"}]}`,
		}
		for path, body := range bodies {
			began := time.Now()
			require.Equal(t, "timeout", post[Problem](r, path, body, 504).Code, path)
			require.Equal(t, askTimeout, time.Since(began), path)
		}
		var all sync.WaitGroup
		for range maxAsked - len(bodies) {
			all.Go(func() { post[Problem](r, "/mesh/drain", bodies["/mesh/drain"], 504) })
		}
		synctest.Wait()
		require.Equal(t, "busy", post[Problem](r, "/mesh/drain", bodies["/mesh/drain"], 503).Code)
		get[Status](r, "/mesh/status") // reads what is in memory
		all.Wait()
		ctl.hangs = false
		close(ctl.let)
		synctest.Wait()
		post[DrainReply](r, "/mesh/drain", bodies["/mesh/drain"], 202)
	})
}

// A setup waits until the regions are served and covered, and not for ever.
func TestSetup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ready := post[SetupReply](r, "/mesh/setup_test", `{"regions":[{"name":"arena","critical":true}],"servers":1}`, 200)
		require.Equal(t, SetupReply{Ready: true, Servers: 1, Regions: []SetupRegion{
			{Name: "arena", State: Serving, Covered: true, Primary: "one", InSync: []string{"one", "three"}},
		}}, ready)
		require.Equal(t, []string{"want arena"}, r.ctl.heard())

		began := time.Now()
		late := post[SetupReply](r, "/mesh/setup_test", `{"regions":[{"name":"arena"},{"name":"plaza"}]}`, 202)
		require.Equal(t, setupWait, time.Since(began))
		require.False(t, late.Ready)
		require.Equal(t, SetupRegion{Name: "plaza", State: Restoring, Primary: "three", InSync: []string{"gone", "three", "two"}}, late.Regions[1])

		go func() {
			time.Sleep(time.Second) // virtual
			r.edge.mu.Lock()
			r.edge.status.Regions = []proxy.RegionStatus{{Name: "plaza", Epoch: 2, Phase: failover.Serving}}
			r.edge.mu.Unlock()
			r.ctl.mu.Lock()
			r.ctl.status.Regions = []mesh.RegionStatus{{Region: "plaza", Rank: 1, Covered: true}}
			r.ctl.mu.Unlock()
		}()
		began = time.Now()
		require.True(t, post[SetupReply](r, "/mesh/setup_test", `{"regions":[{"name":"plaza"}]}`, 200).Ready)
		require.Less(t, time.Since(began), 1100*time.Millisecond)

		require.False(t, post[SetupReply](r, "/mesh/setup_test", `{"regions":[{"name":"plaza"}],"servers":2}`, 202).Ready, "one server passes and is not drained")
		r.server.cfg.Tester = nil
		require.Equal(t, "unknown_region", post[Problem](r, "/mesh/setup_test", `{"regions":[{"name":"new"}]}`, 404).Code)
	})
}
