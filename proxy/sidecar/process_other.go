//go:build !linux

package sidecar

import "syscall"

// dieWithUs has no counterpart here: a game whose sidecar is killed sees its
// socket close, and game.Run returns.
func dieWithUs() *syscall.SysProcAttr { return nil }
