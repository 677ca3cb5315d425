package wire

import "sync/atomic"

// Tally counts by code: refusals, ends of sessions. The zero value is ready; it
// is safe for concurrent use.
type Tally struct {
	counts [128]atomic.Uint64 // every code of the registry is below 128
}

// Add counts one.
func (t *Tally) Add(c Code) { t.counts[min(uint64(c), uint64(len(t.counts)-1))].Add(1) }

// Count is how often c was counted.
func (t *Tally) Count(c Code) uint64 { return t.counts[min(uint64(c), uint64(len(t.counts)-1))].Load() }

// Counts returns every code that was counted.
func (t *Tally) Counts() map[Code]uint64 {
	out := map[Code]uint64{}
	for i := range t.counts {
		if n := t.counts[i].Load(); n > 0 {
			out[Code(i)] = n
		}
	}
	return out
}
