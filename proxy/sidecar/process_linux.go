package sidecar

import "syscall"

// dieWithUs makes the kernel kill the game when its sidecar is killed: a game
// without a sidecar must not go on playing.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
