package sidecar

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// pulses is how many pulses may be unanswered and still count when they are.
const pulses = 64

// lease says how long a primary may speak. It is measured from the time at which
// a renewal that Consul answered was *sent*, on the monotonic clock, and looked
// at wherever something leaves, not in a timer: after SIGCONT timers and writers
// run in any order.
//
// While Consul does not answer, the lease goes on as long as everybody whom a
// take-over needs says that nothing has changed: all backups that durability
// rests on, or, where it rests on the edges, all edges, echo a pulse of this
// epoch. All, not a majority: a take-over needs just one of them (the failsafe
// mode of Patroni has the same rule and reason). Guarded by region.mu.
type lease struct {
	until time.Time // Consul's word
	n     uint64    // of the last pulse
	sent  [pulses]time.Time
	over  bool // only for a seeded bug
}

// renew takes in when the last good renewal was sent, and for how long it holds.
func (l *lease) renew(until time.Time) { l.until = until }

func (r *region) now() time.Time { return time.Now() }

// maySpeak tells whether the lease holds. The caller holds r.mu.
func (r *region) maySpeak() bool {
	now := time.Now()
	if fault.Bug(fault.SessionWithoutSelfFencing) || fault.Bug(fault.LeaseByTimerOnly) && !r.lease.over {
		return true
	}
	if r.leased(now) {
		return true
	}
	r.stats.silenced.Add(1)
	return false
}

// leased tells whether Consul, or everybody who matters, has lately said that we are
// the primary. The caller holds r.mu.
func (r *region) leased(now time.Time) bool {
	if now.Before(r.lease.until) {
		return true
	}
	r.lease.renew(r.life.leaseUntil())
	return now.Before(r.lease.until) || r.confirmedBy(now)
}

// confirmedBy tells whether everybody who matters has lately echoed a pulse.
func (r *region) confirmedBy(now time.Time) bool {
	heard := map[string]bool{}
	edges, recent := 0, 0
	for s := range r.streams {
		fresh := now.Sub(s.heard) < r.life.leaseTime()
		if s.role == wire.RoleEdge {
			edges++
			if fresh {
				recent++
			}
		} else if fresh {
			heard[s.peer] = true
		}
	}
	if r.cold && (edges == 0 || recent < edges) {
		return false
	}
	for _, inc := range r.required {
		if !heard[inc] {
			return false
		}
	}
	return r.cold || len(r.required) > 0
}

// pulse asks everybody whether this epoch is still the highest, when Consul has
// not said so for a while. The caller holds r.mu.
func (r *region) pulse(now time.Time) {
	r.lease.renew(r.life.leaseUntil())
	if fault.Bug(fault.LeaseByTimerOnly) {
		r.lease.over = !now.Before(r.lease.until)
	}
	if r.lease.until.Sub(now) > r.life.leaseTime()/2 {
		return
	}
	r.lease.n++
	r.lease.sent[r.lease.n%pulses] = now
	for s := range r.streams {
		s.add(wire.Pulse{Epoch: r.epoch, N: r.lease.n})
	}
}

// echoed counts an echo as of the time at which the pulse was sent.
func (r *region) echoed(s *stream, f wire.Pulse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.leading || f.Epoch != r.epoch || f.N > r.lease.n || f.N+pulses <= r.lease.n {
		return
	}
	if sent := r.lease.sent[f.N%pulses]; sent.After(s.heard) {
		s.heard = sent
	}
}
