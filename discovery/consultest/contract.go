package consultest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// Registry is what the contract is about: something that speaks Consul's HTTP
// API, with faults in front of it.
type Registry struct {
	URL     string            // through the faults
	Faults  *devconsul.Faults // none at first
	Wipe    func()            // starts it again with nothing in it
	Restart func()            // starts it again with what was in it
}

// Behind puts faults in front of a real agent.
func Behind(tb testing.TB, a *Agent) *Registry {
	tb.Helper()
	target, err := url.Parse(a.URL())
	require.NoError(tb, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	proxy.Transport = transport
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
	tb.Cleanup(transport.CloseIdleConnections)
	faults := devconsul.NewFaults(proxy)
	restart := func() { a.Kill(); a.Restart() }
	return &Registry{URL: serve(tb, faults), Faults: faults, Wipe: a.Wipe, Restart: restart}
}

// InMemory starts a devconsul.
func InMemory(tb testing.TB) *Registry {
	tb.Helper()
	s := devconsul.New(devconsul.Options{SyncDelay: 2 * time.Millisecond})
	tb.Cleanup(s.Close)
	return &Registry{URL: serve(tb, s), Faults: s.Faults, Wipe: s.Wipe, Restart: s.Restart}
}

func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// atOnce is how many tests of a suite run at a time. They wait most of the time,
// so that is more than there are processors, which is what t.Parallel allows.
const atOnce = 4

// Contract runs the suite. start is called for a registry that most tests share,
// and once more for each test that breaks its registry for others.
func Contract(t *testing.T, start func(testing.TB) *Registry) {
	t.Helper()
	shared := start(t)
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for _, test := range contractTests {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			t.Run(test.name, func(t *testing.T) {
				registry := shared
				if test.breaks {
					registry = start(t)
				}
				test.run(newRig(t, registry))
			})
		})
	}
	wg.Wait()
}

type contractTest struct {
	name   string
	breaks bool // the registry for others; all other tests touch nothing but their own region
	run    func(*rig)
}

// contractTests begin with those that wait for long.
var contractTests = []contractTest{
	{"raw session TTL", false, rawSessionTTL},
	{"watch in trouble", true, watchInTrouble},
	{"registration in trouble", true, registrationInTrouble},
	{"beats keep the lock", false, beatsKeepLock},
	{"calls in trouble", true, callsInTrouble},
	{"raw blocking queries", false, rawBlocking},
	{"check TTL frees the lock", false, checkTTLFreesLock},
	{"wiped", true, wiped},
	{"the same incarnation after a wipe", true, sameAfterWipe},
	{"the same incarnation after a restart", true, sameAfterRestart},
	{"index lost", true, indexLost},
	{"lists with things left out", true, hiddenLists},
	{"mesh in trouble", true, meshInTrouble},
	{"mesh wiped", true, meshWiped},
	{"an edge that dies frees the mesh", false, edgeDies},

	{"a server is seen and goes", false, serverIsSeen},
	{"a server that fails is registered again", false, registeredAgain},
	{"critical frees the lock", false, criticalFreesLock},
	{"warning does not", false, warningDoesNot},
	{"failing frees the lock", false, failFreesLock},
	{"deregistering frees the lock", false, deregisterFreesLock},
	{"a destroyed session is noticed", false, destroyedSession},

	{"one of three takes over", false, oneOfThree},
	{"epochs rise", false, epochsRise},
	{"floor", false, floorIsRespected},
	{"held", false, heldTellsWho},
	{"taken again by the holder", false, takenAgain},
	{"unknown session", false, unknownSession},
	{"release", false, releaseFrees},
	{"take over from a view", false, takeOverFrom},
	{"hand over", false, handOver},
	{"raced", false, racedTakeOver},
	{"in-sync set", false, inSyncSet},
	{"dropped backup", false, droppedBackup},
	{"the former holder leaves the set", false, formerLeaves},
	{"a former holder nobody knows", false, formerUnknown},
	{"in-sync set cleared", false, clearedSet},
	{"forced open", false, forcedOpen},
	{"forced too late", false, forcedTooLate},
	{"deposed primary", false, deposedPrimary},

	{"latest view only", false, latestViewOnly},
	{"plain write over the lock", false, plainWriteOverLock},
	{"lock deleted", false, lockDeleted},
	{"a foreign holder", false, foreignHolder},
	{"foreign services", false, foreignServices},
	{"health that flaps", false, flapping},
	{"garbage in the keys", false, garbageInKeys},

	{"regions of a mesh", false, meshRegions},
	{"subscribers of a mesh", false, meshSubscribers},
	{"one edge leads the mesh", false, oneLeads},
	{"a controller nobody knows", false, controllerUnknown},
	{"seats", false, seatsOfMesh},
	{"seats of a deposed controller", false, seatsOfDeposed},
	{"state of the mesh", false, stateOfMesh},
	{"drains", false, drainsOfMesh},
	{"edges", false, edgesOfMesh},
	{"garbage in the mesh", false, garbageInMesh},
	{"a planned move", false, plannedMove},

	{"raw session", false, rawSession},
	{"raw lock delay", false, rawLockDelay},
	{"raw locks", false, rawLocks},
	{"raw listing of a prefix", false, rawListing},
	{"raw transactions", false, rawTransactions},
	{"raw checks", false, rawChecks},
}

