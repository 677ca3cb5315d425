package buffer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"
)

type Action struct {
	Seq     uint64
	Payload []byte
	At      time.Time
}
type Limits struct {
	Actions, Bytes             int
	Age                        time.Duration
	ActionBytes                int
	RegionBytes, SnapshotBytes int
}

func DefaultLimits() Limits {
	return Limits{100, 64 << 10, 10 * time.Second, 4096, 64 << 20, 16 << 20}
}
func (l Limits) Validate() error { return nil }

var (
	ErrFull     = errors.New("buffer: full")
	ErrGap      = errors.New("buffer: gap")
	ErrReused   = errors.New("buffer: seq reused with another payload")
	ErrRepeat   = errors.New("buffer: repeat")
	ErrTooLarge = errors.New("buffer: action too large")
	ErrBehind   = errors.New("buffer: behind")
	ErrAckAhead = errors.New("buffer: ack ahead")
)

type Log struct {
	Owner             any
	region            *Region
	acked, sent, tail uint64
	q                 []Action
	queued, ready     bool
}

func (l *Log) Append(seq uint64, p []byte, now time.Time) error {
	if len(p) > l.region.limits.ActionBytes {
		return ErrTooLarge
	}
	switch {
	case seq == 0 || seq > l.tail+1:
		return ErrGap
	case seq <= l.acked:
		return ErrRepeat
	case seq <= l.tail:
		if bytes.Equal(l.q[seq-l.acked-1].Payload, p) {
			return ErrRepeat
		}
		return ErrReused
	case len(l.q) >= l.region.limits.Actions:
		return ErrFull
	}
	l.q = append(l.q, Action{seq, bytes.Clone(p), now})
	l.tail++
	l.region.kept++
	l.region.wake(l)
	return nil
}
func (l *Log) Next() (Action, bool) {
	if l.sent == l.tail {
		return Action{}, false
	}
	l.sent++
	return l.q[l.sent-l.acked-1], true
}
func (l *Log) Rewind(have uint64) error {
	if have < l.acked {
		return ErrBehind
	}
	l.sent = min(have, l.tail)
	l.ready = true
	l.region.wake(l)
	return nil
}
func (l *Log) Ack(seq uint64) error {
	if seq <= l.acked {
		return nil
	}
	if seq > l.sent {
		return ErrAckAhead
	}
	n := int(seq - l.acked)
	l.q = slices.Delete(l.q, 0, n)
	l.acked = seq
	l.region.kept -= n
	return nil
}
func (l *Log) Reset(d uint64) { l.acked, l.sent, l.tail = d, d, d }
func (l *Log) Sent() uint64   { return l.sent }
func (l *Log) Tail() uint64   { return l.tail }
func (l *Log) Acked() uint64  { return l.acked }
func (l *Log) Kept() int      { return len(l.q) }
func (l *Log) Room() bool     { return len(l.q) < 75 }
func (l *Log) Expired(now time.Time) bool {
	return len(l.q) > 0 && now.Sub(l.q[0].At) > l.region.limits.Age
}

type Region struct {
	limits Limits
	logs   map[*Log]bool
	q      []*Log
	snap   *Snapshot
	kept   int
}
type Stats struct{ Kept int }

func NewRegion(l Limits) *Region { return &Region{limits: l, logs: map[*Log]bool{}} }
func (r *Region) Open(owner any) *Log {
	l := &Log{Owner: owner, region: r}
	r.logs[l] = true
	return l
}
func (r *Region) Close(l *Log) (n int, first, last uint64) {
	delete(r.logs, l)
	r.kept -= len(l.q)
	l.ready = false
	if len(l.q) > 0 {
		return len(l.q), l.acked + 1, l.tail
	}
	return 0, 0, 0
}
func (r *Region) wake(l *Log) {
	if l.ready && !l.queued && l.sent < l.tail {
		l.queued = true
		r.q = append(r.q, l)
	}
}
func (r *Region) NextReady() *Log {
	for len(r.q) > 0 {
		l := r.q[0]
		r.q = r.q[1:]
		l.queued = false
		if l.ready && l.sent < l.tail {
			return l
		}
	}
	return nil
}
func (r *Region) Requeue(l *Log) { r.wake(l) }
func (r *Region) Hold() {
	for l := range r.logs {
		l.ready = false
	}
}
func (r *Region) Keep(s *Snapshot) bool {
	if r.snap != nil && !s.Newer(r.snap) {
		return false
	}
	r.snap = s
	return true
}
func (r *Region) Newest() *Snapshot { return r.snap }
func (r *Region) Stats() Stats      { return Stats{Kept: r.kept} }

type Snapshot struct {
	Region       string
	Epoch, Index uint64
	Players      []PlayerMark
	State        []byte
}
type PlayerMark struct {
	Player          string
	Attach, Applied uint64
}

func (s *Snapshot) Newer(o *Snapshot) bool {
	return s.Epoch > o.Epoch || s.Epoch == o.Epoch && s.Index > o.Index
}
func (s *Snapshot) Size() int { return len(s.State) + 32*len(s.Players) }

var _ = strings.Compare
