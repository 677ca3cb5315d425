package link

import (
	"context"
	"sync/atomic"
	"time"
)

// Vigil tells whether this process was asleep: stopped, or starved of the
// processor. Whoever accuses another process of silence asks itself first.
// It is safe for concurrent use.
type Vigil struct {
	woke atomic.Int64 // when it last woke late, in nanoseconds since start
	last atomic.Int64 // when it was last awake
	from time.Time
}

const (
	// vigilTick is how often a Vigil looks at the clock.
	vigilTick = 25 * time.Millisecond
	// vigilLate is what it takes for a nap: three looks missed.
	vigilLate = 4 * vigilTick
)

// NewVigil returns a Vigil, which must Run.
func NewVigil() *Vigil { return &Vigil{from: time.Now()} }

// Run looks at the clock until ctx ends, and returns its cause.
func (v *Vigil) Run(ctx context.Context) error {
	tick := time.NewTicker(vigilTick)
	defer tick.Stop()
	for {
		now := int64(time.Since(v.from))
		if now-v.last.Swap(now) > int64(vigilLate) {
			v.woke.Store(now)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Slept tells whether this process was asleep at some time within the last d.
func (v *Vigil) Slept(d time.Duration) bool {
	now := int64(time.Since(v.from))
	woke := v.woke.Load()
	return now-v.last.Load() > int64(vigilLate) || woke > 0 && now-woke < int64(d)
}
