package world

import (
	"context"
	"time"
)

// A burden is taken up in steps with pauses between them, and not at once: a game
// that is started again in the middle of a failover must not take the core from those
// who are at work in it.
const (
	burdenRest  = time.Second // before the first step
	burdenStep  = 8 << 20
	burdenPause = 10 * time.Millisecond
	pageSize    = 4 << 10
)

// Burden makes this process larger by so many bytes, which it has written to, until
// free is called: how long the kernel takes to take a process apart that was killed
// depends on that. It takes a second, and another one for each 800 MiB or so.
func Burden(ctx context.Context, bytes uint64) (free func(), err error) {
	if bytes == 0 {
		return func() {}, nil
	}
	memory, free, err := reserve(bytes)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(burdenRest)
	defer timer.Stop()
	for at := 0; at < len(memory); at += burdenStep {
		select {
		case <-timer.C:
		case <-ctx.Done():
			free()
			return nil, context.Cause(ctx)
		}
		for page := at; page < min(at+burdenStep, len(memory)); page += pageSize {
			memory[page] = 1
		}
		timer.Reset(burdenPause)
	}
	return free, nil
}
