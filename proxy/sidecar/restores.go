package sidecar

import (
	"sync"

	"github.com/reseat-proxy/reseat/buffer"
)

// maxDeaths is how many games may die of one snapshot before it is left alone.
const maxDeaths = 2

// restores remembers, across incarnations, which snapshots games died of: one
// that was being restored and never answered is counted. It is safe for
// concurrent use; the zero value is ready.
type restores struct {
	mu    sync.Mutex // guards the fields below
	under map[string]snapID
	died  map[string]map[snapID]int // by region
}

type snapID struct{ epoch, index uint64 }

func idOf(s *buffer.Snapshot) snapID { return snapID{s.Epoch, s.Index} }

// begin notes that a game is given a snapshot. It is counted as a death until
// end says that it was none.
func (r *restores) begin(region string, s *buffer.Snapshot) {
	if s == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.under == nil {
		r.under, r.died = map[string]snapID{}, map[string]map[snapID]int{}
	}
	if r.died[region] == nil || len(r.died[region]) > 64 { // old ones are never offered again
		r.died[region] = map[snapID]int{}
	}
	r.under[region] = idOf(s)
	r.died[region][idOf(s)]++
}

// end notes that the game has answered.
func (r *restores) end(region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.under[region]; ok {
		delete(r.under, region)
		delete(r.died[region], id)
	}
}

// excuse takes the death of the game that was given a snapshot back: it was not of that.
func (r *restores) excuse(region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.under[region]; ok {
		delete(r.under, region)
		r.died[region][id]--
	}
}

// bad tells whether too many games died of a snapshot.
func (r *restores) bad(region string, id snapID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.died[region][id] >= maxDeaths
}
