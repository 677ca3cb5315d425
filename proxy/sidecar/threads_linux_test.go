package sidecar

import (
	"bufio"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParseThread(t *testing.T) {
	for _, test := range []struct {
		schedstat, stat string
		want            thread
		ok              bool
	}{
		{"120 30 4\n", "7 (game) R 1 7", thread{120, 30, true}, true},
		{"120 30 4\n", "7 (a) R (b) S 1 7", thread{120, 30, false}, true},
		{"120 30 4\n", "7 (game) T 1 7", thread{120, 30, false}, true},
		{"0 0 0\n", "7 (game) R 1 7", thread{}, false}, // the kernel does not count
		{"", "7 (game) R 1 7", thread{}, false},
		{"120 30 4\n", "", thread{}, false},
		{"120 30 4\n", "7 (game) ", thread{}, false}, // cut off
		{"many few 4\n", "7 (game) R 1 7", thread{}, false},
	} {
		got, ok := parseThread([]byte(test.schedstat), []byte(test.stat))
		require.Equal(t, test.want, got)
		require.Equal(t, test.ok, ok)
	}
}

// Who is behind a unix socket is known. Of ourselves nothing is asked, nor of TCP.
func TestPeer(t *testing.T) {
	for network, want := range map[string]int{"unix": os.Getpid(), "tcp": 0} {
		addr := map[string]string{"unix": filepath.Join(t.TempDir(), "s"), "tcp": "127.0.0.1:0"}[network]
		ln, err := new(net.ListenConfig).Listen(t.Context(), network, addr)
		require.NoError(t, err)
		defer ln.Close()
		game, err := new(net.Dialer).DialContext(t.Context(), network, ln.Addr().String())
		require.NoError(t, err)
		defer game.Close()
		conn, err := ln.Accept()
		require.NoError(t, err)
		defer conn.Close()
		require.Equal(t, want, peerOf(conn), network)
		require.Nil(t, threadsOf(conn)(), network)
	}
	require.Nil(t, readThreads(1<<30), "a process that is gone")
}

// spin starts a process that does nothing but count on the first of our cores, and
// returns what it says: a line now and then.
func spin(t *testing.T) (pid int, says *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; echo; done") //nolint:noctx // killed below
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = io.Copy(io.Discard, out); _ = cmd.Wait() })
	var ours, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &ours))
	for cpu := 0; one.Count() == 0; cpu++ {
		if ours.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	require.NoError(t, unix.SchedSetaffinity(cmd.Process.Pid, &one))
	return cmd.Process.Pid, bufio.NewReader(out)
}

// The kernel tells a process that shares its core from one that is stopped.
func TestThreadsOfRealProcesses(t *testing.T) {
	pid, says := spin(t)
	readLine(t, says)
	if len(readThreads(pid)) == 0 {
		t.Skip("this kernel does not count")
	}
	_, hers := spin(t)
	go func() { _, _ = io.Copy(io.Discard, hers) }()
	var s silence
	began := readThreads(pid)[pid]
	for s.waited < 20*time.Millisecond { // it comes to that: two share a core
		readLine(t, says)
		s.look(time.Now(), readThreads(pid))
	}
	require.Greater(t, readThreads(pid)[pid].ran, began.ran)

	require.NoError(t, unix.Kill(pid, unix.SIGSTOP))
	var status unix.WaitStatus
	_, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
	var stopped, again map[int]thread
	for again = readThreads(pid); !maps.Equal(stopped, again); { // until it has left its core
		stopped, again = again, readThreads(pid)
	}
	require.False(t, stopped[pid].ready)
	s = silence{}
	for range 3 {
		s.look(time.Now(), readThreads(pid))
	}
	require.Zero(t, s.waited)
}

func readLine(t *testing.T, r *bufio.Reader) {
	t.Helper()
	_, err := r.ReadString('\n')
	require.NoError(t, err)
}
