package buffer

import "unsafe"

// poolShare is the part of Limits.RegionBytes that may lie unused in each of a
// region's two pools.
const poolShare = 16

// Region keeps the logs of a region's players under one budget, knows which of
// them have something to send, and keeps the region's newest snapshot. It is not
// safe for concurrent use: one lock of the caller guards it and its logs.
type Region struct {
	limits Limits
	stats  Stats
	newest *Snapshot
	prior  *Snapshot // the one before, should games die of the newest

	era        uint64 // raised by Hold; logs of an earlier one are held
	head, tail *Log   // ready list, the first to send at the head

	slots  pool[slot]
	blocks pool[byte]
}

// NewRegion returns a region without logs. limits must be valid.
func NewRegion(limits Limits) *Region {
	share := limits.RegionBytes / poolShare
	return &Region{
		limits: limits,
		era:    1, // above that of a log that was never rewound
		slots:  pool[slot]{limit: share / int(unsafe.Sizeof(slot{}))},
		blocks: pool[byte]{limit: share},
	}
}

// Open returns a new log that starts at seq 1; see Log.Reset. It is held until
// its first Rewind. owner is for the caller, who finds it in Log.Owner.
func (r *Region) Open(owner any) *Log {
	r.stats.Logs++
	return &Log{Owner: owner, region: r}
}

// Close ends a log of this region and abandons what it keeps: n actions, seqs
// first to last. They are 0 when all was durable, or the log closed already.
func (r *Region) Close(l *Log) (n int, first, last uint64) {
	if l.region != r {
		return 0, 0, 0
	}
	if n = l.Kept(); n > 0 {
		first, last = l.acked+1, l.tail
	}
	r.dequeue(l)
	r.stats.Logs--
	r.stats.abandon(n, l.bytes)
	l.release(r)
	l.memory = memory{}
	l.sent, l.tail = l.acked, l.acked
	l.region = nil
	return n, first, last
}

// Adopt makes a log of another region one of this, with all that it keeps: its
// player goes there. It is held until its next Rewind. No bound of this region
// refuses it; the next Append may be. What guards either region must guard both
// meanwhile.
func (r *Region) Adopt(l *Log) {
	from := l.region
	if from == nil || from == r {
		return
	}
	from.dequeue(l)
	n := uint64(l.Kept())
	from.stats.Logs--
	from.stats.leave(n, l.bytes)
	r.stats.Logs++
	r.stats.take(n, l.bytes)
	l.region, l.era = r, 0
}

// Hold stops all logs, because there is no primary to send to. Each goes on
// with its own Rewind.
func (r *Region) Hold() {
	r.era++
	for r.head != nil {
		r.dequeue(r.head)
	}
}

// NextReady takes the log that has waited longest with something to send out of
// the line, or returns nil. The caller calls its Next as often as it likes, then
// Requeue.
func (r *Region) NextReady() *Log {
	l := r.head
	if l != nil {
		r.dequeue(l)
	}
	return l
}

// Requeue puts a log that NextReady returned to the end of the line, if it has
// more to send.
func (r *Region) Requeue(l *Log) { r.enqueue(l) }

// Keep takes a snapshot if it is newer than the one that is kept and not above
// Limits.SnapshotBytes, and tells whether it did. The snapshot must not be
// changed any more.
func (r *Region) Keep(s *Snapshot) bool {
	switch {
	case s.Size() > r.limits.SnapshotBytes:
		r.stats.SnapshotsTooLarge++
		return false
	case !s.Newer(r.newest):
		r.stats.SnapshotsOld++
		return false
	}
	r.prior, r.newest = r.newest, s
	r.stats.SnapshotsKept++
	return true
}

// Newest is the newest snapshot that was kept, or nil.
func (r *Region) Newest() *Snapshot { return r.newest }

// Snapshot is the kept snapshot of that epoch and index, or nil: the newest or the
// one before it.
func (r *Region) Snapshot(epoch, index uint64) *Snapshot {
	for _, s := range [...]*Snapshot{r.newest, r.prior} {
		if s != nil && s.Epoch == epoch && s.Index == index {
			return s
		}
	}
	return nil
}

// Prior is the snapshot that was kept before the newest, or nil.
func (r *Region) Prior() *Snapshot { return r.prior }

// Stats returns a copy of the counters.
func (r *Region) Stats() Stats { return r.stats }

// enqueue puts a log that has something to send to the end of the line, once.
func (r *Region) enqueue(l *Log) {
	if l.queued || !l.ready() || l.region != r {
		return
	}
	l.queued, l.prev = true, r.tail
	if r.tail == nil {
		r.head = l
	} else {
		r.tail.next = l
	}
	r.tail = l
}

// dequeue takes a log out of the line, wherever it stands there.
func (r *Region) dequeue(l *Log) {
	if !l.queued {
		return
	}
	if l.prev == nil {
		r.head = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		r.tail = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.queued, l.prev, l.next = false, nil, nil
}
