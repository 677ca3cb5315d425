//go:build unix && !linux

package consultest

import (
	"os/exec"
	"syscall"
)

const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// dieWithParent is for Linux alone.
func dieWithParent(*exec.Cmd) {}
