package admin

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"
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
	{path: "/livez", get: func(_ *Server, w http.ResponseWriter, r *http.Request) error { return getLive(w, r) }, open: true},
	{path: "/readyz", get: (*Server).getReady, open: true},
	{path: "/metrics", get: func(s *Server, w http.ResponseWriter, r *http.Request) error { return s.metrics.page(w, r) }},
	{path: "/openapi.json", get: (*Server).getOpenAPI, open: true},
}

// Handler serves the API without listening.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes {
		mux.Handle(rt.path, s.serveRoute(rt))
	}
	if s.cfg.Pprof {
		s.profiles(mux)
	}
	mux.Handle("/{$}", s.serveRoute(route{path: "/", get: (*Server).getPage, open: true}))
	mux.Handle("/", s.serveRoute(route{path: "other", get: (*Server).notFound, post: (*Server).notFound}))
	return mux
}

func (s *Server) serveRoute(rt route) http.Handler {
	bind := func(h handler) answer {
		if h == nil {
			return nil
		}
		return func(w http.ResponseWriter, r *http.Request) error { return h(s, w, r) }
	}
	e := endpoint{path: rt.path, open: rt.open, get: bind(rt.get), post: bind(rt.post)}
	if rt.test && !s.cfg.Test {
		e.off = problem(http.StatusNotFound, "test_endpoints",
			"%s breaks things on purpose, so it is there only when the edge runs with --enable-test-endpoints (admin.enable_test_endpoints)", rt.path)
	}
	return s.serveAt(e)
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
