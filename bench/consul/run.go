package consul

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Run starts an agent of its own, lets use use it, and ends it. The context of use
// ends when the agent does. binary and program are as in [Config]; echo takes the
// agent's log, nil: nobody does.
func Run(ctx context.Context, binary, program string, echo io.Writer, use func(context.Context, *Agent) error) error {
	dir, err := os.MkdirTemp("", "reseat-bench-")
	if err != nil {
		return fmt.Errorf("consul: %w", err)
	}
	f := fleet.New(dir, echo)
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); watch(ctx, f, cancel) }()
	agent, err := Start(ctx, Config{Binary: binary, Program: program, Dir: dir, Fleet: f})
	if err == nil {
		err = use(ctx, agent)
	}
	cancel(nil)
	<-watched
	f.Close()
	return errors.Join(err, os.RemoveAll(dir))
}

// watch ends the run when the agent ends by itself, and takes what it logs.
func watch(ctx context.Context, f *fleet.Fleet, end context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-f.Failed():
			end(err)
		case <-f.Events():
		}
	}
}

// Version is what a binary says it is, in one line.
func Version(ctx context.Context, binary string) (string, error) {
	if binary == Memory {
		return "a registry in memory", nil
	}
	text, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return "", fmt.Errorf("consul: %s version: %w", binary, err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return first, nil
}
