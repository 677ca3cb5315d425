package buffer

import (
	"errors"
	"fmt"
)

// Stats counts what became of the actions of a region, and of its snapshots.
// All but the gauges only rise.
type Stats struct {
	Logs      int    // open now
	Kept      uint64 // actions kept now
	KeptBytes int    // their payload bytes

	// What Append was offered, and what came of it.
	Offered     uint64
	Appended    uint64
	Repeats     uint64 // ErrRepeat
	Gaps        uint64 // ErrGap
	Reused      uint64 // ErrReused
	TooLarge    uint64 // ErrTooLarge
	FullActions uint64 // ErrFull, by bound
	FullBytes   uint64
	FullRegion  uint64

	// What came with a player from another region, see Region.Adopt.
	Adopted uint64

	// What became of the appended and the adopted.
	Acked     uint64
	Abandoned uint64 // by Close, while not durable
	Gone      uint64 // to another region, with their player

	// What Next handed out.
	Sent   uint64 // for the first time
	Resent uint64 // again, after a Rewind

	// What Keep was offered.
	SnapshotsKept     uint64
	SnapshotsOld      uint64 // not newer than the one that is kept
	SnapshotsTooLarge uint64
}

// Full is the number of refusals with ErrFull.
func (s Stats) Full() uint64 { return s.FullActions + s.FullBytes + s.FullRegion }

// Check tells whether every action is accounted for. An error is a bug in this
// package.
func (s Stats) Check() error {
	var errs []error
	equal := func(law string, left, right uint64) {
		if left != right {
			errs = append(errs, fmt.Errorf("buffer: %s does not hold: %d, %d", law, left, right))
		}
	}
	equal("Offered == Appended + Repeats + refused",
		s.Offered, s.Appended+s.Repeats+s.Gaps+s.Reused+s.TooLarge+s.Full())
	equal("Appended + Adopted == Acked + Abandoned + Gone + Kept", s.Appended+s.Adopted, s.Acked+s.Abandoned+s.Gone+s.Kept)
	if s.Sent > s.Appended+s.Adopted {
		errs = append(errs, fmt.Errorf("buffer: Sent <= Appended + Adopted does not hold: %d, %d", s.Sent, s.Appended+s.Adopted))
	}
	if s.KeptBytes < 0 || s.Kept == 0 && s.KeptBytes != 0 {
		errs = append(errs, fmt.Errorf("buffer: %d actions have %d bytes", s.Kept, s.KeptBytes))
	}
	return errors.Join(errs...)
}

func (s *Stats) append(size int) {
	s.Offered++
	s.Appended++
	s.Kept++
	s.KeptBytes += size
}

func (s *Stats) refuse(err error) {
	s.Offered++
	if full, ok := errors.AsType[*FullError](err); ok {
		s.refuseFull(full.Bound)
		return
	}
	switch {
	case errors.Is(err, ErrRepeat):
		s.Repeats++
	case errors.Is(err, ErrReused):
		s.Reused++
	case errors.Is(err, ErrTooLarge):
		s.TooLarge++
	default:
		s.Gaps++
	}
}

func (s *Stats) refuseFull(b Bound) {
	switch b {
	case BoundActions:
		s.FullActions++
	case BoundBytes:
		s.FullBytes++
	default:
		s.FullRegion++
	}
}

func (s *Stats) ack(n uint64, size int) {
	s.Acked += n
	s.Kept -= n
	s.KeptBytes -= size
}

func (s *Stats) abandon(n, size int) {
	s.Abandoned += uint64(n)
	s.Kept -= uint64(n)
	s.KeptBytes -= size
}

func (s *Stats) leave(n uint64, size int) {
	s.Gone += n
	s.Kept -= n
	s.KeptBytes -= size
}

func (s *Stats) take(n uint64, size int) {
	s.Adopted += n
	s.Kept += n
	s.KeptBytes += size
}

func (s *Stats) handOut(again bool) {
	if again {
		s.Resent++
	} else {
		s.Sent++
	}
}
