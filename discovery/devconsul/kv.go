package devconsul

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pair is a key with its value, as Consul shows it. One that is in the store is
// never changed, only replaced.
type pair struct {
	LockIndex   uint64
	Key         string
	Flags       uint64
	Value       []byte
	Session     string `json:",omitempty"`
	CreateIndex uint64
	ModifyIndex uint64
}

func serveKV(s *store, w http.ResponseWriter, r request) (any, error) {
	switch r.Method {
	case http.MethodGet:
		return getKV(s, w, r)
	case http.MethodPut:
		return putKV(s, r)
	case http.MethodDelete:
		return deleteKV(s, r)
	}
	return nil, failure{http.StatusMethodNotAllowed, "method " + r.Method + " not allowed"}
}

func getKV(s *store, w http.ResponseWriter, r request) (any, error) {
	look := func() (uint64, any, bool) { return s.getKey(r.rest) }
	if r.has("recurse") {
		look = func() (uint64, any, bool) { return s.listKeys(r.rest) }
	} else if r.rest == "" {
		return nil, failure{http.StatusBadRequest, "Missing key name"}
	}
	answer, err := s.read(w, r, look)
	if err != nil {
		return nil, err
	}
	if len(answer.([]*pair)) == 0 {
		return nil, failure{http.StatusNotFound, ""}
	}
	return answer, nil
}

func (s *store) getKey(key string) (uint64, any, bool) {
	if p := s.keys[key]; p != nil {
		return p.ModifyIndex, []*pair{p}, true
	}
	return s.keysIndex, []*pair{}, false
}

// listKeys has the index of what is below prefix, deletions included, or that of
// all keys when nothing ever was. An empty list is found, other than a key.
func (s *store) listKeys(prefix string) (uint64, any, bool) {
	var index uint64
	list := []*pair{}
	for key, p := range s.keys {
		if strings.HasPrefix(key, prefix) {
			list = append(list, p)
			index = max(index, p.ModifyIndex)
		}
	}
	for key, at := range s.graves {
		if strings.HasPrefix(key, prefix) {
			index = max(index, at)
		}
	}
	if index == 0 {
		index = s.keysIndex
	}
	slices.SortFunc(list, func(a, b *pair) int { return strings.Compare(a.Key, b.Key) })
	return index, list, true
}

// putKV handles ?acquire, ?release, ?cas and a plain PUT, by the verbs of transactions.
func putKV(s *store, r request) (any, error) {
	o := operation{Verb: "set", Key: r.rest}
	var err error
	if o.Value, err = r.body(); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	if r.has("flags") {
		if o.Flags, err = r.number("flags"); err != nil {
			return nil, err
		}
	}
	switch {
	case r.has("cas"):
		o.Verb = "cas"
		if o.Index, err = r.number("cas"); err != nil {
			return nil, err
		}
	case r.has("acquire"):
		o.Verb, o.Session = "lock", q.Get("acquire")
	case r.has("release"):
		o.Verb, o.Session = "unlock", q.Get("release")
	}
	return s.single(o)
}

func deleteKV(s *store, r request) (any, error) {
	o := operation{Verb: "delete", Key: r.rest}
	switch {
	case r.has("recurse"):
		o.Verb = "delete-tree"
	case r.has("cas"):
		o.Verb = "delete-cas"
		var err error
		if o.Index, err = r.number("cas"); err != nil {
			return nil, err
		}
	}
	return s.single(o)
}

// single runs one operation outside of a transaction: its condition not being
// met is an answer of false, and not an error.
func (s *store) single(o operation) (any, error) {
	if o.Key == "" && o.Verb != "delete-tree" {
		return nil, failure{http.StatusBadRequest, "Missing key name"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delayed(o) {
		return false, nil
	}
	b := s.begin()
	_, err := b.run(o)
	if errors.As(err, new(unmet)) {
		return false, nil
	}
	if err != nil {
		return nil, failed("raft apply failed: %v", err)
	}
	b.commit()
	return true, nil
}

// delayed tells whether o is a lock that is in its lock delay.
func (s *store) delayed(o operation) bool {
	return o.Verb == "lock" && time.Now().Before(s.delays[o.Key])
}

// same tells whether writing p over q would change nothing, and so is not done.
func (p *pair) same(q *pair) bool {
	return p.LockIndex == q.LockIndex && p.Flags == q.Flags && p.Session == q.Session && bytes.Equal(p.Value, q.Value)
}
