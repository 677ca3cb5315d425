package launch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var request = Request{ID: "e-1", Region: "arena", Zone: "z1", Attempt: 2}

func shell(t *testing.T, script string, timeout time.Duration, args ...string) *Exec {
	t.Helper()
	e, err := NewExec(ExecConfig{Command: append([]string{"/bin/sh", "-c", script}, args...), Timeout: timeout})
	require.NoError(t, err)
	return e
}

func TestExecTellsWhatIsWanted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	e := shell(t, `echo "$0 $1 $RESEAT_LAUNCH_ID $RESEAT_LAUNCH_REGION $RESEAT_LAUNCH_ZONE $RESEAT_LAUNCH_ATTEMPT" > `+out,
		0, "{{.Region}}-{{.Zone}}", "{{.ID}}{{if gt .Attempt 1}}-again{{end}}")
	require.NoError(t, e.Launch(t.Context(), request))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "arena-z1 e-1-again e-1 arena z1 2\n", string(text))
}

// TestExecIsNoShell: a zone is anybody's text.
func TestExecIsNoShell(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	e, err := NewExec(ExecConfig{Command: []string{"/usr/bin/env", "touch", out + "{{.Zone}}"}})
	require.NoError(t, err)
	evil := request
	evil.Zone = "; rm -rf $HOME"
	require.NoError(t, e.Launch(t.Context(), evil))
	require.FileExists(t, out+evil.Zone)
}

func TestExecFails(t *testing.T) {
	err := shell(t, `echo no quota left >&2; exit 3`, 0).Launch(t.Context(), request)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "exec", failed.Launcher)
	require.EqualError(t, err, "launch e-1 by exec: exit status 3; it said: no quota left")
}

func TestExecOutputIsCut(t *testing.T) {
	err := shell(t, `head -c 1000000 /dev/zero | tr '\0' x; echo the end; exit 1`, 0).Launch(t.Context(), request)
	require.ErrorContains(t, err, "the end")
	require.Less(t, len(err.Error()), maxOutput+200)
}

// TestExecHangs: at the end of its time a command is killed with all that it has
// started.
func TestExecHangs(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	e := shell(t, `trap "" TERM; sleep 1000 & echo $$ $! > `+pids+`.new; mv `+pids+`.new `+pids+`; wait`, time.Minute)
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- e.Launch(ctx, request) }()
	var text []byte
	require.Eventually(t, func() (ok bool) {
		text, _ = os.ReadFile(pids)
		return len(text) > 0
	}, 20*time.Second, 5*time.Millisecond)
	cancel(over)
	require.ErrorIs(t, <-ended, over)
	for word := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(word)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return gone(pid) }, 20*time.Second, 5*time.Millisecond, "process %d lives on", pid)
	}
}

// gone tells whether a process has ended. One that nobody has waited for has, too.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestExecTimeout(t *testing.T) {
	err := shell(t, `sleep 1000`, 50*time.Millisecond).Launch(t.Context(), request)
	require.ErrorContains(t, err, "/bin/sh has not returned within 50ms")
}

// TestExecLeavesAServer: what a command leaves behind holds nobody up, and lives on.
func TestExecLeavesAServer(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	began := time.Now()
	require.NoError(t, shell(t, `sleep 1000 & echo $! > `+pid, time.Minute).Launch(t.Context(), request))
	require.Less(t, time.Since(began), 20*time.Second)
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.False(t, gone(n), "the server lives on")
	require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
}

func TestBadCommands(t *testing.T) {
	for want, cfg := range map[string]ExecConfig{
		"the command is empty":      {},
		"give a program":            {Command: []string{""}},
		"must not be negative":      {Command: []string{"true"}, Timeout: -1},
		"can't evaluate field Nope": {Command: []string{"true", "{{.Nope}}"}},
		"argument 1":                {Command: []string{"true", "{{.Region"}},
		"executable file not found": {Command: []string{"no-such-program-here"}},
	} {
		_, err := NewExec(cfg)
		require.ErrorContains(t, err, want)
	}
}
