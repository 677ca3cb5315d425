package admin

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"
)

//go:embed openapi.json
var openAPI []byte

// handler answers a request, or returns why not. It has not written then.
type handler func(s *Server, w http.ResponseWriter, r *http.Request) error

// route is one path of the API.
type route struct {
	path string
	get  handler // at most one of get and post
	post handler
	test bool // breaks things on purpose
	open bool // needs no token: it tells nothing of the mesh
}

// routes are what openapi.json describes.
var routes = []route{
	{path: "/mesh/status", get: (*Server).getStatus},
	{path: "/mesh/events", get: (*Server).getEvents},
	{path: "/mesh/failover_metrics", get: (*Server).getFailoverMetrics},
	{path: "/mesh/replication/{region_id}", get: (*Server).getReplication},
	{path: "/mesh/drain", post: (*Server).postDrain},
	{path: "/mesh/move", post: (*Server).postMove},
	{path: "/mesh/setup_test", post: (*Server).postSetupTest, test: true},
	{path: "/mesh/simulate_failure", post: (*Server).postSimulateFailure, test: true},
	{path: "/mesh/reset", post: (*Server).postReset, test: true},
	{path: "/livez", get: (*Server).getLive, open: true},
	{path: "/readyz", get: (*Server).getReady, open: true},
	{path: "/metrics", get: (*Server).getMetrics},
	{path: "/openapi.json", get: (*Server).getOpenAPI, open: true},
}

// Handler serves the API without listening.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes {
		mux.Handle(rt.path, s.serveRoute(rt))
	}
	if s.cfg.Pprof {
		// Not cmdline: secrets may be in it, whoever put them there.
		mux.Handle("/debug/pprof/", s.serveRoute(route{path: "/debug/pprof/", get: standard(pprof.Index)}))
		mux.Handle("/debug/pprof/cmdline", s.serveRoute(route{path: "/debug/pprof/cmdline", get: (*Server).notFound}))
		mux.Handle("/debug/pprof/profile", s.serveRoute(route{path: "/debug/pprof/profile", get: long(pprof.Profile)}))
		mux.Handle("/debug/pprof/trace", s.serveRoute(route{path: "/debug/pprof/trace", get: long(pprof.Trace)}))
		mux.Handle("/debug/pprof/symbol", s.serveRoute(route{path: "/debug/pprof/symbol", get: standard(pprof.Symbol)}))
	}
	mux.Handle("/{$}", s.serveRoute(route{path: "/", get: (*Server).getPage, open: true}))
	mux.Handle("/", s.serveRoute(route{path: "other", get: (*Server).notFound, post: (*Server).notFound}))
	return mux
}

// serveRoute is what all requests have in common.
func (s *Server) serveRoute(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		code := &statusWriter{ResponseWriter: w, code: http.StatusOK}
		if err := s.answer(rt, code, r); err != nil {
			explain(err).write(code)
		}
		s.metrics.requests.WithLabelValues(rt.path, class(code.code)).Inc()
	})
}

func (s *Server) answer(rt route, w http.ResponseWriter, r *http.Request) error {
	if p := s.admit(r, rt.open); p != nil {
		return p
	}
	if rt.test && !s.cfg.Test {
		return problem(http.StatusNotFound, "test_endpoints",
			"%s breaks things on purpose, so it is there only when the edge runs with --enable-test-endpoints (admin.enable_test_endpoints)", rt.path)
	}
	var handle handler
	allow := http.MethodPost
	if rt.get != nil {
		allow = "GET, HEAD"
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handle = rt.get
	case http.MethodPost:
		handle = rt.post
	}
	if handle == nil {
		p := problem(http.StatusMethodNotAllowed, "method", "%s takes %s, not %.20s", rt.path, allow, r.Method)
		p.allow = allow
		return p
	}
	return handle(s, w, r)
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// class is the status as a metric label.
func class(code int) string {
	return []string{"1xx", "2xx", "3xx", "4xx", "5xx"}[min(max(code/100, 1), 5)-1]
}

// reply writes an answer as JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the reader is gone
	return nil
}

func standard(h http.HandlerFunc) handler {
	return func(_ *Server, w http.ResponseWriter, r *http.Request) error {
		w.Header().Del("X-Content-Type-Options")
		h(w, r)
		return nil
	}
}

// long is for answers that take as long as they were asked to.
func long(h http.HandlerFunc) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute))
		return standard(h)(s, w, r)
	}
}

func (s *Server) getPage(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Page == nil {
		return s.notFound(w, r)
	}
	s.cfg.Page.ServeHTTP(w, r)
	return nil
}

func (s *Server) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI)
	return nil
}

func (s *Server) notFound(_ http.ResponseWriter, r *http.Request) error {
	var paths []string
	for _, rt := range routes {
		if strings.HasPrefix(rt.path, "/mesh/") && (!rt.test || s.cfg.Test) {
			paths = append(paths, rt.path)
		}
	}
	slices.Sort(paths)
	return problem(http.StatusNotFound, "unknown_path", "there is nothing at %.80q: %s; more in GET /openapi.json", r.URL.Path, strings.Join(paths, ", "))
}
