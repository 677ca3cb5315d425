package buffer

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// logMachine drives a RegionLog beside a plain slice of all records that it holds.
type logMachine struct {
	log   RegionLog
	base  uint64
	epoch uint64 // of the record at base
	chain uint64 // of all records up to base
	kept  []Record
	lent  [][]byte // payloads that At returned, one for each of kept; nil: not asked for
}

func (m *logMachine) end() uint64 { return m.base + uint64(len(m.kept)) }

func (m *logMachine) lastEpoch() uint64 {
	if len(m.kept) == 0 {
		return m.epoch
	}
	return m.kept[len(m.kept)-1].Epoch
}

func (m *logMachine) append(t *rapid.T, r Record) {
	scratch := bytes.Clone(r.Payload)
	given := r
	given.Payload = scratch
	require.Equal(t, m.end()+1, m.log.Append(given))
	clear(scratch) // the log must have its own copy
	m.kept, m.lent = append(m.kept, r), append(m.lent, nil)
}

func (m *logMachine) Append(t *rapid.T) { m.append(t, drawRecord(t, m.lastEpoch())) }

// Fill appends so many that segments come and go.
func (m *logMachine) Fill(t *rapid.T) {
	r := drawRecord(t, m.lastEpoch())
	r.Payload = r.Payload[:min(len(r.Payload), 500)]
	for range rapid.IntRange(1, 2*segment+1).Draw(t, "count") {
		r.Seq++
		m.append(t, r)
	}
}

func (m *logMachine) Lend(t *rapid.T) {
	for range 4 {
		if len(m.kept) > 0 {
			i := rapid.IntRange(0, len(m.kept)-1).Draw(t, "i")
			m.lent[i] = m.log.At(m.base + 1 + uint64(i)).Payload
		}
	}
}

func (m *logMachine) Trim(t *rapid.T) {
	index := m.around(t)
	m.log.Trim(index)
	index = min(index, m.end())
	if index <= m.base {
		return
	}
	n := int(index - m.base)
	for _, r := range m.kept[:n] {
		m.chain = r.Chained(m.chain)
	}
	m.base, m.epoch = index, m.kept[n-1].Epoch
	m.kept, m.lent = m.kept[n:], m.lent[n:]
}

func (m *logMachine) Truncate(t *rapid.T) {
	index := m.around(t)
	m.log.Truncate(index)
	if index = max(index, m.base); index < m.end() {
		n := int(index - m.base)
		m.kept, m.lent = slices.Clone(m.kept[:n]), slices.Clone(m.lent[:n])
	}
}

// around is an index in the log, or somewhat outside of it.
func (m *logMachine) around(t *rapid.T) uint64 {
	return rapid.Uint64Range(m.base-min(m.base, 2), m.end()+2).Draw(t, "index")
}

func (m *logMachine) Reset(t *rapid.T) {
	index, epoch := rapid.Uint64Max(1000).Draw(t, "index"), rapid.Uint64Max(9).Draw(t, "epoch")
	chain := rapid.Uint64().Draw(t, "chain")
	m.log.Reset(index, epoch, chain)
	*m = logMachine{log: m.log, base: index, epoch: epoch, chain: chain}
}

// check compares everything that can be seen, after every step.
func (m *logMachine) check(t *rapid.T) {
	l := &m.log
	base, baseEpoch := l.Base()
	require.Equal(t, []uint64{m.base, m.epoch}, []uint64{base, baseEpoch})
	end, endEpoch := l.End()
	require.Equal(t, []uint64{m.end(), m.lastEpoch()}, []uint64{end, endEpoch})
	require.Equal(t, m.epoch, l.EpochAt(m.base))
	require.Equal(t, m.chain, l.ChainAt(m.base))
	held, chain := 0, m.chain
	for i := range m.kept {
		want, index := &m.kept[i], m.base+1+uint64(i)
		got := l.At(index)
		chain = want.Chained(chain)
		if !equalRecords(want, got) || chain != l.ChainAt(index) || want.Epoch != l.EpochAt(index) {
			t.Fatalf("record %d is %+v, not %+v", index, got, want)
		}
		if m.lent[i] != nil && !bytes.Equal(want.Payload, m.lent[i]) {
			t.Fatalf("the payload of record %d changed after it was lent", index)
		}
		held += len(want.Payload)
	}
	require.Equal(t, held, l.Bytes())
	for _, outside := range []uint64{m.base, m.end() + 1} {
		require.Panics(t, func() { l.At(outside) })
	}
	m.checkEnds(t)
	m.checkMemory(t)
}

// checkEnds compares EndOf and Common with what a walk over the slice finds.
func (m *logMachine) checkEnds(t *rapid.T) {
	index, epoch := m.around(t), rapid.Uint64Max(m.lastEpoch()+1).Draw(t, "epoch")
	at, of := m.base, m.epoch
	for i, r := range m.kept {
		if m.base+1+uint64(i) <= index && r.Epoch <= epoch {
			at, of = m.base+1+uint64(i), r.Epoch
		}
	}
	require.Equal(t, at, m.log.EndOf(index, epoch))
	gotAt, gotOf, known := m.log.Common(index, epoch)
	require.Equal(t, []uint64{at, of}, []uint64{gotAt, gotOf})
	require.Equal(t, index >= m.base && of <= epoch, known)
}

