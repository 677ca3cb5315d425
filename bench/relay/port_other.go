//go:build !linux

package relay

import "syscall"

// canShare tells whether a guard can keep the port. What SO_REUSEADDR means for
// UDP differs between systems.
const canShare = false

func shareable(_, _ string, _ syscall.RawConn) error { return nil }

func share(syscall.RawConn, bool) error { return nil }
