package buffer

import (
	"bytes"
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tight are limits that short random runs reach all the time.
var tight = Limits{Actions: 9, Bytes: 700, Age: 10 * time.Second, ActionBytes: 300, RegionBytes: 1500, SnapshotBytes: 100}

// naive is a log written as plainly as possible: a slice, and the number of its
// actions that were handed out.
type naive struct {
	acked  uint64
	kept   []Action
	sent   int
	high   uint64
	live   bool
	closed bool
}

func (n *naive) tail() uint64 { return n.acked + uint64(len(n.kept)) }

func (n *naive) bytes() (sum int) {
	for _, a := range n.kept {
		sum += len(a.Payload)
	}
	return sum
}

func (n *naive) append(l Limits, region int, seq uint64, payload []byte, now time.Time) error {
	switch {
	case n.closed:
		return ErrClosed
	case seq == 0 || seq > n.tail()+1:
		return ErrGap
	case seq <= n.acked:
		return ErrRepeat
	case seq <= n.tail() && bytes.Equal(n.kept[seq-n.acked-1].Payload, payload):
		return ErrRepeat
	case seq <= n.tail():
		return ErrReused
	case len(payload) > l.ActionBytes:
		return ErrTooLarge
	case len(n.kept) == l.Actions:
		return &FullError{BoundActions}
	case n.bytes()+len(payload) > l.Bytes:
		return &FullError{BoundBytes}
	case region+len(payload) > l.RegionBytes:
		return &FullError{BoundRegion}
	}
	n.kept = append(n.kept, Action{Seq: seq, Payload: bytes.Clone(payload), At: now})
	return nil
}

// machine drives a region and naive logs side by side, and compares them after
// every step. Its methods in capitals are the steps.
type machine struct {
	region *Region
	limits Limits
	now    time.Time
	logs   []*pair // open ones
	line   []*pair // the ready list, as it should be
	total  Stats   // what Stats should be, the snapshots' part excepted
	over   int     // bytes that came with adopted logs, which no bound refuses
	newest *Snapshot
}

// pair is a log and what it should be.
type pair struct {
	log   *Log
	naive naive
	lent  []Action // handed out and not acked: the log's own memory
}

func newMachine(limits Limits) *machine {
	m := &machine{region: NewRegion(limits), limits: limits, now: time.Unix(1e9, 0)}
	m.region.blocks.limit, m.region.slots.limit = 8<<10, 100 // used again soon, and dropped now and then
	return m
}

// steps are the machine's steps for rapid.
func (m *machine) steps() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":       m.check,
		"open":   m.Open,
		"close":  m.Close,
		"append": m.Append,
		"fill":   m.Fill,
		"churn":  m.Churn,
		"any":    m.AppendAny,
		"next":   m.Next,
		"turn":   m.Turn,
		"rewind": m.Rewind,
		"ack":    m.Ack,
		"ackall": m.AckAll,
		"reset":  m.Reset,
		"hold":   m.Hold,
		"keep":   m.Keep,
	}
}

func (m *machine) any(t *rapid.T) *pair {
	if len(m.logs) == 0 {
		t.Skip("no log is open")
	}
	return rapid.SampledFrom(m.logs).Draw(t, "log")
}

func (m *machine) Open(t *rapid.T) {
	if len(m.logs) == 4 {
		t.Skip("enough")
	}
	p := &pair{}
	p.log = m.region.Open(p)
	m.logs = append(m.logs, p)
	m.total.Logs++
	if rapid.Bool().Draw(t, "live") {
		require.NoError(t, p.log.Rewind(0))
		p.naive.live = true
	}
}

