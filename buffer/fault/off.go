//go:build !fault

package fault

// Enabled tells whether this build can fail on purpose.
const Enabled = false

// Point does nothing in this build.
func Point(Failpoint) {}

// Bug is false in this build.
func Bug(Defect) bool { return false }
