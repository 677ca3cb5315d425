package buffer

import "errors"

// Errors of a Log; compare with errors.Is. The log is unchanged after each.
var (
	ErrFull     = errors.New("buffer: the log is full")
	ErrGap      = errors.New("buffer: seq leaves a gap")
	ErrReused   = errors.New("buffer: seq was used for another payload")
	ErrRepeat   = errors.New("buffer: the log has, or had, this seq")
	ErrTooLarge = errors.New("buffer: payload above the limit")
	ErrAckAhead = errors.New("buffer: acked above what was handed out")
	ErrBehind   = errors.New("buffer: the primary lacks durable actions")
	ErrKept     = errors.New("buffer: the log still keeps actions")
	ErrClosed   = errors.New("buffer: the log is closed")
)

// Bound names the limit that refused an action. It is a metric label.
type Bound string

// The bounds.
const (
	BoundActions Bound = "actions" // Limits.Actions
	BoundBytes   Bound = "bytes"   // Limits.Bytes
	BoundRegion  Bound = "region"  // Limits.RegionBytes
)

// FullError is an ErrFull that tells which bound was reached.
type FullError struct{ Bound Bound }

func (e *FullError) Error() string { return ErrFull.Error() + ": " + string(e.Bound) }

// Is makes errors.Is(err, ErrFull) true.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Made once: being full is normal operation and must not allocate.
var (
	errFullActions = &FullError{BoundActions}
	errFullBytes   = &FullError{BoundBytes}
	errFullRegion  = &FullError{BoundRegion}
)