func (m *machine) Close(t *rapid.T) {
	p := m.any(t)
	kept, tail := uint64(len(p.naive.kept)), p.naive.tail()
	n, first, last := m.region.Close(p.log)
	require.EqualValues(t, kept, n)
	if kept == 0 {
		require.Zero(t, first+last)
	} else {
		require.Equal(t, []uint64{p.naive.acked + 1, tail}, []uint64{first, last})
	}
	m.total.Logs--
	m.total.Abandoned += kept
	p.naive.kept, p.naive.sent, p.naive.closed, p.lent = nil, 0, true, nil
	m.unqueue(p)
	m.logs = slices.DeleteFunc(m.logs, func(q *pair) bool { return q == p })
	m.compare(t, p)

	n, first, last = m.region.Close(p.log)
	require.Zero(t, uint64(n)+first+last, "closed twice")
	require.ErrorIs(t, p.log.Append(tail+1, nil, m.now), ErrClosed)
	require.ErrorIs(t, p.log.Rewind(tail), ErrClosed)
	require.ErrorIs(t, p.log.Reset(tail), ErrClosed)
	require.NoError(t, p.log.Ack(p.naive.acked))
	require.ErrorIs(t, p.log.Ack(p.naive.acked+1), ErrAckAhead)
	_, ok := p.log.Next()
	require.False(t, ok)
	require.False(t, p.log.Room())
}

func (m *machine) Append(t *rapid.T) {
	p := m.any(t)
	_ = m.append(t, p, p.naive.tail()+1, payload(t, m.limits.ActionBytes))
}

// Fill appends until the log is full.
func (m *machine) Fill(t *rapid.T) {
	p := m.any(t)
	size := rapid.IntRange(0, m.limits.ActionBytes).Draw(t, "size")
	for i := 0; m.append(t, p, p.naive.tail()+1, pattern(p.naive.tail(), size)) == nil; i++ {
		require.LessOrEqual(t, i, m.limits.Actions)
	}
}

// Churn sends a while without ever running empty, so that the ring turns.
func (m *machine) Churn(t *rapid.T) {
	p := m.any(t)
	size := rapid.IntRange(1, min(m.limits.ActionBytes, m.limits.Bytes/4)).Draw(t, "size")
	depth := rapid.IntRange(1, 4).Draw(t, "depth")
	for range 40 {
		seq := p.naive.tail() + 1
		_ = m.append(t, p, seq, pattern(seq, size-int(seq)%2))
		m.next(t, p)
		if len(p.naive.kept) > depth {
			m.ack(t, p, p.naive.acked+min(1, uint64(p.naive.sent)))
		}
	}
}

// AppendAny appends what mostly must be refused.
func (m *machine) AppendAny(t *rapid.T) {
	p := m.any(t)
	seq := rapid.Uint64Range(0, p.naive.tail()+3).Draw(t, "seq")
	b := payload(t, m.limits.ActionBytes+1)
	if seq > p.naive.acked && seq <= p.naive.tail() && rapid.Bool().Draw(t, "same") {
		b = p.naive.kept[seq-p.naive.acked-1].Payload
	}
	_ = m.append(t, p, seq, b)
}

func (m *machine) append(t *rapid.T, p *pair, seq uint64, b []byte) error {
	m.now = m.now.Add(time.Millisecond)
	want := p.naive.append(m.limits, m.bytes(), seq, b, m.now)
	scratch := bytes.Clone(b)
	got := p.log.Append(seq, scratch, m.now)
	clear(scratch) // the log must have its own copy
	requireSame(t, want, got)
	m.count(want)
	m.queue(p)
	return got
}

func requireSame(t require.TestingT, want, got error) {
	_, isFull := errors.AsType[*FullError](want)
	switch {
	case want == nil:
		require.NoError(t, got)
	case isFull:
		require.ErrorIs(t, got, ErrFull)
		require.Equal(t, want, got, "bound")
	default:
		require.ErrorIs(t, got, want)
	}
}

func (m *machine) count(err error) {
	m.total.Offered++
	full, isFull := errors.AsType[*FullError](err)
	switch {
	case err == nil:
		m.total.Appended++
	case errors.Is(err, ErrGap):
		m.total.Gaps++
	case errors.Is(err, ErrRepeat):
		m.total.Repeats++
	case errors.Is(err, ErrReused):
		m.total.Reused++
	case errors.Is(err, ErrTooLarge):
		m.total.TooLarge++
	case isFull && full.Bound == BoundActions:
		m.total.FullActions++
	case isFull && full.Bound == BoundBytes:
		m.total.FullBytes++
	case isFull && full.Bound == BoundRegion:
		m.total.FullRegion++
	}
}

func (m *machine) Next(t *rapid.T) { m.next(t, m.any(t)) }

