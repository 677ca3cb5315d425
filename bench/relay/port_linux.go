package relay

import "syscall"

// canShare tells whether a guard can keep the port.
const canShare = true

// shareable is for net.Dialer and net.ListenConfig: the socket may share its
// address with another one that is shareable too.
func shareable(_, _ string, c syscall.RawConn) error { return share(c, true) }

// share lets a socket share its address, or not, with sockets that are bound
// from now on.
func share(c syscall.RawConn, on bool) error {
	value := 0
	if on {
		value = 1
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, value)
	})
	if err != nil {
		return err
	}
	return failed
}