// patience is how long a test waits for what must happen, on a machine that may
// be busy with other tests. It is also the slack of what must not take long.
const (
	patience = time.Minute
	slack    = 5 * time.Second
)

// rig is what one test works with.
type rig struct {
	*testing.T
	reg    *Registry
	region string
	http   *http.Client
}

func newRig(t *testing.T, reg *Registry) *rig {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
	name = strings.NewReplacer("_", "-", "'", "").Replace(name)
	return &rig{T: t, reg: reg, region: name, http: &http.Client{Transport: transport}}
}

// config is one with which nothing expires by itself. Queries wait for short.
func (r *rig) config() discovery.Config {
	return discovery.Config{
		Address: r.reg.URL, Timeout: 3 * time.Second, CheckTTL: 10 * time.Second, Wait: time.Second,
	}
}

// hasty is for tests of what happens when time is up.
func hasty(cfg *discovery.Config) { cfg.Timeout, cfg.CheckTTL = time.Second, 3*time.Second }

func (r *rig) client(change ...func(*discovery.Config)) *discovery.Client {
	r.Helper()
	cfg := r.config()
	for _, c := range change {
		c(&cfg)
	}
	c, err := discovery.New(cfg, nil)
	require.NoError(r, err)
	r.Cleanup(c.Close)
	return c
}

func (r *rig) ctx() context.Context { return r.Context() }

// server is one for the rig's region. Incarnations are unique over all regions.
func (r *rig) server(incarnation string) discovery.Server {
	return discovery.Server{
		Incarnation: r.inc(incarnation), Name: "name-" + incarnation, Address: "127.0.0.1:7001",
		Regions: []string{r.region}, Zone: "z1", Host: "h1",
	}
}

func (r *rig) inc(name string) string { return r.region + "." + name }

// register registers an incarnation and takes it out at the end.
func (r *rig) register(c *discovery.Client, incarnation string) *discovery.Registration {
	r.Helper()
	reg, err := c.Register(r.ctx(), r.server(incarnation))
	require.NoError(r, err)
	r.Cleanup(func() { _ = reg.Close(context.WithoutCancel(r.Context())) })
	return reg
}

// run runs a registration until the test ends.
func (r *rig) run(reg *discovery.Registration) <-chan error {
	return background(r, reg.Run)
}

