package discovery

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Pauses between tries of what runs for ever. The library's own defaults are of
// another world: they begin with half a second and give up after a quarter of an hour.
const (
	minPause = 50 * time.Millisecond
	maxPause = 2 * time.Second
)

// newPause returns pauses that double from least to most, with a jitter of one
// half, so that those who fail together do not come back together. It never
// stops, and must not be shared between goroutines.
func newPause(least, most time.Duration) *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{
		InitialInterval:     least,
		MaxInterval:         most,
		Multiplier:          2,
		RandomizationFactor: 0.5,
		Stop:                backoff.Stop,
		Clock:               backoff.SystemClock,
	}
	b.Reset()
	return b
}
