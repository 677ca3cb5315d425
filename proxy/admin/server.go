package admin

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/proxy/journal"
)

const (
	// Bounds of one request. The event stream and the wait of setup_test have
	// their own for writing.
	headTimeout  = 5 * time.Second
	readTimeout  = 5 * time.Second
	writeTimeout = 15 * time.Second
	idleTimeout  = time.Minute
	maxHeader    = 16 << 10

	// askTimeout is how long a controller, a server or Consul may take for one request.
	askTimeout = 5 * time.Second
	// maxAsked bounds the requests that wait for one: a backend that hangs for
	// ever keeps one goroutine of each.
	maxAsked = 16

	// keptEvents bounds what a subscriber may be behind.
	keptEvents = 1024
	// goodbye is how long requests may go on when the server ends.
	goodbye = time.Second
)

// Server is the API of one edge.
type Server struct {
	*front
	cfg     Config
	view    *view
	events  *journal.Journal[Event]
	metrics *metrics
	readers subscribers
	asked   chan struct{} // a slot for each request that waits for a backend
}

// New checks the configuration. It does no I/O.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, view: newView(), asked: make(chan struct{}, maxAsked),
		// IDs rise over restarts, so that a subscriber who comes back with one of an
		// earlier life is told of the gap.
		events: journal.New[Event](keptEvents, uint64(max(time.Now().UnixMilli(), 1))),
	}
	s.metrics = newMetrics(s)
	s.front = &front{
		listen: cfg.Listen, listener: cfg.Listener, token: cfg.Token, tls: cfg.TLS, log: cfg.Log,
		requests: s.metrics.requests, ready: make(chan struct{}),
	}
	return s, nil
}

// Run listens and serves until ctx ends; then it returns nil, and an error if it
// cannot listen.
func (s *Server) Run(ctx context.Context) error {
	ln, err := s.open(ctx)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.follow(gctx) })
	g.Go(func() error { return s.listen(gctx) })
	g.Go(func() error { return s.askEdges(gctx) })
	g.Go(func() error { return s.serve(gctx, ln, s.Handler()) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// ask runs fn, which asks a backend, for askTimeout at most. Whether fn heeds its
// context or not, the caller gets an answer.
func (s *Server) ask(ctx context.Context, fn func(context.Context) error) error {
	select {
	case s.asked <- struct{}{}:
	default:
		return later(problem(http.StatusServiceUnavailable, "busy", "%d requests wait for the mesh already: try again later", maxAsked))
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- fn(ctx)
		<-s.asked
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done: // it may have heeded
			return err
		default:
			return context.Cause(ctx)
		}
	}
}