// background runs fn until the test ends, and waits for it.
func background(r *rig, fn func(context.Context) error) <-chan error {
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- fn(ctx)
	}()
	r.Cleanup(func() {
		cancel()
		<-done
	})
	return ended
}

// ends waits for an error.
func (r *rig) ends(errs <-chan error) error {
	r.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(patience):
		r.Fatal("it goes on")
		return nil
	}
}

func (r *rig) takeOver(c *discovery.Client, reg *discovery.Registration, incarnation string, floor uint64) (discovery.Grant, error) {
	return c.TakeOver(r.ctx(), r.region, reg.Session(), r.holder(incarnation), floor)
}

func (r *rig) holder(incarnation string) discovery.Holder {
	return discovery.Holder{Incarnation: r.inc(incarnation), Address: "127.0.0.1:7001", Trace: "00-trace"}
}

// viewer takes the Views of a watch that runs.
type viewer struct {
	*rig
	views <-chan discovery.View
	last  discovery.View
}

func (r *rig) watch(c *discovery.Client) *viewer {
	w := c.Watch(r.region)
	background(r, w.Run)
	return &viewer{rig: r, views: w.Views()}
}

// until takes Views until one is as it should be.
func (v *viewer) until(what string, good func(discovery.View) bool) discovery.View {
	v.Helper()
	v.last = await(v.rig, v.views, what, good)
	return v.last
}

// await takes what is delivered until it is as it should be.
func await[T any](r *rig, news <-chan T, what string, good func(T) bool) (last T) {
	r.Helper()
	limit := time.After(patience)
	for {
		select {
		case last = <-news:
			if good(last) {
				return last
			}
		case <-limit:
			r.Fatalf("nothing with %s; the last was %+v", what, last)
		}
	}
}

func (v *viewer) free() discovery.View {
	v.Helper()
	return v.until("a free lock", func(view discovery.View) bool { return view.Primary == nil && !view.Stale })
}

func (v *viewer) heldBy(incarnation string) discovery.View {
	v.Helper()
	return v.until("a lock held by "+incarnation, func(view discovery.View) bool {
		return view.Primary != nil && view.Primary.Incarnation == v.inc(incarnation) && !view.Stale
	})
}

// all waits for what both queries have to say of the only server, which is primary.
func (v *viewer) all(incarnation string) {
	v.Helper()
	v.until("a primary that is there", func(view discovery.View) bool {
		return view.Primary != nil && view.Primary.Incarnation == v.inc(incarnation) && len(view.Servers) == 1 && !view.Stale
	})
}

// raw makes a request as any other program could, and returns status and body.
func (r *rig) raw(method, path string, body any) (int, string) {
	r.Helper()
	text, plain := body.(string)
	if !plain && body != nil {
		b, err := json.Marshal(body)
		require.NoError(r, err)
		text = string(b)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 2*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.reg.URL+path, bytes.NewReader([]byte(text)))
	require.NoError(r, err)
	res, err := r.http.Do(req)
	require.NoError(r, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(r, err)
	return res.StatusCode, strings.TrimSpace(string(answer))
}

// do is raw for what must succeed.
func (r *rig) do(method, path string, body any) string {
	r.Helper()
	status, answer := r.raw(method, path, body)
	require.Equal(r, http.StatusOK, status, "%s %s: %s", method, path, answer)
	return answer
}

func (r *rig) key(name string) string { return "/v1/kv/reseat/" + r.region + "/" + name }

// pair is a key as Consul shows it.
type pair struct {
	LockIndex, CreateIndex, ModifyIndex uint64
	Value                               []byte
	Session                             string
}

// get reads a key; one that is absent is zero.
func (r *rig) get(path string) pair {
	r.Helper()
	status, answer := r.raw(http.MethodGet, path, nil)
	if status == http.StatusNotFound {
		return pair{}
	}
	var list []pair
	require.NoError(r, json.Unmarshal([]byte(answer), &list), answer)
	require.Len(r, list, 1)
	return list[0]
}
