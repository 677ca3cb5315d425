package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Load is what the edges say of a region.
type Load struct {
	Players  int  `json:"players"`
	Kept     int  `json:"kept"`     // actions that are kept for them and not durable
	Pressure bool `json:"pressure"` // players are being pushed back
}

// What a score is made of. A second of waiting is worth a player, so that no
// region is last for ever; the flag is worth more than all players there can be.
const (
	perPlayer   = 100
	perKept     = 1
	perSecond   = 100
	criticality = 1 << 40
	maxPart     = criticality >> 3 // of each part, however mad a report is
)

// score is how urgent a region is.
func score(l Load, critical bool, waiting time.Duration) uint64 {
	players := part(l.Players, perPlayer)
	sum := players + part(l.Kept, perKept) + part(int(waiting/time.Second), perSecond)
	if l.Pressure {
		sum += players // their buffers are full: they are about to be lost
	}
	if critical {
		sum += criticality
	}
	return sum
}

func part(n, weight int) uint64 {
	return uint64(min(max(n, 0), maxPart/weight) * weight)
}

// maxRegions bounds what reports may make us remember. Consul is asked for far
// fewer.
const maxRegions = 4096

// scores knows the loads, and when each score was written.
type scores struct {
	every    time.Duration
	critical map[string]bool
	loads    map[string]Load
	free     map[string]time.Time // since when a lock is free
	wrote    map[string]time.Time
}

func newScores(cfg Config) scores {
	s := scores{
		every: cfg.ScoreEvery, critical: map[string]bool{}, loads: map[string]Load{},
		free: map[string]time.Time{}, wrote: map[string]time.Time{},
	}
	for _, region := range cfg.Critical {
		s.critical[region] = true
	}
	return s
}

func (s *scores) report(region string, l Load) {
	if _, known := s.loads[region]; known || len(s.loads) < maxRegions {
		s.loads[region] = l
	}
}

// step scores all regions.
func (s *scores) step(now time.Time, p *picture) {
	for _, r := range p.regions {
		var waiting time.Duration
		if r.view.Primary != nil || r.view.Epoch == 0 { // nobody misses a region that never was
			delete(s.free, r.name)
		} else if since, known := s.free[r.name]; known {
			waiting = now.Sub(since)
		} else {
			s.free[r.name] = now
		}
		load, known := s.loads[r.name]
		r.load, r.critical = load, s.critical[r.name]
		r.score = score(load, r.critical, waiting)
		if !known && r.published.Score >= r.score {
			r.score = r.published.Score // an edge has told a controller before us
		}
	}
	gone := func(region string, _ time.Time) bool { return p.byName[region] == nil }
	maps.DeleteFunc(s.free, gone)
	maps.DeleteFunc(s.wrote, gone)
}

// changed is by how much a score must differ, from what is published or from that
// of a region that it changes places with, to be worth a write: a quarter, a tenth.
const (
	changedSelf  = 4
	changedOrder = 10
)

// due marks the regions whose score should be written: those where it has changed
// by a quarter, and those whose place among the others is not the one that the
// published scores give it. Each has been left alone for a while.
func (s *scores) due(now time.Time, p *picture) {
	byPublished := slices.Clone(p.regions)
	slices.SortFunc(byPublished, func(a, b *region) int {
		return cmp.Or(cmp.Compare(b.published.Score, a.published.Score), strings.Compare(a.name, b.name))
	})
	least := make([]uint64, len(byPublished)) // of all that are published to be above
	low := uint64(1<<64 - 1)
	for i, r := range byPublished {
		least[i] = low
		low = min(low, r.score)
	}
	var high uint64 // of all that are published to be below
	for i, r := range slices.Backward(byPublished) {
		r.scoreDue = now.Sub(s.wrote[r.name]) >= s.every &&
			(differ(r.score, r.published.Score, changedSelf) ||
				r.score != r.published.Score && (above(high, r.score) || i > 0 && above(r.score, least[i])))
		high = max(high, r.score)
	}
}

// differ tells whether two scores differ by a part of the one that was published.
func differ(score, published uint64, part uint64) bool {
	apart := max(score, published) - min(score, published)
	return apart > 0 && apart >= published/part
}

// above tells whether a is materially above b.
func above(a, b uint64) bool { return a > b && a-b >= a/changedOrder && a-b >= perPlayer }

// written notes that a region's score has been sent to Consul.
func (s *scores) written(now time.Time, region string) { s.wrote[region] = now }
