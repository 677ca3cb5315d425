package devconsul

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// firstIndex is where a fresh Consul is when it begins to answer.
const firstIndex = 7

// store is the state. Every change gets one index, as an entry of Consul's log does.
type store struct {
	opts Options

	mu      sync.Mutex // guards all below
	life    int        // goes up with reset and reboot, which end blocked queries
	index   uint64
	changed chan struct{} // closed at the next change, then replaced
	nodeID  string

	keys      map[string]*pair
	graves    map[string]uint64 // deleted keys, and when
	keysIndex uint64

	sessions      map[string]*session
	sessionsIndex uint64

	services     map[string]*service // by ID, as the agent knows them
	serviceIndex map[string]uint64   // by name: when the list of that service changed
	catalogIndex uint64

	delays map[string]time.Time // lock delay by key: until when
	timers map[*time.Timer]struct{}
}

func newStore(opts Options) *store {
	s := &store{opts: opts}
	s.clear()
	return s
}

// clear sets up an empty store.
func (s *store) clear() {
	s.index, s.changed, s.nodeID = firstIndex, make(chan struct{}), newID()
	s.keys, s.graves, s.keysIndex = map[string]*pair{}, map[string]uint64{}, 0
	s.sessions, s.sessionsIndex = map[string]*session{}, 0
	s.services, s.serviceIndex, s.catalogIndex = map[string]*service{}, map[string]uint64{}, firstIndex
	s.delays = map[string]time.Time{}
	s.timers = map[*time.Timer]struct{}{}
}

// reset forgets everything and ends blocked queries.
func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.timers {
		t.Stop()
	}
	close(s.changed)
	s.life++
	s.clear()
}

// reboot ends blocked queries and starts the time of sessions and checks again.
func (s *store) reboot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life++
	close(s.changed)
	s.changed = make(chan struct{})
	for _, n := range s.sessions {
		s.renew(n)
	}
	for _, n := range s.services {
		for _, c := range n.checks {
			if c.status != critical {
				s.restart(c)
			}
		}
	}
}

// change begins a change: it returns the change's index and wakes who waits for
// one. The caller holds mu until the change is complete.
func (s *store) change() uint64 {
	s.index++
	close(s.changed)
	s.changed = make(chan struct{})
	return s.index
}

// after runs fn, with mu held, when d has passed, unless the store is reset
// before or the returned timer is dropped.
func (s *store) after(d time.Duration, fn func()) *time.Timer {
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, live := s.timers[t]; live { // reset has made a new list
			delete(s.timers, t)
			fn()
		}
	})
	s.timers[t] = struct{}{}
	return t
}

// drop stops a timer of after. Nil is allowed.
func (s *store) drop(t *time.Timer) {
	if t != nil {
		t.Stop()
		delete(s.timers, t)
	}
}

// Times of a blocking query in Consul.
const (
	defaultWait = 5 * time.Minute
	maxWait     = 10 * time.Minute
)

// view is what a query sees: the index of its answer and the answer. It is
// called with mu held.
type view func() (index uint64, answer any, found bool)

// read answers a query, after waiting for news if the request has an index.
func (s *store) read(w http.ResponseWriter, r request, look view) (any, error) {
	least, wait, err := blocking(r)
	if err != nil {
		return nil, err
	}
	index, answer, err := s.await(r.Context(), least, wait, look)
	if err != nil {
		return nil, err
	}
	w.Header().Set("X-Consul-Index", strconv.FormatUint(max(index, 1), 10))
	w.Header().Set("X-Consul-Knownleader", "true")
	w.Header().Set("X-Consul-Lastcontact", "0")
	return answer, nil
}

// blocking reads the parameters of a blocking query. An index of 0 does not block.
func blocking(r request) (index uint64, wait time.Duration, err error) {
	q := r.URL.Query()
	if text := q.Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil {
			return 0, 0, failure{http.StatusBadRequest, "Invalid wait time"}
		}
	}
	if text := q.Get("index"); text != "" {
		if index, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, 0, failure{http.StatusBadRequest, "Invalid index"}
		}
	}
	switch {
	case wait <= 0:
		wait = defaultWait
	case wait > maxWait:
		wait = maxWait
	}
	return index, wait + rand.N(wait/16+1), nil
}

// await looks until the answer's index is above least or the time is up. As in
// Consul, news about things that are not there and still are not do not count.
func (s *store) await(ctx context.Context, least uint64, wait time.Duration, look view) (uint64, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	life := s.life
	var timeout <-chan time.Time
	missing := false
	for {
		index, answer, found := look()
		if missing && !found {
			least = index
		}
		missing = !found
		if index > least || least == 0 {
			return index, answer, nil
		}
		if timeout == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			timeout = timer.C
		}
		changed := s.changed
		s.mu.Unlock()
		expired := false
		select {
		case <-changed:
		case <-timeout:
			expired = true
		case <-ctx.Done():
			expired = true
		}
		s.mu.Lock()
		if s.life != life {
			return 0, nil, failed("rpc error making call: EOF")
		}
		if expired {
			index, answer, _ = look()
			return index, answer, nil
		}
	}
}
