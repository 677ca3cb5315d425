package relay

import (
	"container/heap"
	"context"
	"net"
	"sync"
	"time"
)

// side is a direction.
type side int

const (
	toTarget side = iota
	toClient
)

// packet is a packet on its way, or the news that the target refuses.
type packet struct {
	flow    *flow
	side    side
	number  uint64 // in its lane
	due     time.Time
	order   uint64       // of those that are due at the same time
	refused *net.UDPConn // the socket that was told; nil: a packet
	copied  bool         // the other one of a packet that was doubled
	damaged bool
	size    int
	buf     [MTU + 1]byte // one more, to see that a packet is too big
}

func (p *packet) bytes() []byte { return p.buf[:p.size] }

var packets = sync.Pool{New: func() any { return new(packet) }}

func newPacket() *packet {
	p := packets.Get().(*packet)
	p.refused, p.copied, p.damaged = nil, false, false
	return p
}

func freePacket(p *packet) {
	p.flow = nil
	packets.Put(p)
}

// line holds packets until they are due.
type line struct {
	max  int
	wake chan struct{} // something is due earlier than before

	mu      sync.Mutex
	waiting waiting
	orders  uint64
}

func newLine(limit int) *line { return &line{max: limit, wake: make(chan struct{}, 1)} }

// add takes p over, unless the line is full.
func (l *line) add(p *packet) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) >= l.max {
		return false
	}
	l.orders++
	p.order = l.orders
	heap.Push(&l.waiting, p)
	if l.waiting[0] == p {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// queued is how many packets wait in each direction.
func (l *line) queued() (n [2]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.waiting {
		if p.refused == nil {
			n[p.side]++
		}
	}
	return n
}

// run gives each packet to deliver when it is due, until ctx ends.
func (l *line) run(ctx context.Context, deliver func(*packet)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		p, wait := l.take(time.Now())
		if p != nil {
			deliver(p)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// take removes the next packet that is due. If there is none it tells how long
// until there may be one.
func (l *line) take(now time.Time) (*packet, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := l.waiting[0].due.Sub(now); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&l.waiting).(*packet), 0
}

// waiting is a heap of packets, the one that is due first on top.
type waiting []*packet

func (w waiting) Len() int { return len(w) }

func (w waiting) Less(i, j int) bool {
	if w[i].due.Equal(w[j].due) {
		return w[i].order < w[j].order
	}
	return w[i].due.Before(w[j].due)
}

func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push is for package heap.
func (w *waiting) Push(p any) { *w = append(*w, p.(*packet)) }

// Pop is for package heap.
func (w *waiting) Pop() any {
	last := len(*w) - 1
	p := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	return p
}
