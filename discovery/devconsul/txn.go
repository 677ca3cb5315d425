package devconsul

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// operation of a transaction.
type operation struct {
	Verb    string
	Key     string
	Value   []byte
	Flags   uint64
	Index   uint64
	Session string
}

type (
	txnResult struct{ KV *pair }
	txnError  struct {
		OpIndex int
		What    string
	}
	txnAnswer struct {
		Results []txnResult
		Errors  []txnError
	}
)

// maxOperations is Consul's limit.
const maxOperations = 128

func transact(s *store, w http.ResponseWriter, r request) (any, error) {
	var ops []struct{ KV *operation }
	if err := r.decode(&ops, "Failed to parse body: "); err != nil {
		return nil, err
	}
	if len(ops) > maxOperations {
		return nil, failure{
			http.StatusRequestEntityTooLarge,
			fmt.Sprintf("Transaction contains too many operations (%d > %d)", len(ops), maxOperations),
		}
	}
	list := make([]operation, 0, len(ops))
	for _, o := range ops {
		if o.KV == nil {
			return nil, failure{http.StatusBadRequest, "devconsul knows KV operations only"}
		}
		list = append(list, *o.KV)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	results, errs := s.txn(list)
	if len(errs) > 0 {
		return txnAnswer{Errors: errs}, failure{http.StatusConflict, "rolled back"}
	}
	return txnAnswer{Results: results}, nil
}

// txn runs all operations or none.
func (s *store) txn(ops []operation) ([]txnResult, []txnError) {
	if errs := s.check(ops); len(errs) > 0 {
		return nil, errs
	}
	b := s.begin()
	results := []txnResult{}
	var errs []txnError
	for i, o := range ops {
		pairs, err := b.run(o)
		if err != nil {
			errs = append(errs, txnError{i, err.Error()})
		}
		for _, p := range pairs {
			results = append(results, txnResult{p})
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	b.commit()
	return results, nil
}

// check refuses what Consul refuses before it begins.
func (s *store) check(ops []operation) []txnError {
	var errs []txnError
	for i, o := range ops {
		switch {
		case o.Key == "" && o.Verb != "delete-tree":
			errs = append(errs, txnError{i, "Must provide key"})
		case verbs[o.Verb] == nil:
			errs = append(errs, txnError{i, "unknown KV operation: " + o.Verb})
		case s.delayed(o):
			errs = append(errs, txnError{i, fmt.Sprintf("failed to lock key %q due to lock delay", o.Key)})
		}
	}
	return errs
}

// batch is a change in the making: a copy of the keys that replaces them, or not.
type batch struct {
	s      *store
	index  uint64 // that the change will have
	keys   map[string]*pair
	graves map[string]uint64
	dirty  bool
}

func (s *store) begin() *batch {
	return &batch{s: s, index: s.index + 1, keys: maps.Clone(s.keys), graves: maps.Clone(s.graves)}
}

func (b *batch) commit() {
	if !b.dirty {
		return
	}
	b.s.keys, b.s.graves, b.s.keysIndex = b.keys, b.graves, b.s.change()
}

// unmet is the error of an operation whose condition is not met.
type unmet string

func (u unmet) Error() string { return string(u) }

func unmetf(format string, args ...any) error { return unmet(fmt.Sprintf(format, args...)) }

// run does one operation. It returns the pairs that a transaction shows.
func (b *batch) run(o operation) ([]*pair, error) {
	p, err := verbs[o.Verb](b, o, b.keys[o.Key])
	if err != nil || p == nil {
		return nil, err
	}
	if strings.HasPrefix(o.Verb, "get") {
		return []*pair{p}, nil
	}
	shown := *p
	shown.Value = nil
	return []*pair{&shown}, nil
}

// verbs by name. old is the pair of the operation's key, or nil.
var verbs = map[string]func(b *batch, o operation, old *pair) (*pair, error){
	"set":    func(b *batch, o operation, old *pair) (*pair, error) { return b.set(o, old), nil },
	"cas":    (*batch).cas,
	"lock":   (*batch).lock,
	"unlock": (*batch).unlock,
	"delete": func(b *batch, o operation, _ *pair) (*pair, error) { b.remove(o.Key); return nil, nil },
	"delete-cas": func(b *batch, o operation, old *pair) (*pair, error) {
		if old != nil && old.ModifyIndex != o.Index {
			return nil, unmetf("failed to delete key %q, index is stale", o.Key)
		}
		b.remove(o.Key)
		return nil, nil
	},
	"delete-tree": func(b *batch, o operation, _ *pair) (*pair, error) {
		for key := range b.keys {
			if strings.HasPrefix(key, o.Key) {
				b.remove(key)
			}
		}
		return nil, nil
	},
	"get": func(_ *batch, o operation, old *pair) (*pair, error) {
		if old == nil {
			return nil, unmetf("key %q doesn't exist", o.Key)
		}
		return old, nil
	},
	"get-or-empty": func(_ *batch, o operation, old *pair) (*pair, error) {
		if old == nil {
			return &pair{Key: o.Key}, nil
		}
		return old, nil
	},
	"check-session":    (*batch).checkSession,
	"check-index":      (*batch).checkIndex,
	"check-not-exists": (*batch).checkNotExists,
}

// set is a plain write: it keeps the session, and resets LockIndex.
func (b *batch) set(o operation, old *pair) *pair {
	p := &pair{Key: o.Key, Flags: o.Flags, Value: o.Value}
	if old != nil {
		p.Session = old.Session
	}
	return b.put(p, old)
}

// put stores p, unless that would change nothing.
func (b *batch) put(p, old *pair) *pair {
	p.CreateIndex, p.ModifyIndex = b.index, b.index
	if old != nil {
		if p.same(old) {
			return old
		}
		p.CreateIndex = old.CreateIndex
	}
	b.keys[p.Key], b.dirty = p, true
	return p
}

func (b *batch) remove(key string) {
	if b.keys[key] != nil {
		delete(b.keys, key)
		b.graves[key], b.dirty = b.index, true
	}
}

func (b *batch) cas(o operation, old *pair) (*pair, error) {
	var at uint64
	if old != nil {
		at = old.ModifyIndex
	}
	if at != o.Index {
		return nil, unmetf("failed to set key %q, index is stale", o.Key)
	}
	return b.set(o, old), nil
}

func (b *batch) lock(o operation, old *pair) (*pair, error) {
	if o.Session == "" {
		return nil, fmt.Errorf("missing session")
	}
	if b.s.sessions[o.Session] == nil {
		return nil, fmt.Errorf("invalid session %q", o.Session)
	}
	p := &pair{Key: o.Key, Flags: o.Flags, Value: o.Value, Session: o.Session, LockIndex: 1}
	switch {
	case old == nil:
	case old.Session == o.Session:
		p.LockIndex = old.LockIndex
	case old.Session != "":
		return nil, unmetf("failed to lock key %q, lock is already held", o.Key)
	default:
		p.LockIndex = old.LockIndex + 1
	}
	return b.put(p, old), nil
}

func (b *batch) unlock(o operation, old *pair) (*pair, error) {
	if o.Session == "" {
		return nil, fmt.Errorf("missing session")
	}
	if old == nil || old.Session != o.Session {
		return nil, unmetf("failed to unlock key %q, lock isn't held, or is held by another session", o.Key)
	}
	return b.put(&pair{Key: o.Key, Flags: o.Flags, Value: o.Value, LockIndex: old.LockIndex}, old), nil
}

func (b *batch) checkSession(o operation, old *pair) (*pair, error) {
	switch {
	case old == nil:
		return nil, unmetf("failed to check session, key %q doesn't exist", o.Key)
	case old.Session != o.Session:
		return nil, unmetf("failed session check for key %q, current session %q != %q", o.Key, old.Session, o.Session)
	}
	return old, nil
}

func (b *batch) checkIndex(o operation, old *pair) (*pair, error) {
	switch {
	case old == nil:
		return nil, unmetf("failed to check index, key %q doesn't exist", o.Key)
	case old.ModifyIndex != o.Index:
		return nil, unmetf("failed index check for key %q, current modify index %d != %d", o.Key, old.ModifyIndex, o.Index)
	}
	return old, nil
}

func (b *batch) checkNotExists(o operation, old *pair) (*pair, error) {
	if old != nil {
		return nil, unmetf("key %q exists", o.Key)
	}
	return nil, nil
}
