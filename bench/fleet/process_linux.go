package fleet

import "syscall"

// attributes: a group of its own, so that Ctrl-C reaches only us, who then end
// the others in order; and the kernel kills it if we are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
