package relay

import (
	"math/rand/v2"
	"sync"
	"time"
)

// lane is one direction of one flow: where random numbers are drawn in the order
// of its packets.
type lane struct {
	mu     sync.Mutex
	random *rand.PCG
	next   uint64 // number of the next packet
	latest uint64 // highest number that was passed on
}

// newLane makes the lane that seed, flow and kind of lane determine.
func newLane(seed, flow, kind uint64) *lane {
	return &lane{random: rand.NewPCG(seed, flow<<2|kind), next: 1}
}

// fate is what happens to a packet, as far as it is a matter of chance.
type fate struct {
	lost   bool
	copies int // that are passed on, 1 or 2
	each   [2]copyFate
}

// copyFate is what happens to one copy of a packet.
type copyFate struct {
	damage uint64 // where and how the copy is damaged; 0: it is not
	delay  time.Duration
}

// draw numbers a packet and decides its fate. It takes equally many random
// numbers for each, so that the fate of one does not depend on that of another.
func (l *lane) draw(w *Way) (number uint64, f fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number = l.next
	l.next++
	f = fate{lost: l.chance(w.Loss), copies: 1}
	if l.chance(w.Duplicate) {
		f.copies = 2
	}
	for i := range f.each {
		c := &f.each[i]
		damaged, how := l.chance(w.Corrupt), l.random.Uint64()
		if damaged {
			c.damage = how | 1 // changes a bit of the byte at least
		}
		c.delay = w.Delay + time.Duration((2*l.unit()-1)*float64(w.Jitter))
		if l.chance(w.Reorder) {
			c.delay += w.HoldBack
		}
	}
	return number, f
}

// unit draws a number from [0, 1).
func (l *lane) unit() float64 { return float64(l.random.Uint64()>>11) / (1 << 53) }

func (l *lane) chance(p float64) bool { return l.unit() < p }

// overtaken notes that a packet is passed on, and tells whether a later one of
// the lane was before it.
func (l *lane) overtaken(number uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number < l.latest {
		return true
	}
	l.latest = number
	return false
}

// damage changes one byte of a packet: the low 8 bits of how say into what, the
// others which.
func damage(packet []byte, how uint64) {
	if len(packet) > 0 {
		packet[(how>>8)%uint64(len(packet))] ^= byte(how)
	}
}

// bucket is the rate limit of one direction.
type bucket struct {
	mu   sync.Mutex
	free time.Time // when everything that was let in has left
}

// leave tells when a packet of so many bytes has left, or that it would wait too
// long.
func (b *bucket) leave(now time.Time, size int, w *Way) (at time.Time, ok bool) {
	if w.Rate == 0 {
		return now, true
	}
	wait := w.Wait
	if wait == 0 {
		wait = defaultWait
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free.Before(now) {
		b.free = now
	}
	if b.free.Sub(now) > wait {
		return time.Time{}, false
	}
	b.free = b.free.Add(time.Duration(float64(size) / float64(w.Rate) * float64(time.Second)))
	return b.free, true
}

// reset forgets what an earlier limit made packets wait.
func (b *bucket) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = time.Time{}
}
