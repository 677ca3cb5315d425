package buffer

import (
	"fmt"
	"slices"
	"sort"
)

// segment is how many records lie together. A segment is freed as a whole.
const segment = 256

// spare is how many free segments are kept for the next appends.
const spare = 4

// usual is how much memory a free segment may keep.
const usual = 256 << 10

// RegionLog is the order of everything that changes a region: records with
// indexes base+1 … end. Records are appended at the end, shipped to backups by
// cursors that the caller keeps, trimmed below what a snapshot covers, and, in a
// backup only, cut at the end when a new primary lacks them. From one record to
// the next epochs never fall: the caller sees to that.
//
// The zero value is an empty log. It is not safe for concurrent use.
type RegionLog struct {
	base      uint64 // index of the last record that was trimmed
	baseEpoch uint64 // its epoch
	baseChain uint64
	segments  []*records // all but the last are full
	skip      int        // records of the first segment that are trimmed
	free      []*records
	bytes     int // payloads
}

type records struct {
	n      int
	at     [segment]Record
	chain  [segment]uint64
	memory []byte // payloads; slices of it stay valid when it is outgrown
}

// Base is the index below which nothing is left, and its epoch.
func (l *RegionLog) Base() (index, epoch uint64) { return l.base, l.baseEpoch }

// End is the index of the last record, and its epoch.
func (l *RegionLog) End() (index, epoch uint64) {
	index = l.end()
	return index, l.EpochAt(index)
}

func (l *RegionLog) end() uint64 { return l.base + uint64(l.count()) }

func (l *RegionLog) count() int {
	n := len(l.segments)
	if n == 0 {
		return 0
	}
	return (n-1)*segment + l.segments[n-1].n - l.skip
}

// Bytes is how many bytes of payloads the log holds.
func (l *RegionLog) Bytes() int { return l.bytes }

// Reset empties the log: the next record is the one after index, whose epoch and
// chain are given.
func (l *RegionLog) Reset(index, epoch, chain uint64) {
	for _, s := range l.segments {
		l.recycle(s)
	}
	clear(l.segments)
	*l = RegionLog{base: index, baseEpoch: epoch, baseChain: chain, free: l.free, segments: l.segments[:0]}
}

// Append adds a record and returns its index. The payload is copied.
func (l *RegionLog) Append(r Record) uint64 {
	n := len(l.segments)
	if n == 0 || l.segments[n-1].n == segment {
		l.segments = append(l.segments, l.fresh())
		n++
	}
	chain := r.Chained(l.ChainAt(l.end()))
	s := l.segments[n-1]
	start := len(s.memory)
	s.memory = append(s.memory, r.Payload...)
	r.Payload = s.memory[start:len(s.memory):len(s.memory)]
	s.at[s.n], s.chain[s.n] = r, chain
	s.n++
	l.bytes += len(r.Payload)
	return l.end()
}

func (l *RegionLog) fresh() *records {
	if n := len(l.free); n > 0 {
		s := l.free[n-1]
		l.free = l.free[:n-1]
		return s
	}
	return new(records)
}

// locate returns the segment and the place in it of an index in base+1..end.
func (l *RegionLog) locate(index uint64) (*records, int) {
	if index <= l.base || index > l.end() {
		panic(fmt.Sprintf("buffer: record %d of a log of %d..%d", index, l.base+1, l.end()))
	}
	i := int(index-l.base-1) + l.skip
	return l.segments[i/segment], i % segment
}

// At returns the record of an index in base+1..end. Its payload is the log's: it
// is valid until the record is trimmed or cut.
func (l *RegionLog) At(index uint64) *Record {
	s, i := l.locate(index)
	return &s.at[i]
}

// EpochAt is the epoch of the record at an index in base..end.
func (l *RegionLog) EpochAt(index uint64) uint64 {
	if index == l.base {
		return l.baseEpoch
	}
	return l.At(index).Epoch
}

// ChainAt is the hash over all records up to an index in base..end.
func (l *RegionLog) ChainAt(index uint64) uint64 {
	if index == l.base {
		return l.baseChain
	}
	s, i := l.locate(index)
	return s.chain[i]
}

// Trim forgets the records up to index, which a snapshot covers.
func (l *RegionLog) Trim(index uint64) {
	index = min(index, l.end())
	if index <= l.base {
		return
	}
	epoch, chain := l.EpochAt(index), l.ChainAt(index)
	for i := l.base + 1; i <= index; i++ {
		l.bytes -= len(l.At(i).Payload)
	}
	l.skip += int(index - l.base)
	l.base, l.baseEpoch, l.baseChain = index, epoch, chain
	for len(l.segments) > 0 && l.skip >= l.segments[0].n {
		l.skip -= l.segments[0].n
		l.recycle(l.segments[0])
		l.segments = slices.Delete(l.segments, 0, 1)
	}
}

// recycle keeps a segment for reuse, and its memory if that is of a usual size.
func (l *RegionLog) recycle(s *records) {
	if len(l.free) == spare {
		return
	}
	if cap(s.memory) > usual {
		s.memory = nil
	}
	clear(s.at[:]) // payloads may lie in memory that was outgrown
	s.n, s.memory = 0, s.memory[:0]
	l.free = append(l.free, s)
}

// Truncate forgets the records after index.
func (l *RegionLog) Truncate(index uint64) {
	for index = max(index, l.base); l.end() > index; {
		last := len(l.segments) - 1
		s := l.segments[last]
		s.n--
		size := len(s.at[s.n].Payload)
		l.bytes -= size
		s.memory = s.memory[:len(s.memory)-size]
		switch {
		case last > 0 && s.n > 0 || last == 0 && s.n > l.skip:
			continue
		case last == 0:
			l.skip = 0
		}
		l.recycle(s)
		l.segments = slices.Delete(l.segments, last, last+1)
	}
}

// Common compares this log with another one, whose last record, at index, was
// written in epoch (0, 0: it is empty). They agree up to there if Common returns
// just index and epoch. If it returns anything else, the other log has records
// that this one lacks: it is to be cut at its EndOf(at, of), and asked again.
// Known is false when this log begins too late to tell.
//
// Logs are compared by epoch, never by what was thought durable (KIP-101): an
// epoch has one writer, who only appends. So two records of one epoch at one
// index are the same, and so is all that is before them. Each round cuts at least
// one record, and none that both logs have.
func (l *RegionLog) Common(index, epoch uint64) (at, of uint64, known bool) {
	at = l.EndOf(index, epoch)
	of = l.EpochAt(at)
	return at, of, index >= l.base && of <= epoch
}

// EndOf is the last index, at most index, of a record of an epoch of at most
// epoch, or base when there is none: where a backup cuts its log.
func (l *RegionLog) EndOf(index, epoch uint64) uint64 {
	index = min(index, l.end())
	if index <= l.base {
		return l.base
	}
	return l.base + uint64(sort.Search(int(index-l.base), func(i int) bool {
		return l.EpochAt(l.base+1+uint64(i)) > epoch
	}))
}
