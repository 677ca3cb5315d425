package devconsul

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bounds of a session in Consul.
const (
	minTTL           = 10 * time.Second
	maxTTL           = 24 * time.Hour
	ttlFactor        = 2 // a session lives that many TTLs after its last renewal
	defaultLockDelay = 15 * time.Second
	maxLockDelay     = 60 * time.Second
	serfHealth       = "serfHealth"
)

// session as Consul shows it. Only the timer changes after it was made.
type session struct {
	ID            string
	Name          string
	Node          string
	LockDelay     lockDelay
	Behavior      string
	TTL           string
	NodeChecks    []string
	ServiceChecks []serviceCheck
	CreateIndex   uint64
	ModifyIndex   uint64

	ttl    time.Duration
	expiry *time.Timer
}

type serviceCheck struct{ ID, Namespace string }

// lockDelay is shown in nanoseconds and read as a duration or as a number, in
// which anything below a millisecond is meant as seconds.
type lockDelay time.Duration

func (d *lockDelay) UnmarshalJSON(text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	var parsed time.Duration
	switch v := value.(type) {
	case string:
		var err error
		if parsed, err = time.ParseDuration(v); err != nil {
			return err
		}
	case float64:
		parsed = time.Duration(v)
	default:
		return nil
	}
	if parsed < time.Millisecond {
		parsed = time.Duration(parsed.Nanoseconds() * int64(time.Second))
	}
	*d = lockDelay(parsed)
	return nil
}

func createSession(s *store, _ http.ResponseWriter, r request) (any, error) {
	n := &session{
		Node:       s.opts.Node,
		LockDelay:  lockDelay(defaultLockDelay),
		Behavior:   "release",
		NodeChecks: []string{serfHealth},
	}
	if r.ContentLength != 0 {
		if err := r.decode(n, "Request decode failed: "); err != nil {
			return nil, err
		}
	}
	if n.Behavior == "" {
		n.Behavior = "release"
	}
	if n.Behavior != "release" && n.Behavior != "delete" {
		return nil, failed("Invalid Behavior setting '%s'", n.Behavior)
	}
	if n.TTL != "" {
		var err error
		if n.ttl, err = time.ParseDuration(n.TTL); err != nil {
			return nil, failed("Session TTL '%s' invalid: %v", n.TTL, err)
		}
		if n.ttl != 0 && (n.ttl < minTTL || n.ttl > maxTTL) {
			return nil, failed("Invalid Session TTL '%d', must be between [%v=%v]", n.ttl, minTTL, maxTTL)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.addSession(n); err != nil {
		return nil, failed("apply failed: %v", err)
	}
	return struct{ ID string }{n.ID}, nil
}

func (s *store) addSession(n *session) error {
	if n.Node != s.opts.Node {
		return failed("Missing node registration")
	}
	for _, id := range n.NodeChecks {
		if id != serfHealth {
			return failed("Missing check '%s' registration", id)
		}
	}
	for _, check := range n.ServiceChecks {
		switch c := s.catalogCheck(check.ID); {
		case c == nil:
			return failed("Missing check '%s' registration", check.ID)
		case c.known.Status == critical:
			return failed("Check '%s' is in %s state", check.ID, critical)
		}
	}
	n.ID = newID()
	n.CreateIndex = s.change()
	n.ModifyIndex, s.sessionsIndex = n.CreateIndex, n.CreateIndex
	s.sessions[n.ID] = n
	s.renew(n)
	return nil
}

// renew starts a session's time again.
func (s *store) renew(n *session) {
	s.drop(n.expiry)
	if n.ttl > 0 {
		n.expiry = s.after(ttlFactor*n.ttl, func() { s.endSessions(n) })
	}
}

// endSessions invalidates sessions, in one change. Locks they hold are released
// or deleted with their keys.
func (s *store) endSessions(list ...*session) {
	if len(list) == 0 {
		return
	}
	b := s.begin()
	for _, n := range list {
		s.drop(n.expiry)
		delete(s.sessions, n.ID)
		for key, p := range b.keys {
			if p.Session != n.ID {
				continue
			}
			if n.Behavior == "delete" {
				b.remove(key)
			} else {
				b.put(&pair{Key: key, Flags: p.Flags, Value: p.Value, LockIndex: p.LockIndex}, p)
			}
			if d := min(time.Duration(n.LockDelay), maxLockDelay); d > 0 {
				s.delays[key] = time.Now().Add(d)
			}
		}
	}
	if b.dirty {
		b.commit()
		s.sessionsIndex = s.index
		return
	}
	s.sessionsIndex = s.change()
}

// bound lists the sessions that fall with a check.
func (s *store) bound(checkID string) []*session {
	var list []*session
	for _, n := range s.sessions {
		if slices.ContainsFunc(n.ServiceChecks, func(c serviceCheck) bool { return c.ID == checkID }) {
			list = append(list, n)
		}
	}
	return list
}

func destroySession(s *store, _ http.ResponseWriter, r request) (any, error) {
	if r.rest == "" {
		return nil, failure{http.StatusBadRequest, "Missing session"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.sessions[r.rest]; n != nil {
		s.endSessions(n)
	}
	return true, nil
}

func renewSession(s *store, _ http.ResponseWriter, r request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.sessions[r.rest]
	if n == nil {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("Session id '%s' not found", r.rest)}
	}
	s.renew(n)
	return []session{*n}, nil
}

func showSession(s *store, w http.ResponseWriter, r request) (any, error) {
	return s.read(w, r, func() (uint64, any, bool) {
		if n := s.sessions[r.rest]; n != nil {
			return s.sessionsIndex, []session{*n}, true
		}
		return s.sessionsIndex, []session{}, false
	})
}

func listSessions(s *store, w http.ResponseWriter, r request) (any, error) {
	return s.read(w, r, func() (uint64, any, bool) {
		list := make([]session, 0, len(s.sessions))
		for _, n := range s.sessions {
			list = append(list, *n)
		}
		slices.SortFunc(list, func(a, b session) int { return strings.Compare(a.ID, b.ID) })
		return s.sessionsIndex, list, true
	})
}
