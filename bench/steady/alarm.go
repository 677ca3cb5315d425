package steady

import "time"

// alarm wakes one goroutine at a time.
type alarm struct{ timer *time.Timer }

func newAlarm() (*alarm, error) { return &alarm{time.NewTimer(time.Hour)}, nil }

func (a *alarm) close() { a.timer.Stop() }

// wait returns after d, or false when end is closed before.
func (a *alarm) wait(d time.Duration, end <-chan struct{}) bool {
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
		return true
	case <-end:
		return false
	}
}