// checkMemory looks at what the log holds on to.
func (m *logMachine) checkMemory(t *rapid.T) {
	l := &m.log
	require.LessOrEqual(t, len(l.free), spare)
	require.LessOrEqual(t, len(l.segments), len(m.kept)/segment+2)
	require.Less(t, l.skip, segment)
	if len(m.kept) == 0 {
		require.Empty(t, l.segments)
		require.Zero(t, l.skip)
	}
	for _, s := range l.free {
		require.LessOrEqual(t, cap(s.memory), usual)
		require.Zero(t, s.n)
		for i := range s.at {
			require.Nil(t, s.at[i].Payload)
		}
	}
	for i, s := range l.segments {
		used := 0
		for j := range s.n {
			used += len(s.at[j].Payload)
		}
		require.Len(t, s.memory, used, "segment %d", i)
		require.True(t, i == len(l.segments)-1 || s.n == segment, "segment %d", i)
	}
}

func drawRecord(t *rapid.T, epoch uint64) Record {
	return Record{
		Epoch: epoch + rapid.Uint64Max(2).Draw(t, "raise"), Kind: Kind(rapid.IntRange(1, int(kinds)-1).Draw(t, "kind")),
		ID: rapid.Uint64Max(9).Draw(t, "id"), Seq: rapid.Uint64Max(9).Draw(t, "seq"), Number: rapid.Uint64Max(9).Draw(t, "number"),
		Payload: rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 8),
			rapid.Map(rapid.SampledFrom([]int{500, 64 << 10}), func(n int) []byte { return pattern(uint64(n), n) }),
		).Draw(t, "payload"),
	}
}

func equalRecords(a, b *Record) bool {
	return a.Epoch == b.Epoch && a.Kind == b.Kind && a.ID == b.ID && a.Seq == b.Seq && a.Number == b.Number &&
		bytes.Equal(a.Payload, b.Payload)
}

func TestRegionLogModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &logMachine{}
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"append":   m.Append,
			"fill":     m.Fill,
			"lend":     m.Lend,
			"trim":     m.Trim,
			"truncate": m.Truncate,
			"reset":    m.Reset,
		})
	})
}

// replicas are the logs of one region in three processes. Any of them may become
// primary, whatever it has: comparing logs must not rest on more than that an
// epoch has one writer.
type replicas struct {
	logs    [3]RegionLog
	all     [3][]Record // what they have, and had before it was trimmed
	primary int
	epoch   uint64 // 0: there was no primary yet
	written uint64 // makes payloads differ
}

func (r *replicas) write(i int, rec Record) {
	r.logs[i].Append(rec)
	r.all[i] = append(r.all[i], rec)
}

func (r *replicas) Elect(t *rapid.T) {
	r.primary = rapid.IntRange(0, len(r.logs)-1).Draw(t, "primary")
	r.epoch += rapid.Uint64Range(1, 3).Draw(t, "raise")
	r.write(r.primary, Record{Epoch: r.epoch, Kind: KindSeal})
}

func (r *replicas) Write(t *rapid.T) {
	if r.epoch == 0 {
		t.Skip("no primary")
	}
	for range rapid.IntRange(1, 5).Draw(t, "count") {
		r.written++
		r.write(r.primary, Record{Epoch: r.epoch, Kind: KindAction, Seq: r.written, Payload: pattern(r.written, 3)})
	}
}

// Trim forgets on one side what may not even be on the other: a snapshot is ahead
// of a log that lags.
func (r *replicas) Trim(t *rapid.T) {
	i := rapid.IntRange(0, len(r.logs)-1).Draw(t, "i")
	base, _ := r.logs[i].Base()
	end, _ := r.logs[i].End()
	r.logs[i].Trim(rapid.Uint64Range(base, end).Draw(t, "index"))
}

