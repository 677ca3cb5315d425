package buffer

import (
	"errors"
	"fmt"
	"time"
)

// maxBytes bounds Limits.Bytes, because offsets into a log's memory have 32 bits.
const maxBytes = 1 << 30

// Limits bound what is kept. Use DefaultLimits and change what differs; the
// zero Limits refuse everything.
type Limits struct {
	Actions       int           // actions of one player
	Bytes         int           // payload bytes of one player
	Age           time.Duration // of a player's oldest action, see Log.Expired
	ActionBytes   int           // payload bytes of one action
	RegionBytes   int           // payload bytes of all players of a region
	SnapshotBytes int           // Snapshot.Size of the one that is kept
}

// DefaultLimits suit players who send up to some ten actions a second of some
// hundred bytes, in regions of up to some thousand players.
func DefaultLimits() Limits {
	return Limits{
		Actions:       100,
		Bytes:         64 << 10,
		Age:           10 * time.Second,
		ActionBytes:   4 << 10,
		RegionBytes:   64 << 20,
		SnapshotBytes: 16 << 20,
	}
}

// Validate checks the limits one by one and against each other. The error joins
// all complaints, and each says what to change.
func (l Limits) Validate() error {
	var errs []error
	positive := func(name string, value int64) {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("buffer: limit %s is %d: set it above 0", name, value))
		}
	}
	positive("Actions", int64(l.Actions))
	positive("Bytes", int64(l.Bytes))
	positive("Age", int64(l.Age))
	positive("ActionBytes", int64(l.ActionBytes))
	positive("RegionBytes", int64(l.RegionBytes))
	positive("SnapshotBytes", int64(l.SnapshotBytes))

	ordered := func(low string, lowValue int, high string, highValue int, why string) {
		if lowValue > highValue {
			errs = append(errs, fmt.Errorf("buffer: limit %s (%d) is above %s (%d), so that %s: lower %[1]s or raise %[3]s",
				low, lowValue, high, highValue, why))
		}
	}
	ordered("ActionBytes", l.ActionBytes, "Bytes", l.Bytes, "the largest action would never fit into an empty log")
	ordered("Bytes", l.Bytes, "RegionBytes", l.RegionBytes, "one player could use up the region")
	if l.Bytes > maxBytes {
		errs = append(errs, fmt.Errorf("buffer: limit Bytes is %d: set it to at most %d", l.Bytes, maxBytes))
	}
	return errors.Join(errs...)
}
