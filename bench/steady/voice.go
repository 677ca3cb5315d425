package steady

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// voice is one player.
type voice struct {
	crowd  *crowd
	client client
	rng    *rand.Rand
	window chan struct{} // a token for each action that may be on the way
	buf    [Payload]byte
	n      uint64 // actions so far

	mu       sync.Mutex
	changed  chan struct{} // of 1: an answer has come
	heard    uint64        // answers so far
	wrong    uint64
	play     uint64 // that is going on
	sent     uint64 // that count
	answered uint64 // likewise
	trips    []trip // of those
}

// trip is when an action was due, when it was handed in, and when it was answered.
type trip struct{ due, sent, back int64 }

// An action carries its number, when it was due, when it was handed in, and the play for
// which it counts, or 0.
func (v *voice) act(ctx context.Context, due int64) error {
	now := v.crowd.now()
	binary.BigEndian.PutUint64(v.buf[:], v.n+1)
	binary.BigEndian.PutUint64(v.buf[8:], uint64(due))  //nolint:gosec // and back
	binary.BigEndian.PutUint64(v.buf[16:], uint64(now)) //nolint:gosec // and back
	counts := uint64(0)
	if due >= v.crowd.from.Load() {
		counts = v.play
		v.mu.Lock()
		v.sent++
		v.mu.Unlock()
	}
	binary.BigEndian.PutUint64(v.buf[24:], counts)
	v.n++
	return v.client.act(ctx, v.buf[:])
}

// hear takes an answer.
func (v *voice) hear(payload []byte) {
	now := v.crowd.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(payload) != Payload || binary.BigEndian.Uint64(payload) != v.heard+1 {
		v.wrong++
	}
	v.heard++
	if len(payload) == Payload {
		counts := binary.BigEndian.Uint64(payload[24:])
		t := trip{due: int64(binary.BigEndian.Uint64(payload[8:])), sent: int64(binary.BigEndian.Uint64(payload[16:])), back: now} //nolint:gosec // from act
		if counts != 0 && counts == v.play {
			v.answered++
			v.trips = append(v.trips, t)
		}
	}
	if v.window != nil {
		select {
		case v.window <- struct{}{}:
		default: // one answer too many: wrong says so
		}
	}
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// settle waits until everything is answered.
func (v *voice) settle(ctx context.Context) error {
	for {
		v.mu.Lock()
		done := v.heard >= v.n
		v.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow acts when the schedule says so, whatever became of the actions before, and as
// often as it says so until its end: what is late then is still sent.
func (v *voice) follow(ctx, schedule context.Context, interval time.Duration) error {
	next := v.crowd.now() + int64(v.rng.Float64()*float64(interval))
	clock, err := newAlarm(schedule)
	if err != nil {
		return err
	}
	defer clock.close()
	for next < v.crowd.until.Load() {
		if early := next - v.crowd.now(); early > 0 && !clock.wait(time.Duration(early)) && v.crowd.now() < next {
			return nil // the schedule has ended; what is due is sent first
		}
		for now := v.crowd.now(); next <= now && next < v.crowd.until.Load(); next += int64(interval) {
			if err := v.act(ctx, next); err != nil {
				return err
			}
		}
		if err := v.client.flush(); err != nil {
			return err
		}
	}
	return nil
}

// saturate keeps the window full until the schedule ends: it takes all room that there
// is, and acts with it at once.
func (v *voice) saturate(ctx, schedule context.Context) error {
	for {
		select {
		case <-schedule.Done():
			return nil
		case <-v.window:
		}
		room := 1 + drain(v.window)
		for range room {
			if err := v.act(ctx, v.crowd.now()); err != nil {
				return err
			}
		}
		if err := v.client.flush(); err != nil {
			return err
		}
	}
}

// drain takes what there is.
func drain(tokens <-chan struct{}) (n int) {
	for {
		select {
		case <-tokens:
			n++
		default:
			return n
		}
	}
}
