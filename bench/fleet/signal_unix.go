//go:build unix

package fleet

import (
	"os"
	"syscall"
)

func stop(p *os.Process) error   { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
func ask(p *os.Process) error    { return p.Signal(syscall.SIGUSR1) }
