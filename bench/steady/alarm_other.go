//go:build !linux

package steady

import (
	"context"
	"time"
)

// alarm wakes one goroutine, about on time.
type alarm struct {
	ctx   context.Context //nolint:containedctx // it ends with it
	timer *time.Timer
}

func newAlarm(ctx context.Context) (*alarm, error) {
	return &alarm{ctx, time.NewTimer(time.Hour)}, nil
}

func (a *alarm) close() { a.timer.Stop() }

// wait returns after d, which is positive, or false when ctx ends before.
func (a *alarm) wait(d time.Duration) bool {
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
		return true
	case <-a.ctx.Done():
		return false
	}
}
