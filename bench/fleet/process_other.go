//go:build !linux

package fleet

import "syscall"

// attributes has nothing to say here: who is killed leaves its children behind.
func attributes() *syscall.SysProcAttr { return nil }
