package world

import "slices"

// Journal is what the world has seen of one player, by the counts that the
// client wrote into its commands. A proxy that keeps its promises leaves
// Last == Applied, no Repeats, nothing Late and nothing Missing.
type Journal struct {
	Last    uint64 `json:"last"`              // the highest count
	Applied uint64 `json:"applied"`           // commands carried out, repeats included
	Repeats uint64 `json:"repeats"`           // commands carried out again
	Late    uint64 `json:"late"`              // commands that came after a higher count
	Missing []Span `json:"missing,omitempty"` // counts below Last that never came, ascending
	Hash    uint64 `json:"hash,string"`       // Chain over the payloads, in the order of their coming
}

// Span is a range of counts, both ends included.
type Span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Has tells whether the command with count n has been carried out.
func (j *Journal) Has(n uint64) bool {
	_, missing := j.find(n)
	return 0 < n && n <= j.Last && !missing
}

// Holes is the number of counts below Last that never came.
func (j *Journal) Holes() uint64 {
	var n uint64
	for _, s := range j.Missing {
		n += s.Last - s.First + 1
	}
	return n
}

// Note records a command. Missing grows by at most one span per command.
func (j *Journal) Note(n uint64, payload []byte) {
	j.Applied++
	j.Hash = Chain(j.Hash, payload)
	if n > j.Last {
		if n > j.Last+1 {
			j.Missing = append(j.Missing, Span{j.Last + 1, n - 1})
		}
		j.Last = n
		return
	}
	i, missing := j.find(n)
	if !missing {
		j.Repeats++
		return
	}
	j.Late++
	s := j.Missing[i]
	var left []Span
	if s.First < n {
		left = append(left, Span{s.First, n - 1})
	}
	if n < s.Last {
		left = append(left, Span{n + 1, s.Last})
	}
	j.Missing = slices.Replace(j.Missing, i, i+1, left...)
}

// find returns the index of the span that holds n, and whether there is one.
func (j *Journal) find(n uint64) (int, bool) {
	i, _ := slices.BinarySearchFunc(j.Missing, n, func(s Span, n uint64) int {
		if s.Last < n {
			return -1
		}
		return 1
	})
	return i, i < len(j.Missing) && j.Missing[i].First <= n
}

// Chain folds a payload into the hash of all payloads before it (0 for none).
// It depends on every byte, on the order and on where one payload ends: FNV-1a
// over the length and the bytes. It guards against errors, not against malice.
func Chain(hash uint64, payload []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	hash = (hash ^ offset ^ uint64(len(payload))) * prime
	for _, b := range payload {
		hash = (hash ^ uint64(b)) * prime
	}
	return hash
}
