//go:build unix

package world

import (
	"fmt"
	"syscall"
)

// reserve takes memory that the garbage collector does not know of: it would let as
// much garbage pile up.
func reserve(bytes uint64) (memory []byte, free func(), err error) {
	memory, err = syscall.Mmap(-1, 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("world: %d bytes of memory: %w", bytes, err)
	}
	return memory, func() { _ = syscall.Munmap(memory) }, nil
}