// Replicate compares a backup's log with the primary's, has it cut, and copies
// some of the records that are missing.
func (r *replicas) Replicate(t *rapid.T) {
	if r.epoch == 0 {
		t.Skip("no primary")
	}
	i := (r.primary + rapid.IntRange(1, len(r.logs)-1).Draw(t, "backup")) % len(r.logs)
	primary, backup := &r.logs[r.primary], &r.logs[i]
	shared := uint64(sharedPrefix(r.all[r.primary], r.all[i]))
	from, fromEpoch := primary.Base()
	base, _ := backup.Base()
	for {
		index, epoch := backup.End() // Have
		at, of, known := primary.Common(index, epoch)
		if known && at == index && of == epoch {
			break // they agree
		}
		to := max(backup.EndOf(at, of), base) // Truncate
		if !known || to == index {
			require.True(t, from > shared || base > shared, "only a snapshot can help where trimmed logs do not tell")
			backup.Reset(from, fromEpoch, primary.ChainAt(from))
			r.all[i] = slices.Clone(r.all[r.primary][:from])
			break
		}
		require.Less(t, to, index, "each round cuts something")
		require.GreaterOrEqual(t, to, min(shared, index), "what both have stays")
		backup.Truncate(to)
		r.all[i] = slices.Clone(r.all[i][:to])
	}
	at, _ := backup.End()
	require.Len(t, r.all[i], int(at))
	require.GreaterOrEqual(t, sharedPrefix(r.all[r.primary], r.all[i]), int(at), "logs that agree are equal")
	require.Equal(t, primary.ChainAt(at), backup.ChainAt(at))
	end, _ := primary.End()
	for n := at + rapid.Uint64Max(end-at).Draw(t, "count"); at < n; {
		at++
		r.write(i, *primary.At(at))
		r.all[i][at-1].Payload = bytes.Clone(r.all[i][at-1].Payload)
	}
}

func sharedPrefix(a, b []Record) int {
	n := 0
	for n < min(len(a), len(b)) && equalRecords(&a[n], &b[n]) {
		n++
	}
	return n
}

// check holds the chains against the records: they are equal just where all that
// is before is equal.
func (r *replicas) check(t *rapid.T) {
	for i := range r.logs {
		other := (i + 1) % len(r.logs)
		shared := uint64(sharedPrefix(r.all[i], r.all[other]))
		from, _ := r.logs[i].Base()
		otherFrom, _ := r.logs[other].Base()
		end, _ := r.logs[i].End()
		otherEnd, _ := r.logs[other].End()
		for at := max(from, otherFrom); at <= min(end, otherEnd); at++ {
			require.Equal(t, at <= shared, r.logs[i].ChainAt(at) == r.logs[other].ChainAt(at), "at %d, %d are shared", at, shared)
			if r.logs[i].EpochAt(at) == r.logs[other].EpochAt(at) {
				require.LessOrEqual(t, at, shared, "an epoch has one writer")
			}
		}
	}
}

func TestLogsThatDivergeAgreeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &replicas{}
		t.Repeat(map[string]func(*rapid.T){
			"":          r.check,
			"elect":     r.Elect,
			"write":     r.Write,
			"replicate": r.Replicate,
			"again":     r.Replicate,
			"trim":      r.Trim,
		})
	})
}

// The example of DESIGN.md.
func TestCommon(t *testing.T) {
	written := func(epochs ...uint64) *RegionLog {
		l := &RegionLog{}
		for _, e := range epochs {
			l.Append(Record{Epoch: e, Kind: KindAction})
		}
		return l
	}
	a, b := written(5, 5, 6, 8, 8), written(5, 5, 7, 7, 7, 7)
	at, of, known := a.Common(b.End())
	require.Equal(t, []any{uint64(3), uint64(6), true}, []any{at, of, known}, "epoch 7 is not in a")
	require.EqualValues(t, 2, b.EndOf(at, of))
	b.Truncate(2)
	at, of, known = a.Common(b.End())
	require.Equal(t, []any{uint64(2), uint64(5), true}, []any{at, of, known}, "they agree")

	at, of, known = a.Common((&RegionLog{}).End())
	require.Equal(t, []any{uint64(0), uint64(0), true}, []any{at, of, known}, "an empty log agrees with every other")
	a.Trim(3)
	_, _, known = a.Common(b.End())
	require.False(t, known, "who begins later cannot tell")
	_, _, known = a.Common(3, 5)
	require.False(t, known)
	_, _, known = a.Common(3, 6)
	require.True(t, known)
}

// A log in which records come and go needs no memory for them.
func TestRegionLogDoesNotAllocate(t *testing.T) {
	step := steady(&RegionLog{})
	for range 20 * segment {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(20*segment, step))
}

// steady returns one step of a log of a thousand records: append one, ship one to
// each of two backups, trim one.
func steady(l *RegionLog) func() {
	payload := make([]byte, 100)
	var seq, sum uint64
	return func() {
		seq++
		end := l.Append(Record{Epoch: 7, Kind: KindAction, ID: seq % 100, Seq: seq, Payload: payload})
		for range 2 {
			sum += uint64(len(l.At(end).Payload))
		}
		if end > 1000 {
			l.Trim(end - 1000)
		}
	}
}

// Cutting and appending again and again must not eat memory either.
func TestTruncateGivesMemoryBack(t *testing.T) {
	l := &RegionLog{}
	step := func() {
		for range 10 {
			l.Append(Record{Epoch: 1, Kind: KindAction, Payload: make([]byte, 100)})
		}
		l.Truncate(5)
	}
	for range 1000 {
		step()
	}
	require.LessOrEqual(t, cap(l.segments[0].memory), 4096)
	require.Equal(t, 500, l.Bytes())
}
