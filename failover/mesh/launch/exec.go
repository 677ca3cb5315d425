package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"text/template"
	"time"
)

// ExecConfig is a command that starts a server.
//
// The command must start one, or see to it that somebody does, and return 0 within
// Timeout. What it starts must live on without it: in a process group of its own
// (setsid, systemd-run, a container) and with its output elsewhere. When the time is
// up the command's process group is killed, and whoever writes to its output later
// is told that nobody reads it.
type ExecConfig struct {
	// Command is the program and its arguments; no shell. Each one is a
	// text/template of a Request: {{.ID}}, {{.Region}}, {{.Zone}}, {{.Attempt}}. The
	// environment has them as RESEAT_LAUNCH_ID and so on.
	Command []string
	Timeout time.Duration // 0: 30 s
}

// DefaultTimeout is how long a command may take.
const DefaultTimeout = 30 * time.Second

// maxOutput is what is kept of a command's output: its end.
const maxOutput = 4 << 10

// Exec launches by a command.
type Exec struct {
	args    []*template.Template
	timeout time.Duration
}

var _ Launcher = (*Exec)(nil)

// NewExec returns a Launcher, or says what is wrong with cfg.
func NewExec(cfg ExecConfig) (*Exec, error) {
	if len(cfg.Command) == 0 || cfg.Command[0] == "" {
		return nil, errors.New("launch: the command is empty: give a program and its arguments")
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("launch: timeout is %v: it must not be negative", cfg.Timeout)
	}
	e := &Exec{timeout: cfg.Timeout}
	if e.timeout == 0 {
		e.timeout = DefaultTimeout
	}
	for i, arg := range cfg.Command {
		t, err := template.New(fmt.Sprintf("argument %d", i)).Parse(arg)
		if err != nil {
			return nil, fmt.Errorf("launch: %w", err)
		}
		e.args = append(e.args, t)
	}
	argv, err := e.argv(Request{ID: "id", Region: "region", Zone: "zone", Attempt: 1})
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(argv[0]); err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	return e, nil
}

// argv is the command for one request.
func (e *Exec) argv(r Request) ([]string, error) {
	var out []string
	for _, t := range e.args {
		var b strings.Builder
		if err := t.Execute(&b, r); err != nil {
			return nil, fmt.Errorf("launch: %w", err)
		}
		out = append(out, b.String())
	}
	return out, nil
}

// Launch runs the command and waits for it.
func (e *Exec) Launch(ctx context.Context, r Request) error {
	argv, err := e.argv(r)
	if err != nil {
		return &Error{"exec", r, err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("%s has not returned within %v", argv[0], e.timeout))
	defer cancel()
	var output tail
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(),
		"RESEAT_LAUNCH_ID="+r.ID, "RESEAT_LAUNCH_REGION="+r.Region, "RESEAT_LAUNCH_ZONE="+r.Zone,
		fmt.Sprintf("RESEAT_LAUNCH_ATTEMPT=%d", r.Attempt),
	)
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = time.Second // then whoever holds its output does not hold us
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	}
	if text := output.String(); text != "" {
		err = fmt.Errorf("%w; it said: %s", err, text)
	}
	return &Error{"exec", r, err}
}

// tail keeps the end of what is written. Only the command's one copier writes.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[max(0, len(p)-maxOutput):]...)
	t.b = t.b[max(0, len(t.b)-maxOutput):]
	return len(p), nil
}

func (t *tail) String() string {
	return strings.ToValidUTF8(string(bytes.TrimSpace(t.b)), "?")
}
