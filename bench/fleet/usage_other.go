//go:build !linux

package fleet

import (
	"errors"
	"time"
)

// Clock is known on Linux only.
func Clock(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

// Resident is known on Linux only.
func Resident(int) (uint64, error) { return 0, errors.ErrUnsupported }

// Network is what this machine's kernel has counted.
type Network struct{ Packets, Bytes uint64 }

// ReadNetwork is known on Linux only.
func ReadNetwork() (Network, error) { return Network{}, errors.ErrUnsupported }
