package page_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/admin/page"
)

// The words of the API.
type (
	status     = admin.Status
	controller = admin.ControllerStatus
	level      = admin.LevelStatus
	coverage   = admin.CoverageStatus
	server     = admin.ServerStatus
	primary    = admin.PrimaryRef
	region     = admin.RegionStatus
	edge       = admin.EdgeStatus
	failover   = admin.FailoverStatus
	stage      = admin.StageStatus
	alert      = admin.AlertStatus
	event      = admin.Event
)

// post is a request that the page made.
type post struct {
	path, contentType, authorization string
	body                             map[string]any
}

// api is an edge's API that says what the test wants it to say.
type api struct {
	t    *testing.T
	addr string
	stop func()

	posts chan post // what the page asked to be done

	mu      sync.Mutex // guards the fields below
	status  status
	log     []event
	news    chan struct{} // closed when there are more events, or when streams should end
	token   string        // wanted; empty: none
	refuse  string        // the error that posts are answered with; empty: they are carried out
	resumed []string      // Last-Event-ID of each stream that was opened
}

// serve starts an API with that status, which is told as of now whenever it is asked.
func serve(t *testing.T, s status) *api {
	a := &api{t: t, addr: "127.0.0.1:0", status: s, posts: make(chan post, 16), news: make(chan struct{})}
	a.start()
	t.Cleanup(func() { a.stop() })
	return a
}

// start listens where it did before, if it did.
func (a *api) start() {
	l, err := net.Listen("tcp", a.addr) //nolint:noctx // ends at once
	require.NoError(a.t, err)
	a.addr = l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/{$}", page.Handler())
	mux.HandleFunc("GET /mesh/status", a.getStatus)
	mux.HandleFunc("GET /mesh/events", a.getEvents)
	mux.HandleFunc("POST /mesh/", a.post)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	a.stop = sync.OnceFunc(func() { _ = s.Close(); a.wake(); <-ended })
}

func (a *api) url() string { return "http://" + a.addr + "/" }

// set changes what is true.
func (a *api) set(change func(s *status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.status)
}

// turn changes what is true, and has the page look at once.
func (a *api) turn(change func(s *status)) {
	a.set(change)
	a.tell(event{Type: "gap"})
}

// tell sends an event that happens now.
func (a *api) tell(e event) {
	a.mu.Lock()
	e.ID = uint64(len(a.log) + 1)
	if e.At.IsZero() {
		e.At = time.Now()
	}
	a.log = append(a.log, e)
	a.mu.Unlock()
	a.wake()
}

func (a *api) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.news)
	a.news = make(chan struct{})
}

func (a *api) allowed(w http.ResponseWriter, r *http.Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token == "" || r.Header.Get("Authorization") == "Bearer "+a.token {
		return true
	}
	problem(w, http.StatusUnauthorized, "the token is missing or wrong")
	return false
}

func problem(w http.ResponseWriter, code int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:reseat:problem:x", "title": http.StatusText(code), "status": code, "detail": detail})
}

func (a *api) getStatus(w http.ResponseWriter, r *http.Request) {
	if !a.allowed(w, r) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status.At = time.Now()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a.status) // the page may be gone
}

func (a *api) getEvents(w http.ResponseWriter, r *http.Request) {
	if !a.allowed(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	var sent int
	_, _ = fmt.Sscan(r.Header.Get("Last-Event-ID"), &sent) // none: from the beginning
	a.mu.Lock()
	a.resumed = append(a.resumed, r.Header.Get("Last-Event-ID"))
	a.mu.Unlock()
	fmt.Fprint(w, ": welcome\n\n")
	for {
		a.mu.Lock()
		more, news := a.log[min(sent, len(a.log)):], a.news
		a.mu.Unlock()
		for _, e := range more {
			data, _ := json.Marshal(e) // plain fields
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Type, data)
			sent++
		}
		if flush() != nil {
			return
		}
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *api) post(w http.ResponseWriter, r *http.Request) {
	if !a.allowed(w, r) {
		return
	}
	p := post{path: r.URL.Path, contentType: r.Header.Get("Content-Type"), authorization: r.Header.Get("Authorization")}
	if err := json.NewDecoder(r.Body).Decode(&p.body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.posts <- p
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse != "" {
		problem(w, http.StatusConflict, a.refuse)
		return
	}
	fmt.Fprint(w, "{}")
}
