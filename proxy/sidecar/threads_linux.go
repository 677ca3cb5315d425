package sidecar

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// maxThreads bounds the threads that are looked at. The kernel lists the oldest first.
const maxThreads = 128

// threadsOf returns how to look at the threads of the process at the other end of a
// unix socket. Of any other, and of our own, nothing is known.
func threadsOf(conn net.Conn) func() map[int]thread {
	pid := peerOf(conn)
	if pid == 0 || pid == os.Getpid() {
		return nobodysThreads
	}
	return func() map[int]thread { return readThreads(pid) }
}

// peerOf is the process that has connected a unix socket; 0: it is none that we see.
func peerOf(conn net.Conn) (pid int) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// readThreads looks at the threads of a process, by ID. Those of which the kernel does
// not say enough are left out.
func readThreads(pid int) map[int]thread {
	root := filepath.Join("/proc", strconv.Itoa(pid), "task")
	dir, err := os.Open(root)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(maxThreads)
	threads := make(map[int]thread, len(names))
	for _, name := range names {
		id, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		times, _ := os.ReadFile(filepath.Join(root, name, "schedstat"))
		state, _ := os.ReadFile(filepath.Join(root, name, "stat"))
		if t, ok := parseThread(times, state); ok {
			threads[id] = t
		}
	}
	return threads
}

// parseThread reads schedstat ("ran waited slices", in nanoseconds; zeros from a kernel
// that does not count) and stat ("ID (name) state …", where a name may be anything).
func parseThread(schedstat, stat []byte) (t thread, ok bool) {
	times := bytes.Fields(schedstat)
	named := bytes.LastIndex(stat, []byte(") "))
	if len(times) != 3 || named < 0 || len(stat) < named+3 {
		return t, false
	}
	ran, err1 := strconv.ParseInt(string(times[0]), 10, 64)
	waited, err2 := strconv.ParseInt(string(times[1]), 10, 64)
	if err1 != nil || err2 != nil || ran == 0 {
		return t, false
	}
	return thread{time.Duration(ran), time.Duration(waited), stat[named+2] == 'R'}, true
}
