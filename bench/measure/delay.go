package measure

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// MaxDelay is how late the machine may wake up a goroutine before what was
	// measured meanwhile is void.
	MaxDelay = 100 * time.Millisecond
	// delayStep is how often that is looked at: often enough to meet each time slice
	// of a busy scheduler, and too seldom to be a load.
	delayStep = 5 * time.Millisecond
)

// Delay watches how late this process is woken up. It sees what all processes of the
// machine wait for: a core.
type Delay struct {
	most atomic.Int64
	stop chan struct{}
	done chan struct{}
}

// WatchDelay starts to watch; Stop ends it.
func WatchDelay() *Delay {
	d := &Delay{stop: make(chan struct{}), done: make(chan struct{})}
	go d.run()
	return d
}

func (d *Delay) run() {
	defer close(d.done)
	timer := time.NewTimer(delayStep)
	defer timer.Stop()
	for {
		due := time.Now().Add(delayStep)
		timer.Reset(delayStep)
		select {
		case <-d.stop:
			return
		case <-timer.C:
			d.most.Store(max(d.most.Load(), int64(time.Since(due))))
		}
	}
}

// Max is the longest delay so far.
func (d *Delay) Max() time.Duration { return time.Duration(d.most.Load()) }

// Take returns the longest delay since the last Take, and forgets it.
func (d *Delay) Take() time.Duration { return time.Duration(d.most.Swap(0)) }

// Stop ends the watch.
func (d *Delay) Stop() {
	close(d.stop)
	<-d.done
}

// Pause lets a time pass. The error is why ctx has ended before.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