func (m *machine) next(t *rapid.T, p *pair) {
	n := &p.naive
	got, ok := p.log.Next()
	require.Equal(t, n.live && n.sent < len(n.kept), ok)
	if !ok {
		return
	}
	requireAction(t, n.kept[n.sent], got)
	n.sent++
	if got.Seq > n.high {
		n.high = got.Seq
		m.total.Sent++
	} else {
		m.total.Resent++
	}
	p.lent = append(p.lent, got)
	if n.sent == len(n.kept) {
		m.unqueue(p)
	}
}

// Turn is one round of a link's send loop.
func (m *machine) Turn(t *rapid.T) {
	l := m.region.NextReady()
	if len(m.line) == 0 {
		require.Nil(t, l)
		return
	}
	p := m.line[0]
	require.Same(t, p.log, l)
	require.Same(t, p, l.Owner)
	m.line = m.line[1:]
	for range rapid.IntRange(0, 3).Draw(t, "quantum") {
		m.next(t, p)
	}
	m.region.Requeue(l)
	m.queue(p)
}

func (m *machine) Rewind(t *rapid.T) {
	p := m.any(t)
	n := &p.naive
	low := uint64(0)
	if n.acked > 1 {
		low = n.acked - 2
	}
	have := rapid.Uint64Range(low, n.tail()+2).Draw(t, "have")
	err := p.log.Rewind(have)
	if have < n.acked {
		require.ErrorIs(t, err, ErrBehind)
		return
	}
	require.NoError(t, err)
	n.sent = int(min(have, n.tail()) - n.acked)
	n.live = true
	m.unqueue(p)
	m.queue(p)
}

func (m *machine) Ack(t *rapid.T) {
	p := m.any(t)
	m.ack(t, p, rapid.Uint64Range(0, p.naive.tail()+1).Draw(t, "seq"))
}

// AckAll makes all durable that was sent, so that logs become empty often.
func (m *machine) AckAll(t *rapid.T) {
	p := m.any(t)
	m.ack(t, p, p.naive.acked+uint64(p.naive.sent))
}

func (m *machine) ack(t *rapid.T, p *pair, seq uint64) {
	n := &p.naive
	err := p.log.Ack(seq)
	switch {
	case seq <= n.acked:
		require.NoError(t, err)
	case seq > n.acked+uint64(n.sent):
		require.ErrorIs(t, err, ErrAckAhead)
	default:
		require.NoError(t, err)
		k := int(seq - n.acked)
		n.kept, n.sent, n.acked = n.kept[k:], n.sent-k, seq
		p.lent = slices.DeleteFunc(p.lent, func(a Action) bool { return a.Seq <= seq })
		m.total.Acked += uint64(k)
	}
}

func (m *machine) Reset(t *rapid.T) {
	p := m.any(t)
	durable := rapid.Uint64Range(0, 50).Draw(t, "durable")
	err := p.log.Reset(durable)
	if len(p.naive.kept) > 0 {
		require.ErrorIs(t, err, ErrKept)
		return
	}
	require.NoError(t, err)
	p.naive.acked, p.naive.high = durable, durable
}

// adopt takes a log over from another machine.
func (m *machine) adopt(t *rapid.T, from *machine) {
	p := from.any(t)
	m.region.Adopt(p.log)
	n := uint64(len(p.naive.kept))
	from.unqueue(p)
	from.logs = slices.DeleteFunc(from.logs, func(q *pair) bool { return q == p })
	from.total.Logs--
	from.total.Gone += n
	m.logs = append(m.logs, p)
	m.total.Logs++
	m.total.Adopted += n
	m.over += p.naive.bytes()
	p.naive.live = false
}

func (m *machine) Hold(*rapid.T) {
	m.region.Hold()
	m.line = nil
	for _, p := range m.logs {
		p.naive.live = false
	}
}

