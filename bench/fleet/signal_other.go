//go:build !unix

package fleet

import (
	"errors"
	"fmt"
	"os"
)

func stop(*os.Process) error {
	return fmt.Errorf("processes cannot be frozen here: %w", errors.ErrUnsupported)
}
func resume(*os.Process) error { return errors.ErrUnsupported }

func ask(*os.Process) error { return errors.ErrUnsupported }
