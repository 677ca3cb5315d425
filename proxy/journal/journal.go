// Package journal keeps the last entries of what happens, and hands them to
// readers that come and go.
//
//	Add ──▶ [ oldest … newest ]  a ring: the oldest is overwritten
//	             ▲        ▲
//	           reader   reader   each at its own place
//
// Writing never waits: a reader that is overtaken is told how much it missed and
// goes on with the oldest entry that is left. Entries have IDs that rise by one;
// a reader that comes back begins after the last ID that it has seen. A Journal
// may begin its IDs anywhere, so that those of a later life are higher.
//
// Its lock is held for a copy of one entry only, so Add may be called under other
// locks.
package journal

import (
	"context"
	"sync"
)

// Journal is a ring of entries. It may be used from any goroutine.
type Journal[T any] struct {
	mu      sync.Mutex // guards the fields below
	ring    []T        // entry id is at id % len
	first   uint64     // ID of the first entry ever
	next    uint64     // ID of the next one
	readers map[*Reader[T]]struct{}
}

// New returns a Journal that keeps size entries, of which the first gets the ID
// first, or 1 if that is 0.
func New[T any](size int, first uint64) *Journal[T] {
	first = max(first, 1)
	return &Journal[T]{ring: make([]T, size), first: first, next: first, readers: map[*Reader[T]]struct{}{}}
}

// Add writes an entry and returns its ID.
func (j *Journal[T]) Add(v T) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := j.next
	j.ring[id%uint64(len(j.ring))] = v
	j.next++
	for r := range j.readers {
		select {
		case r.wake <- struct{}{}:
		default: // it has not looked since
		}
	}
	return id
}

// Last is the ID of the newest entry; the first ID less one, if there is none.
func (j *Journal[T]) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next - 1
}

// oldest is the ID of the oldest entry that is kept. The caller holds mu.
func (j *Journal[T]) oldest() uint64 {
	if size := uint64(len(j.ring)); j.next-j.first > size {
		return j.next - size
	}
	return j.first
}

// Reader reads a Journal. It is for one goroutine, which must Close it.
type Reader[T any] struct {
	journal *Journal[T]
	next    uint64 // ID
	missed  bool   // entries of an earlier life, whose number nobody knows
	wake    chan struct{}
}

// Entry is one entry as read.
type Entry[T any] struct {
	ID    uint64
	Value T
	Gap   bool   // entries right before it were missed
	Lost  uint64 // how many of them, as far as that is known
}

// Read returns a Reader that begins after the entry with that ID. An ID that this
// Journal has not given is of another life: all that is kept is read, after a gap.
func (j *Journal[T]) Read(after uint64) *Reader[T] {
	r := &Reader[T]{journal: j, next: after + 1, wake: make(chan struct{}, 1)}
	j.mu.Lock()
	defer j.mu.Unlock()
	if r.next < j.first || r.next > j.next {
		r.next, r.missed = j.first, true
	}
	j.readers[r] = struct{}{}
	return r
}

// ReadNew returns a Reader of what comes from now on.
func (j *Journal[T]) ReadNew() *Reader[T] {
	r := &Reader[T]{journal: j, wake: make(chan struct{}, 1)}
	j.mu.Lock()
	defer j.mu.Unlock()
	r.next = j.next
	j.readers[r] = struct{}{}
	return r
}

// Close ends the reading.
func (r *Reader[T]) Close() {
	r.journal.mu.Lock()
	defer r.journal.mu.Unlock()
	delete(r.journal.readers, r)
}

// Next waits for the next entry. Its error is the cause with which ctx ended.
func (r *Reader[T]) Next(ctx context.Context) (Entry[T], error) {
	for {
		if e, ok := r.Try(); ok {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return Entry[T]{}, context.Cause(ctx)
		case <-r.wake:
		}
	}
}

// Wake is for those who wait for more than entries: it is ready when there may be
// one for Try.
func (r *Reader[T]) Wake() <-chan struct{} { return r.wake }

// Try is Next for those who do not wait.
func (r *Reader[T]) Try() (e Entry[T], ok bool) {
	j := r.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if r.next >= j.next {
		return e, false
	}
	oldest := max(r.next, j.oldest())
	e = Entry[T]{ID: oldest, Value: j.ring[oldest%uint64(len(j.ring))], Lost: oldest - r.next}
	e.Gap = r.missed || e.Lost > 0
	r.next, r.missed = oldest+1, false
	return e, true
}
