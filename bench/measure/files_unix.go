//go:build unix

package measure

import (
	"fmt"
	"syscall"
)

// NeedFiles checks that this process may open so many files, and raises its limit
// as far as it may. Children inherit it.
func NeedFiles(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Cur >= n {
		return nil
	}
	if limit.Max < n {
		return fmt.Errorf("this needs %d open files, and %d are allowed: run `ulimit -n %d` first, or measure fewer players", n, limit.Max, n)
	}
	limit.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	return nil
}
