package pump

import (
	"context"
	"sync"
)

// queued is how many datagrams wait at most: about two ticks of a busy region.
// What is older than that is worth less to a player than what comes next.
const queued = 64

// Datagrams is a bounded queue in front of a connection whose send call may
// block. When it is full the oldest datagram is dropped: unreliable updates age.
// Put never blocks; memory is reused. It is safe for concurrent use.
type Datagrams struct {
	wake Waker

	mu      sync.Mutex // guards the fields below
	ring    [queued][]byte
	first   int
	count   int
	dropped uint64
}

// NewDatagrams returns an empty queue.
func NewDatagrams() *Datagrams { return &Datagrams{wake: NewWaker()} }

// Put copies one datagram into the queue.
func (d *Datagrams) Put(b []byte) {
	d.mu.Lock()
	if d.count == queued {
		d.first = (d.first + 1) % queued
		d.count--
		d.dropped++
	}
	slot := &d.ring[(d.first+d.count)%queued]
	*slot = append((*slot)[:0], b...)
	d.count++
	d.mu.Unlock()
	d.wake.Wake()
}

// Dropped is how many datagrams were overtaken by newer ones.
func (d *Datagrams) Dropped() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}

// Len is how many datagrams wait.
func (d *Datagrams) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// Run sends what is put until ctx ends or send fails.
func (d *Datagrams) Run(ctx context.Context, send func([]byte) error) error {
	var buf []byte
	for {
		var ok bool
		if buf, ok = d.take(buf); ok {
			if err := send(buf); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-d.wake:
		}
	}
}

func (d *Datagrams) take(buf []byte) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == 0 {
		return buf, false
	}
	buf = append(buf[:0], d.ring[d.first]...)
	d.first = (d.first + 1) % queued
	d.count--
	return buf, true
}
