//go:build !unix

package world

import "runtime"

func reserve(bytes uint64) (memory []byte, free func(), err error) {
	memory = make([]byte, bytes)
	return memory, func() { runtime.KeepAlive(memory) }, nil
}
