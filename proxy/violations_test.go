package proxy_test

import (
	"fmt"
	"time"
)

// violate notes that a promise was broken. The test goes on, so that everything
// is taken down, and fails in the end; what follows from the first few is not told.
func (m *mesh) violate(format string, args ...any) {
	if m.violations.Add(1) > 4 {
		return
	}
	line := fmt.Sprintf(format, args...)
	m.log.Error("VIOLATION " + line)
	m.t.Errorf("violation at %v: %s", time.Since(epochZero), line)
}
