package steady

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Tally is what became of the actions of a time.
type Tally struct {
	Sent     uint64 `json:"sent"`
	Answered uint64 `json:"answered"`
	Wrong    uint64 `json:"wrong"` // answers that were not the next one to come

	RoundTrip measure.Hist  `json:"round_trip"` // from the time in the schedule to the answer
	FromSend  measure.Hist  `json:"from_send"`  // from the time when it was handed in
	Took      time.Duration `json:"took_ns"`    // from the first to the last answer
}

// crowd is the players of one process.
type crowd struct {
	start   time.Time // all times are since then
	players []*voice
	from    atomic.Int64 // actions that are due from then on count
}

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
	sent     uint64 // that count
	answered uint64 // likewise
	trips    []trip // of those
}

// trip is when an action was due, when it was handed in, and when it was answered.
type trip struct{ due, sent, back int64 }

const (
	dialing = 8                // that join at once
	joining = 60 * time.Second // that all may take
	// settling is how long the answers to the last actions may take: longer than
	// any that still means something.
	settling = 5 * time.Second
)

// join connects players, and sees an action of each answered.
func join(ctx context.Context, n int, seed uint64, dial dialer) (*crowd, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, joining, fmt.Errorf("not all players were there after %v", joining))
	defer cancel()
	c := &crowd{start: time.Now()}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(dialing)
	for i := range n {
		v := &voice{crowd: c, rng: rand.New(rand.NewPCG(seed, uint64(i))), changed: make(chan struct{}, 1)}
		c.players = append(c.players, v)
		g.Go(func() (err error) {
			if v.client, err = dial(gctx, fmt.Sprintf("player-%d", i+1), v.hear); err != nil {
				return fmt.Errorf("%d players: %w", n, err)
			}
			if err := v.act(gctx, -1); err != nil {
				return err
			}
			if err := v.client.flush(); err != nil {
				return err
			}
			return v.settle(gctx)
		})
	}
	if err := g.Wait(); err != nil {
		c.leave()
		return nil, err
	}
	return c, nil
}

func (c *crowd) leave() {
	var all sync.WaitGroup
	for _, v := range c.players {
		if v.client != nil {
			all.Go(v.client.close)
		}
	}
	all.Wait()
}

func (c *crowd) now() int64 { return int64(time.Since(c.start)) }

// An action carries its number, when it was due, and when it was handed in.
func (v *voice) act(ctx context.Context, due int64) error {
	now := v.crowd.now()
	binary.BigEndian.PutUint64(v.buf[:], v.n+1)
	binary.BigEndian.PutUint64(v.buf[8:], uint64(due))  //nolint:gosec // and back
	binary.BigEndian.PutUint64(v.buf[16:], uint64(now)) //nolint:gosec // and back
	v.n++
	if due >= v.crowd.from.Load() {
		v.mu.Lock()
		v.sent++
		v.mu.Unlock()
	}
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
		t := trip{due: int64(binary.BigEndian.Uint64(payload[8:])), sent: int64(binary.BigEndian.Uint64(payload[16:])), back: now} //nolint:gosec // from act
		if t.due >= v.crowd.from.Load() {
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

// never is a time that no action is due at.
const never = 1<<63 - 1

// play carries a load for as long as warm and then for lasts; began is called in
// between, and what counts is what is due from then on. It returns when that is
// answered, or nothing comes any more.
func (c *crowd) play(ctx context.Context, load Load, warm, lasts time.Duration, began func() error) (Tally, error) {
	c.from.Store(never)
	for _, v := range c.players {
		v.mu.Lock()
		v.sent, v.answered, v.wrong, v.trips, v.window = 0, 0, 0, nil, nil
		if load.Window > 0 {
			v.window = make(chan struct{}, load.Window)
			for range load.Window {
				v.window <- struct{}{}
			}
		}
		v.mu.Unlock()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	schedule, end := context.WithCancel(gctx)
	defer end()
	for _, v := range c.players {
		g.Go(func() error {
			if load.Window > 0 {
				return v.saturate(gctx, schedule)
			}
			return v.follow(gctx, schedule, load.interval())
		})
	}
	err := c.during(gctx, warm, lasts, began)
	end()
	if err := g.Wait(); err != nil {
		return Tally{}, err
	}
	if err != nil {
		return Tally{}, err
	}
	late, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for _, v := range c.players {
		_ = v.settle(late) // what is missing is in the tally
	}
	return c.tally(), ctx.Err()
}

// during waits for the time in which the players play.
func (c *crowd) during(ctx context.Context, warm, lasts time.Duration, began func() error) error {
	if err := pause(ctx, warm); err != nil {
		return err
	}
	if err := began(); err != nil {
		return err
	}
	c.from.Store(c.now())
	return pause(ctx, lasts)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follow acts when the schedule says so, whatever became of the actions before, until
// it ends.
func (v *voice) follow(ctx, schedule context.Context, interval time.Duration) error {
	next := v.crowd.now() + int64(v.rng.Float64()*float64(interval))
	clock, err := newAlarm(schedule)
	if err != nil {
		return err
	}
	defer clock.close()
	for schedule.Err() == nil {
		if early := next - v.crowd.now(); early > 0 && !clock.wait(time.Duration(early)) {
			break
		}
		for now := v.crowd.now(); next <= now; next += int64(interval) {
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

func (c *crowd) tally() Tally {
	t := Tally{RoundTrip: measure.NewHist(), FromSend: measure.NewHist()}
	first, last := int64(never), int64(0)
	for _, v := range c.players {
		v.mu.Lock()
		t.Sent += v.sent
		t.Answered += v.answered
		t.Wrong += v.wrong
		for _, trip := range v.trips {
			t.RoundTrip.Record(time.Duration(trip.back - trip.due))
			t.FromSend.Record(time.Duration(trip.back - trip.sent))
			first, last = min(first, trip.back), max(last, trip.back)
		}
		v.mu.Unlock()
	}
	t.Took = time.Duration(max(0, last-first))
	return t
}
