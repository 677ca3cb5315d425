package admin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/controller"
	"github.com/reseat-proxy/reseat/proxy/journal"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// start is when everything in these tests began.
var start = time.Date(2020, 11, 26, 12, 0, 0, 0, time.UTC)

// source delivers what it is given.
type source chan discovery.Mesh

func (s source) Subscribe() (<-chan discovery.Mesh, func()) { return s, func() {} }

// fakeEdge says what it is told to.
type fakeEdge struct {
	mu        sync.Mutex
	status    proxy.Status
	failovers []proxy.Failover
	events    *journal.Journal[proxy.Event]
}

func (e *fakeEdge) Status() proxy.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

func (e *fakeEdge) Stats() proxy.Counters {
	return proxy.Counters{
		Sessions: 7, Switches: 3, Holds: 2, Refused: map[wire.Code]uint64{wire.CodeOverloaded: 4}, Ended: map[wire.Code]uint64{wire.CodeLeft: 5},
		Joins: map[wire.Code]uint64{wire.CodeOverloaded: 3}, Thinned: map[string]uint64{"arena": 6},
		Failovers: []proxy.FailoverCount{{Region: "arena", Reason: failover.ReasonSilence, N: 2}},
	}
}

func (e *fakeEdge) Kept(string) buffer.Stats {
	return buffer.Stats{Kept: 9, Appended: 20, Acked: 11, Repeats: 3, FullBytes: 8}
}

// Waits has one wait of a millisecond, one of 2 ms, and a stall of a minute.
func (e *fakeEdge) Waits(string) (w proxy.Waits) {
	w.Durable.Counts[1], w.Durable.Counts[2], w.Durable.Sum = 1, 1, 3*time.Millisecond
	w.Stall.Counts[len(proxy.WaitBounds)], w.Stall.Sum = 1, time.Minute
	return w
}

func (e *fakeEdge) Failovers() []proxy.Failover {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failovers
}

func (e *fakeEdge) ForgetFailovers() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failovers = nil
}

func (e *fakeEdge) Events() *journal.Reader[proxy.Event] { return e.events.ReadNew() }

// fakeController records what it is asked for, and answers with err.
type fakeController struct {
	mu     sync.Mutex
	status mesh.Status
	leads  bool
	asked  []string
	err    error
	hangs  bool // does not even heed its context
	let    chan struct{}
}

func (c *fakeController) Status() (mesh.Status, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status, c.leads
}

func (c *fakeController) ask(what string) error {
	c.mu.Lock()
	c.asked = append(c.asked, what)
	err, hangs := c.err, c.hangs
	c.mu.Unlock()
	if hangs {
		<-c.let
	}
	return err
}

func (c *fakeController) Drain(_ context.Context, server string) error {
	return c.ask("drain " + server)
}

func (c *fakeController) Undrain(_ context.Context, server string) error {
	return c.ask("undrain " + server)
}

func (c *fakeController) Move(_ context.Context, region, server string) error {
	return c.ask("move " + region + " to " + server)
}

func (c *fakeController) Want(_ context.Context, regions []WantedRegion) error {
	for _, r := range regions {
		if err := c.ask("want " + r.Name); err != nil {
			return err
		}
	}
	return nil
}

func (c *fakeController) Reset(context.Context) error { return c.ask("reset") }

func (c *fakeController) Strike(_ context.Context, server, kind string, d time.Duration) error {
	return c.ask(strings.TrimSpace(kind + " " + server + " " + d.String()))
}

func (c *fakeController) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asked
	c.asked = nil
	return asked
}

