package buffer

import (
	"bytes"
	"fmt"
	"time"
)

// Action is one input of a player.
type Action struct {
	Seq     uint64
	Payload []byte    // memory of the log: valid until the action is acked or the log closed; not to be changed
	At      time.Time // when it was appended
}

// Log keeps one player's actions from Append to Ack. Get one from Region.Open,
// or from NewLog. It is not safe for concurrent use: what guards its region
// guards it. An empty log holds no memory besides itself.
type Log struct {
	Owner any // the caller's own; not looked at here

	region *Region // nil: closed
	acked  uint64
	sent   uint64
	tail   uint64
	high   uint64 // highest seq ever handed out

	era        uint64 // the log is live while this is the region's
	queued     bool   // in the region's ready list
	prev, next *Log   // there

	memory
}

// NewLog returns a log that stands alone, for a client. Unlike those of a
// Region it is never held. limits must be valid.
func NewLog(limits Limits) *Log {
	r := NewRegion(limits)
	l := r.Open(nil)
	l.era = r.era
	return l
}

// Append adds an action at the tail and copies its payload. now must not run
// backwards. The errors are ErrGap, ErrReused, ErrRepeat (the action was taken
// before: nothing to do, and no fault of the player's), ErrTooLarge, a
// *FullError, and ErrClosed.
func (l *Log) Append(seq uint64, payload []byte, now time.Time) error {
	r := l.region
	if r == nil {
		return ErrClosed
	}
	if err := l.admit(seq, payload); err != nil {
		r.stats.refuse(err)
		return err
	}
	l.hold(r, seq, payload, now)
	l.tail = seq
	r.stats.append(len(payload))
	r.enqueue(l)
	return nil
}

// admit decides whether an action can be appended.
func (l *Log) admit(seq uint64, payload []byte) error {
	limits := &l.region.limits
	switch {
	case seq == 0 || seq-1 > l.tail: // not tail+1, which could overflow
		return fmt.Errorf("%w: %d came after %d", ErrGap, seq, l.tail)
	case seq <= l.acked:
		return ErrRepeat
	case seq <= l.tail:
		if !bytes.Equal(l.payload(seq), payload) {
			return fmt.Errorf("%w: %d", ErrReused, seq)
		}
		return ErrRepeat
	case len(payload) > limits.ActionBytes:
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(payload), limits.ActionBytes)
	case l.Kept() >= limits.Actions:
		return errFullActions
	case l.bytes+len(payload) > limits.Bytes:
		return errFullBytes
	case l.region.stats.KeptBytes+len(payload) > limits.RegionBytes:
		return errFullRegion
	}
	return nil
}

// Next hands out the action after sent and moves sent there. It returns false
// when there is none, and while the region holds.
func (l *Log) Next() (Action, bool) {
	if !l.ready() {
		return Action{}, false
	}
	l.sent++
	l.region.stats.handOut(l.sent <= l.high)
	l.high = max(l.high, l.sent)
	if l.sent == l.tail {
		l.region.dequeue(l)
	}
	return Action{Seq: l.sent, Payload: l.payload(l.sent), At: l.slot(l.sent).at}, true
}

// Rewind is the word of a primary that it has all actions up to have: Next goes
// on after that, forward or back, and a held log is set going again. ErrBehind
// says that the primary lacks actions that were durable: the caller must not go
// on with that primary for this player.
func (l *Log) Rewind(have uint64) error {
	r := l.region
	if r == nil {
		return ErrClosed
	}
	if have < l.acked {
		return fmt.Errorf("%w: it has %d, durable are %d", ErrBehind, have, l.acked)
	}
	l.sent = min(have, l.tail)
	l.era = r.era
	r.dequeue(l)
	r.enqueue(l)
	return nil
}

// Ack frees all actions up to seq, which are durable now. A seq that was acked
// before changes nothing. ErrAckAhead says that seq is above Sent.
func (l *Log) Ack(seq uint64) error {
	if seq <= l.acked {
		return nil
	}
	if seq > l.sent {
		return fmt.Errorf("%w: %d, handed out are %d", ErrAckAhead, seq, l.sent)
	}
	r := l.region // not nil: a closed log has acked == sent
	n := seq - l.acked
	r.stats.ack(n, l.free(r, n))
	return nil
}

// Reset makes the log one that starts after durable: the next seq is durable+1.
// It keeps its place as held or live. ErrKept says that it is not empty.
func (l *Log) Reset(durable uint64) error {
	switch {
	case l.region == nil:
		return ErrClosed
	case l.Kept() > 0:
		return fmt.Errorf("%w: %d to %d", ErrKept, l.acked+1, l.tail)
	}
	l.acked, l.sent, l.tail, l.high = durable, durable, durable, durable
	return nil
}

// Acked is the highest seq that is durable.
func (l *Log) Acked() uint64 { return l.acked }

// Sent is the highest seq that was handed out since the last Rewind, or that
// the primary has.
func (l *Log) Sent() uint64 { return l.sent }

// Tail is the highest seq that was appended.
func (l *Log) Tail() uint64 { return l.tail }

// Kept is the number of actions that are not durable.
func (l *Log) Kept() int { return int(l.tail - l.acked) }

// Bytes is the number of their payload bytes.
func (l *Log) Bytes() int { return l.bytes }

// Unsent tells whether there are actions after Sent, held or not.
func (l *Log) Unsent() bool { return l.sent < l.tail }

// Oldest is the time at which the oldest kept action was appended.
func (l *Log) Oldest() (at time.Time, ok bool) {
	if l.Kept() == 0 {
		return time.Time{}, false
	}
	return l.slot(l.acked + 1).at, true
}

// Expired tells whether the oldest kept action is older than Limits.Age.
func (l *Log) Expired(now time.Time) bool {
	at, ok := l.Oldest()
	return ok && now.Sub(at) > l.region.limits.Age
}

// Full tells whether the log or its region is at one of its bounds. A large
// payload may be refused a little earlier.
func (l *Log) Full() bool { return !l.below(4) }

// Room tells whether log and region are below three quarters of their bounds:
// enough to go on after a refusal without flapping. A log that was refused for
// the region's sake gets room by the acks of other logs, so after a refusal look
// again from time to time, not only after acks of this one.
func (l *Log) Room() bool { return l.below(3) }

// below tells whether all that is bounded is below so many quarters of its bound.
func (l *Log) below(quarters int) bool {
	if l.region == nil {
		return false
	}
	limits := &l.region.limits
	return 4*l.Kept() < quarters*limits.Actions &&
		4*l.bytes < quarters*limits.Bytes &&
		4*l.region.stats.KeptBytes < quarters*limits.RegionBytes
}

// ready tells whether Next has an action to hand out.
func (l *Log) ready() bool {
	return l.sent < l.tail && l.region != nil && l.era == l.region.era
}
