package buffer

import "time"

const (
	minSlots = 8   // a log's first slots
	minBlock = 256 // bytes of a log's first block
)

// memory is what a log's actions lie in: a ring of slots, found by seq, and a
// block of bytes used as a ring, where each payload is contiguous. Both come
// from the region's pools with the first action, grow by doubling, and go back
// when the log is empty.
//
// A payload that was handed out stays valid until it is acked. So a block is
// never compacted in place, and goes back to the pool only when nothing is kept;
// one that was outgrown is left to the garbage collector.
type memory struct {
	slots []slot // slot of seq is slots[seq % len]; the length is a power of two
	block []byte
	write int // offset in block for the next payload
	used  int // bytes of block that are taken, payloads and gaps
	bytes int // payload bytes
	peak  int // the most that was used since the log was empty, or nearly so
	first int // how much to begin with: the peak of the time before it was empty
}

// slot says where an action's payload is.
type slot struct {
	at   time.Time
	off  uint32
	size uint32
	gap  uint32 // bytes before it that were left free at the end of the block
}

func (l *Log) slot(seq uint64) *slot { return &l.slots[seq&uint64(len(l.slots)-1)] }

func (l *Log) payload(seq uint64) []byte {
	s := l.slot(seq)
	end := s.off + s.size
	return l.block[s.off:end:end]
}

// hold stores the action after tail, which the limits admit.
func (l *Log) hold(r *Region, seq uint64, payload []byte, now time.Time) {
	if l.Kept() == len(l.slots) {
		l.growSlots(r)
	}
	n := len(payload)
	off, gap := l.place(n)
	if l.used+gap+n > len(l.block) {
		l.move(r, max(l.bytes+n, 2*len(l.block), l.first, minBlock))
		off, gap = l.write, 0
	}
	copy(l.block[off:], payload)
	*l.slot(seq) = slot{at: now, off: uint32(off), size: uint32(n), gap: uint32(gap)}
	l.write = off + n
	l.used += gap + n
	l.bytes += n
	l.peak = max(l.peak, l.used)
}

// place says where n bytes would go: behind the newest payload, or, where the
// block ends too early, at its start.
func (l *Log) place(n int) (off, gap int) {
	if l.write+n <= len(l.block) {
		return l.write, 0
	}
	return 0, len(l.block) - l.write
}

// free forgets the n oldest actions and returns their payload bytes.
func (l *Log) free(r *Region, n uint64) (freed int) {
	for range n {
		l.acked++
		s := l.slot(l.acked)
		freed += int(s.size)
		l.used -= int(s.size + s.gap)
	}
	l.bytes -= freed
	switch {
	case l.acked == l.tail:
		l.release(r)
	case 8*l.bytes < len(l.block) && len(l.block) > minBlock:
		l.shrink(r)
	}
	return freed
}

// release gives all memory back. Nothing is kept.
func (l *Log) release(r *Region) {
	r.slots.put(l.slots)
	r.blocks.put(l.block)
	l.memory = memory{first: l.peak}
}

// shrink takes a smaller block, unless the present one was needed since the log
// was last as empty as it is now: a log that swings must not allocate each time.
func (l *Log) shrink(r *Region) {
	if 4*l.peak <= len(l.block) {
		l.move(r, max(2*l.bytes, minBlock))
	}
	l.peak = l.used
}

// move copies all payloads into a block of at least size bytes, without gaps.
func (l *Log) move(r *Region, size int) {
	old := l.block
	l.block = r.blocks.get(size)
	l.write = 0
	for i := range l.Kept() {
		s := l.slot(l.acked + 1 + uint64(i))
		copy(l.block[l.write:], old[s.off:s.off+s.size])
		s.off, s.gap = uint32(l.write), 0
		l.write += int(s.size)
	}
	l.used = l.write
}

// growSlots doubles the slots. They are seen by nobody else, so the old ones can
// be used again at once.
func (l *Log) growSlots(r *Region) {
	old := l.slots
	l.slots = r.slots.get(max(2*len(old), minSlots))
	for i := range old {
		seq := l.acked + 1 + uint64(i)
		*l.slot(seq) = old[seq&uint64(len(old)-1)]
	}
	r.slots.put(old)
}