// rig is a Server with everything around it.
type rig struct {
	t      *testing.T
	server *Server
	edge   *fakeEdge
	ctl    *fakeController
	source source
	spec   spec
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{
		t: t, source: make(source, 1), ctl: &fakeController{status: judged(), leads: true, let: make(chan struct{})}, spec: readSpec(t),
		edge: &fakeEdge{
			events: journal.New[proxy.Event](64, 0),
			status: proxy.Status{
				Name: "edge-1", Incarnation: "e1", Address: "127.0.0.1:7777",
				Regions: []proxy.RegionStatus{
					{Name: "arena", Epoch: 4, Phase: failover.Serving, Primary: "a1", Players: 3, Kept: 2, Protected: true, Since: start, Departures: 6, Arrivals: 5, Arriving: 1, Waiting: 2, Stranded: 4},
					{Name: "plaza", Epoch: 1, Phase: failover.Holding, Reason: failover.ReasonRefused, Since: start},
				},
			},
		},
	}
	t.Cleanup(func() { close(r.ctl.let) })
	cfg := Config{
		Source: r.source, Edge: r.edge, Controller: r.ctl, Tester: r.ctl, Faults: r.ctl, Test: true,
		Consul: func() discovery.Stats { return discovery.Stats{Calls: 5, Errors: map[string]uint64{"timeout": 1}} },
		Work:   func() controller.Stats { return controller.Stats{Terms: 2, Writes: 9, Raced: 1, Moved: 3} },
		Page:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	r.server, err = New(cfg)
	require.NoError(t, err)
	r.server.view.see(aMesh())
	return r
}

// aMesh has three servers, of which a1 leads the arena and b1 has died of leading
// the plaza.
func aMesh() discovery.Mesh {
	servers := []discovery.Server{
		{Incarnation: "a1", Name: "one", Address: "10.0.0.1:1", Regions: []string{"arena"}, Zone: "z1", Host: "h1", Passing: true},
		{Incarnation: "b1", Name: "two", Address: "10.0.0.2:1", Host: "h2", Pool: true},
		{Incarnation: "c1", Name: "three", Address: "10.0.0.3:1", Host: "h3", Pool: true, Passing: true},
	}
	return discovery.Mesh{
		Servers: servers, At: start,
		Regions: map[string]discovery.View{
			"arena": {
				Region: "arena", Epoch: 4, Primary: &discovery.Holder{Incarnation: "a1", Epoch: 4, Session: "s"}, Servers: servers,
				InSync: []string{"a1", "c1"}, InSyncKnown: true, Seats: discovery.Seats{Servers: []string{"c1"}, Score: 500, Version: 7},
			},
			"plaza": {
				Region: "plaza", Epoch: 2, Primary: &discovery.Holder{Incarnation: "c1", Epoch: 2, Session: "t"}, Servers: servers[1:],
				InSync: []string{"b1", "c1", "gone"}, InSyncKnown: true, Seats: discovery.Seats{Servers: []string{"b1", "c1"}, Lead: "c1", Score: 900},
			},
		},
		Controller: &discovery.Controller{Edge: "edge-1", Incarnation: "e1", Admin: "http://127.0.0.1:7700", Since: start, Session: "u"},
		State:      discovery.MeshState{Level: "light", Fidelity: 0.75, Since: start},
		Draining:   map[string]discovery.Drain{"c1": {By: "operator", Since: start}},
	}
}

// judged is what the controller says of it.
func judged() mesh.Status {
	return mesh.Status{
		Level: mesh.Light, Fidelity: 0.75, Failures: 3, FailedShare: 1.0 / 3, Covered: 1,
		Regions: []mesh.RegionStatus{
			{Region: "plaza", Rank: 1, Score: 900, Critical: true, Wants: 3, Load: mesh.Load{Players: 20, Kept: 40}},
			{Region: "arena", Rank: 2, Score: 500, Wants: 2, Covered: true, Protected: true, Load: mesh.Load{Players: 8}},
		},
		Drains: []mesh.DrainStatus{{Server: "c1", Name: "three", Done: true}, {Server: "a1", Done: true}},
		Alerts: []mesh.Alert{{Key: "k", Severity: mesh.Warning, Region: "plaza", Message: "it is alone", Since: start, Active: true}},
	}
}

// request is one call of the API, from this machine.
func request(method, path, body string, headers ...string) *http.Request {
	req := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	req.Host = "127.0.0.1:7700"
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// do answers a request, and holds the answer against openapi.json.
func (r *rig) do(req *http.Request) *httptest.ResponseRecorder {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(w, req)
	r.spec.check(r.t, req, w)
	return w
}

// get decodes the answer to a GET.
func get[T any](r *rig, path string) T {
	r.t.Helper()
	w := r.do(request(http.MethodGet, path, ""))
	require.Equal(r.t, http.StatusOK, w.Code, w.Body)
	return decoded[T](r.t, w)
}

// post decodes the answer to a POST.
func post[T any](r *rig, path, body string, code int) T {
	r.t.Helper()
	w := r.do(request(http.MethodPost, path, body))
	require.Equal(r.t, code, w.Code, w.Body)
	return decoded[T](r.t, w)
}

func decoded[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s", w.Body)
	return v
}
