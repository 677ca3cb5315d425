package buffer

import "math/bits"

// pool keeps slices whose length is a power of two for their next use. Logs fill
// and empty with every snapshot, so without it each round would allocate.
type pool[T any] struct {
	free  [bits.UintSize + 1][][]T // by bits.Len of the length
	held  int                      // elements in free
	limit int                      // of held; what is above it goes to the garbage collector
}

// get returns a slice of at least n > 0 elements, with whatever they held before.
func (p *pool[T]) get(n int) []T {
	class := bits.Len(uint(n - 1))
	list := p.free[class+1]
	if len(list) == 0 {
		return make([]T, 1<<class)
	}
	s := list[len(list)-1]
	list[len(list)-1] = nil
	p.free[class+1] = list[:len(list)-1]
	p.held -= len(s)
	return s
}

// put takes back what get returned. Nobody may use it any more.
func (p *pool[T]) put(s []T) {
	if len(s) == 0 || p.held+len(s) > p.limit {
		return
	}
	class := bits.Len(uint(len(s)))
	p.free[class] = append(p.free[class], s)
	p.held += len(s)
}
