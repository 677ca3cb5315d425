package steady

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm wakes one goroutine on time. Go's own timers do so up to a millisecond late in
// a process that has nothing else to do, and several at once then: what was measured
// would be our own lateness, and the load would come in bursts.
type alarm struct {
	file *os.File
	stop func() bool
}

// newAlarm makes an alarm that ends with ctx.
func newAlarm(ctx context.Context) (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timer")}
	a.stop = context.AfterFunc(ctx, func() { _ = a.file.SetReadDeadline(time.Unix(1, 0)) })
	return a, nil
}

func (a *alarm) close() {
	a.stop()
	_ = a.file.Close()
}

// wait returns after d, which is positive, or false when ctx ends before.
func (a *alarm) wait(d time.Duration) bool {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	raw, err := a.file.SyscallConn()
	if err != nil {
		return false
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); err != nil || set != nil {
		return false
	}
	var times [8]byte
	_, err = a.file.Read(times[:])
	return err == nil
}
