package devconsul

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Options of a Server. The zero value is what a demo wants.
type Options struct {
	// Node is the name of the only node. If empty, "devconsul".
	Node string

	// SyncDelay is how long it takes until the catalog knows what the agent was
	// told about services and checks. If zero, no time.
	SyncDelay time.Duration
}

// Server is an http.Handler that answers as a Consul agent and server does. It
// may be used from any goroutine.
type Server struct {
	*Faults // on every request, none at first

	store *store
}

// New returns a Server with nothing in it.
func New(opts Options) *Server {
	if opts.Node == "" {
		opts.Node = "devconsul"
	}
	s := &Server{store: newStore(opts)}
	s.Faults = NewFaults(http.HandlerFunc(s.serve))
	return s
}

// Close stops all timers and ends blocked queries with an error.
func (s *Server) Close() { s.store.reset() }

// Wipe forgets everything, as a server does that is started again with an empty
// data folder: blocked queries end with an error, the index starts low again, and
// the node has another ID.
func (s *Server) Wipe() { s.store.reset() }

// Restart does what a server does that is started again with its data: blocked
// queries end with an error, sessions and checks have their whole time again, and
// nothing else is different. It takes no time, and is never seen to be down.
func (s *Server) Restart() { s.store.reboot() }

// serve finds the handler of a path. What all answers have in common is in reply.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Consul-Default-Acl-Policy", "allow")
	for _, route := range routes {
		rest, ok := strings.CutPrefix(r.URL.Path, route.prefix)
		if !ok || rest != "" && !strings.HasSuffix(route.prefix, "/") {
			continue
		}
		if route.method != "" && r.Method != route.method {
			w.Header().Set("Allow", route.method)
			reply(w, nil, failure{http.StatusMethodNotAllowed, "method " + r.Method + " not allowed"})
			return
		}
		body, err := route.handle(s.store, w, request{r, rest})
		reply(w, body, err)
		return
	}
	reply(w, nil, failure{http.StatusNotFound, "Invalid URL path: not a recognized HTTP API endpoint\n"})
}

// request is an HTTP request with the rest of its path.
type request struct {
	*http.Request
	rest string
}

// maxBody is what a transaction may have in Consul.
const maxBody = 512 << 10

func (r request) body() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return nil, failure{http.StatusRequestEntityTooLarge, "Request body too large. Max allowed is 524288 bytes."}
	}
	return body, nil
}

// decode reads the body as JSON.
func (r request) decode(v any, complaint string) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return failure{http.StatusBadRequest, complaint + err.Error()}
	}
	return nil
}

func (r request) has(param string) bool { return r.URL.Query().Has(param) }

func (r request) number(param string) (uint64, error) {
	n, err := strconv.ParseUint(r.URL.Query().Get(param), 10, 64)
	if err != nil {
		return 0, failure{http.StatusInternalServerError, err.Error()}
	}
	return n, nil
}

// handler answers a request with something to encode, with nil for an empty
// answer, or with an error.
type handler func(s *store, w http.ResponseWriter, r request) (any, error)

var routes = []struct {
	method, prefix string
	handle         handler
}{
	{"PUT", "/v1/agent/service/register", registerService},
	{"PUT", "/v1/agent/service/deregister/", deregisterService},
	{"PUT", "/v1/agent/check/update/", updateCheck},
	{"GET", "/v1/health/service/", listService},
	{"PUT", "/v1/session/create", createSession},
	{"PUT", "/v1/session/destroy/", destroySession},
	{"PUT", "/v1/session/renew/", renewSession},
	{"GET", "/v1/session/info/", showSession},
	{"GET", "/v1/session/list", listSessions},
	{"", "/v1/kv/", serveKV},
	{"PUT", "/v1/txn", transact},
	{"GET", "/v1/status/leader", func(*store, http.ResponseWriter, request) (any, error) { return "127.0.0.1:8300", nil }},
}

// failure is an error with the status that it is answered with; any other error
// is a 500.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

func failed(format string, args ...any) error {
	return failure{http.StatusInternalServerError, fmt.Sprintf(format, args...)}
}

// reply writes an answer. One that is a failure and has a body is a conflict of
// a transaction.
func reply(w http.ResponseWriter, body any, err error) {
	status := http.StatusOK
	if err != nil {
		var f failure
		if !errors.As(err, &f) {
			f = failure{http.StatusInternalServerError, err.Error()}
		}
		if status = f.status; body == nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, f.text)
			return
		}
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// newID returns a random ID in the form of a UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
