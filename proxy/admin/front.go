package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// front is what the servers of an edge and of a sidecar have in common: where they
// listen, who may ask, and what is the same in all answers.
type front struct {
	listen   string
	listener net.Listener // at listen; nil: none yet
	token    string
	tls      *tls.Config
	log      *slog.Logger
	requests *prometheus.CounterVec // by path and class

	ready chan struct{} // closed when addr is set
	once  sync.Once
	addr  net.Addr
}

// open listens.
func (f *front) open(ctx context.Context) (net.Listener, error) {
	ln := f.listener
	if ln == nil {
		var err error
		if ln, err = new(net.ListenConfig).Listen(ctx, "tcp", f.listen); err != nil {
			return nil, fmt.Errorf("admin: listen: %w", err)
		}
	}
	f.once.Do(func() { f.addr = ln.Addr(); close(f.ready) })
	f.log.Info("admin API listens", "event", "admin", "url", f.scheme()+"://"+ln.Addr().String())
	return ln, nil
}

// serve answers requests until ctx ends, and with it their contexts.
func (f *front) serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, TLSConfig: f.tls,
		ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(f.log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var ended sync.WaitGroup
	ended.Add(1) // before ctx can have ended
	stop := context.AfterFunc(ctx, func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		if server.Shutdown(bye) != nil {
			_ = server.Close()
		}
		ended.Done()
	})
	var err error
	if f.tls != nil {
		err = server.ServeTLS(ln, "", "")
	} else {
		err = server.Serve(ln)
	}
	if stop() {
		ended.Done()
	}
	ended.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return context.Cause(ctx)
	}
	return fmt.Errorf("admin: %w", err)
}

func (f *front) scheme() string {
	if f.tls != nil {
		return "https"
	}
	return "http"
}

// Addr waits until the server listens and returns its address.
func (f *front) Addr(ctx context.Context) (net.Addr, error) {
	select {
	case <-f.ready:
		return f.addr, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// admit tells why a request may not be answered, nil if it may.
func (f *front) admit(r *http.Request, open bool) *Problem {
	if f.token != "" {
		if open || f.knows(r) {
			return nil
		}
		return problem(http.StatusUnauthorized, "token", "send the token of admin.token_file: Authorization: Bearer <token>, or reseat ... --token-file FILE")
	}
	return admitLocal(r, open)
}

// knows compares the bearer token in a time that does not tell how much of it is right.
func (f *front) knows(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(f.token))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// answer answers a request, or returns why not. It has not written then.
type answer func(w http.ResponseWriter, r *http.Request) error

// endpoint is what is at one path.
type endpoint struct {
	path      string   // as a metric label, too
	open      bool     // needs no token: it tells nothing of the mesh
	get, post answer   // nil: the method is not for it
	off       *Problem // nil: it is there
}

// serveAt is what all requests have in common.
func (f *front) serveAt(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		code := &statusWriter{ResponseWriter: w, code: http.StatusOK}
		if err := f.answer(e, code, r); err != nil {
			explain(err).write(code)
		}
		f.requests.WithLabelValues(e.path, class(code.code)).Inc()
	})
}

func (f *front) answer(e endpoint, w http.ResponseWriter, r *http.Request) error {
	if p := f.admit(r, e.open); p != nil {
		return p
	}
	if e.off != nil {
		return e.off
	}
	var handle answer
	allow := http.MethodPost
	if e.get != nil {
		allow = "GET, HEAD"
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handle = e.get
	case http.MethodPost:
		handle = e.post
	}
	if handle == nil {
		p := problem(http.StatusMethodNotAllowed, "method", "%s takes %s, not %.20s", e.path, allow, r.Method)
		p.allow = allow
		return p
	}
	return handle(w, r)
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

// profiles serves /debug/pprof.
func (f *front) profiles(mux *http.ServeMux) {
	for path, get := range map[string]answer{
		"/debug/pprof/":        standard(pprof.Index),
		"/debug/pprof/profile": long(pprof.Profile),
		"/debug/pprof/trace":   long(pprof.Trace),
		"/debug/pprof/symbol":  standard(pprof.Symbol),
		// Not this one: secrets may be in it, whoever put them there.
		"/debug/pprof/cmdline": func(http.ResponseWriter, *http.Request) error {
			return problem(http.StatusNotFound, "unknown_path", "the command line is not shown: secrets may be in it")
		},
	} {
		mux.Handle(path, f.serveAt(endpoint{path: path, get: get}))
	}
}

func standard(h http.HandlerFunc) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Del("X-Content-Type-Options")
		h(w, r)
		return nil
	}
}

// long is for answers that take as long as they were asked to.
func long(h http.HandlerFunc) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * time.Minute))
		return standard(h)(w, r)
	}
}
