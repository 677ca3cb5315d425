package proxy_test

import "fmt"

// violate notes that a promise was broken. The test goes on, so that everything
// is taken down, and fails in the end.
func (m *mesh) violate(format string, args ...any) {
	m.t.Errorf("violation: %s", fmt.Sprintf(format, args...))
}
