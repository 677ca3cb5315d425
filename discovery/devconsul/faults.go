package devconsul

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a way for Consul to go wrong.
type Fault uint8

// The faults.
const (
	NoLeader  Fault = iota + 1 // 500 "No cluster leader"
	TooMany                    // 429
	Forbidden                  // 403
	NotFound                   // 404 of something that is no Consul, on every path
	Hang                       // no answer until the client gives up
	Empty                      // the right status, but no body; writes are done
	Cut                        // the right status, but half of the body; writes are done
	Filtered                   // lists are empty and say so in a header, as for a token without rights
	Hidden                     // lists are empty and do not say so, as for no token
)

// Faults is a handler that stands in front of another and makes it go wrong, on
// demand, for a devconsul Server or, behind a reverse proxy, for a real agent.
// Queries that are blocked when the faults change are asked again, so that a
// fault holds for them too.
type Faults struct {
	next http.Handler

	mu      sync.Mutex // guards the fields below
	rules   []rule
	shift   uint64
	changed chan struct{} // closed when they change, then replaced
}

type rule struct {
	fault Fault
	match func(*http.Request) bool
}

// NewFaults returns a handler that passes everything on to next, as yet.
func NewFaults(next http.Handler) *Faults {
	return &Faults{next: next, changed: make(chan struct{})}
}

// Break makes the requests that match (nil: all) go wrong. The first rule that
// matches holds.
func (f *Faults) Break(fault Fault, match func(*http.Request) bool) {
	if match == nil {
		match = func(*http.Request) bool { return true }
	}
	f.update(func() { f.rules = append(slices.Clip(f.rules), rule{fault, match}) })
}

// Heal takes all faults back, but not a Rewind.
func (f *Faults) Heal() { f.update(func() { f.rules = nil }) }

// Rewind makes the index of all answers lower by n (but at least 1), as if a
// server with a shorter history answered now. Blocked queries go on with an
// index that lies in its future. Rewind(0) takes it back.
func (f *Faults) Rewind(n uint64) { f.update(func() { f.shift = n }) }

func (f *Faults) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// find returns the fault of a request, 0 if none, and what is closed when that
// may be another.
func (f *Faults) find(r *http.Request) (Fault, uint64, <-chan struct{}) {
	f.mu.Lock()
	rules, shift, changed := f.rules, f.shift, f.changed
	f.mu.Unlock()
	for _, rule := range rules {
		if rule.match(r) {
			return rule.fault, shift, changed
		}
	}
	return 0, shift, changed
}

// ServeHTTP answers by the faults, or passes on.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	for {
		fault, _, changed := f.find(r)
		switch fault {
		case NoLeader:
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
			return
		case TooMany:
			http.Error(w, "Too many requests", http.StatusTooManyRequests)
			return
		case Forbidden:
			http.Error(w, "Permission denied", http.StatusForbidden)
			return
		case NotFound:
			http.Error(w, "404 page not found", http.StatusNotFound)
			return
		case Hang:
			select {
			case <-r.Context().Done():
				return
			case <-changed:
				continue
			}
		default: // what the answer is made into, by back
		}
		if f.pass(w, r, began, changed, fault) {
			return
		}
	}
}

// pass asks the next handler. It returns false if the faults changed meanwhile
// and the request has to be looked at again, which is for queries alone: a write
// must not be done twice.
func (f *Faults) pass(w http.ResponseWriter, r *http.Request, began time.Time, changed <-chan struct{}, fault Fault) bool {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stale := false
	rec := &recorder{header: http.Header{}}
	if r.Method == http.MethodGet {
		done := make(chan struct{})
		watching := make(chan struct{})
		go func() {
			defer close(watching)
			select {
			case <-changed:
				stale = true
				cancel()
			case <-done:
			}
		}()
		f.next.ServeHTTP(rec, f.forth(r.WithContext(ctx), began))
		close(done)
		<-watching
	} else {
		f.next.ServeHTTP(rec, r)
	}
	if stale && r.Context().Err() == nil {
		return false
	}
	f.back(rec, r, fault)
	rec.copyTo(w)
	return true
}

// forth moves the index of a blocking query up by what that of the answers is
// lowered, and leaves it no more time than there is since it began.
func (f *Faults) forth(r *http.Request, began time.Time) *http.Request {
	_, shift, _ := f.find(r)
	q := r.URL.Query()
	index, err := strconv.ParseUint(q.Get("index"), 10, 64)
	if err != nil || index == 0 {
		return r
	}
	q.Set("index", strconv.FormatUint(index+shift, 10))
	if wait, err := time.ParseDuration(q.Get("wait")); err == nil {
		q.Set("wait", max(wait-time.Since(began), time.Millisecond).String())
	}
	r = r.Clone(r.Context())
	r.URL.RawQuery = q.Encode()
	return r
}

// back makes an answer what the faults want it to be.
func (f *Faults) back(rec *recorder, r *http.Request, fault Fault) {
	_, shift, _ := f.find(r)
	if index, err := strconv.ParseUint(rec.header.Get("X-Consul-Index"), 10, 64); err == nil && shift > 0 {
		rec.header.Set("X-Consul-Index", strconv.FormatUint(max(index, shift+1)-shift, 10))
	}
	list := r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/v1/status/")
	switch {
	case fault == Empty && rec.code() < http.StatusInternalServerError:
		rec.clear()
	case fault == Cut && rec.code() < http.StatusInternalServerError:
		rec.cut()
	case list && (fault == Filtered || fault == Hidden):
		rec.empty(strings.HasPrefix(r.URL.Path, "/v1/kv/"))
		if fault == Filtered {
			rec.header.Set("X-Consul-Results-Filtered-By-Acls", "true")
		} else {
			rec.header.Set("X-Consul-Default-Acl-Policy", "deny")
		}
	}
}