func (m *machine) Keep(t *rapid.T) {
	s := &Snapshot{
		Epoch: rapid.Uint64Range(1, 4).Draw(t, "epoch"), Index: rapid.Uint64Range(0, 9).Draw(t, "index"),
		State: make([]byte, rapid.SampledFrom([]int{0, m.limits.SnapshotBytes, m.limits.SnapshotBytes + 1}).Draw(t, "size")),
	}
	newer := m.newest == nil || s.Epoch > m.newest.Epoch || s.Epoch == m.newest.Epoch && s.Index > m.newest.Index
	kept := m.region.Keep(s)
	require.Equal(t, newer && len(s.State) <= m.limits.SnapshotBytes, kept)
	if kept {
		m.newest = s
	}
	require.Same(t, m.newest, m.region.Newest())
}

func (m *machine) queue(p *pair) {
	if p.naive.live && p.naive.sent < len(p.naive.kept) && !slices.Contains(m.line, p) {
		m.line = append(m.line, p)
	}
}

func (m *machine) unqueue(p *pair) {
	m.line = slices.DeleteFunc(m.line, func(q *pair) bool { return q == p })
}

func (m *machine) bytes() (sum int) {
	for _, p := range m.logs {
		sum += p.naive.bytes()
	}
	return sum
}

// check compares everything that can be seen, after every step.
func (m *machine) check(t *rapid.T) {
	m.total.Kept, m.total.KeptBytes = 0, m.bytes()
	for _, p := range m.logs {
		m.compare(t, p)
		m.total.Kept += uint64(len(p.naive.kept))
	}
	var line []*Log
	for l := m.region.head; l != nil; l = l.next {
		line = append(line, l)
	}
	require.Len(t, line, len(m.line))
	for i, p := range m.line {
		require.Same(t, p.log, line[i])
	}
	got := m.region.Stats()
	require.NoError(t, got.Check())
	got.SnapshotsKept, got.SnapshotsOld, got.SnapshotsTooLarge = 0, 0, 0
	require.Equal(t, m.total, got)
	require.LessOrEqual(t, got.KeptBytes, m.limits.RegionBytes+m.over)
	require.LessOrEqual(t, m.region.slots.held, m.region.slots.limit)
	require.LessOrEqual(t, m.region.blocks.held, m.region.blocks.limit)
}

func (m *machine) compare(t *rapid.T, p *pair) {
	l, n := p.log, &p.naive
	want := []uint64{n.acked, n.acked + uint64(n.sent), n.tail()}
	require.Equal(t, want, []uint64{l.Acked(), l.Sent(), l.Tail()})
	require.True(t, slices.IsSorted(want))
	require.Equal(t, len(n.kept), l.Kept())
	require.Equal(t, n.bytes(), l.Bytes())
	require.Equal(t, n.sent < len(n.kept), l.Unsent())
	require.LessOrEqual(t, l.Kept(), m.limits.Actions)
	require.LessOrEqual(t, l.Bytes(), m.limits.Bytes)
	used := 0
	for _, a := range n.kept {
		require.Equal(t, string(a.Payload), string(l.payload(a.Seq)))
		used += int(l.slot(a.Seq).size + l.slot(a.Seq).gap)
	}
	require.Equal(t, used, l.used)
	for _, a := range p.lent {
		requireAction(t, n.kept[a.Seq-n.acked-1], a) // still what it was when it was handed out
	}
	at, ok := l.Oldest()
	require.Equal(t, len(n.kept) > 0, ok)
	if ok {
		require.Equal(t, n.kept[0].At, at)
		require.False(t, l.Expired(at.Add(m.limits.Age)))
		require.True(t, l.Expired(at.Add(m.limits.Age+1)))
	} else {
		require.Empty(t, l.slots, "an empty log holds memory")
		require.Empty(t, l.block, "an empty log holds memory")
	}
	require.LessOrEqual(t, len(l.block), max(minBlock, 1<<bits.Len(uint(m.limits.Bytes+m.limits.ActionBytes-1))))
	require.LessOrEqual(t, len(l.slots), max(minSlots, 1<<bits.Len(uint(m.limits.Actions-1))))
}

func requireAction(t require.TestingT, want, got Action) {
	require.Equal(t, want.Seq, got.Seq)
	require.Equal(t, want.At, got.At)
	require.Equal(t, string(want.Payload), string(got.Payload))
}

func payload(t *rapid.T, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), 0, most).Draw(t, "payload")
}

// pattern is a payload that differs from its neighbours'.
func pattern(seq uint64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(seq*131 + uint64(i))
	}
	return b
}
