package sidecar

import (
	"errors"
	"fmt"
	"time"
)

// Pace bounds how often the game is asked for a snapshot of a region. The
// shorter the interval, the sooner actions are durable and the fewer are sent
// again after a failover; the longer, the less time and traffic snapshots take.
type Pace struct {
	Min   time.Duration // never more often; 0: 20 ms
	Max   time.Duration // never less often while there is anything new; 0: 1 s
	Rate  int           // bytes per second for snapshots of one region; 0: 16 MiB
	Share int           // a cut may take 1/Share of the game's time; 0: 20
	Bytes int           // the largest snapshot; 0: 16 MiB
}

func (p Pace) withDefaults() Pace {
	if p.Min == 0 {
		p.Min = 20 * time.Millisecond
	}
	if p.Max == 0 {
		p.Max = time.Second
	}
	if p.Rate == 0 {
		p.Rate = 16 << 20
	}
	if p.Share == 0 {
		p.Share = 20
	}
	if p.Bytes == 0 {
		p.Bytes = 16 << 20
	}
	return p
}

func (p Pace) validate() error {
	var errs []error
	if p.Min <= 0 || p.Max < p.Min {
		errs = append(errs, fmt.Errorf("snapshot min interval %v and max interval %v: both must be positive, min not above max", p.Min, p.Max))
	}
	if p.Rate <= 0 || p.Share <= 0 || p.Bytes <= 0 {
		errs = append(errs, errors.New("snapshot rate, share and size limit must be positive"))
	}
	return errors.Join(errs...)
}

// Interval is the time between the requests of two snapshots, when the last one
// had size bytes and kept the game busy for took.
func (p Pace) Interval(size int, took time.Duration) time.Duration {
	byRate := time.Duration(float64(size) / float64(p.Rate) * float64(time.Second))
	byShare := took * time.Duration(p.Share)
	return min(p.Max, max(p.Min, byRate, byShare))
}
