package failover

import (
	"cmp"
	"time"
)

// restore is what a new primary knows of the snapshots that its edges keep.
type restore struct {
	edges map[string]*Offered // edges that have the region open; nil: no offer yet
	from  string              // the edge that is asked; "" while none is
	begun bool                // a fetch or a new world is under way
	has   bool                // the state of the epoch is here
	by    time.Time           // from then on we do not wait for missing offers
}

func newRestore() restore { return restore{edges: map[string]*Offered{}} }

// lead starts the epoch. A member of the in-sync set is promoted with what it
// has, and so is who led the last epoch that anybody has heard of. Others restore
// what the edges keep: earlier offers are of another epoch's time, so every edge
// is asked anew.
func (c *Candidate) lead(now time.Time, won Claimed) []CandidateCommand {
	c.to(Restoring)
	epoch := won.Epoch
	last := c.restore.has && c.epoch > 0 && (c.epoch == c.promise || c.epoch+1 == epoch)
	c.epoch = epoch
	for edge := range c.restore.edges {
		c.restore.edges[edge] = nil
	}
	c.restore.by = now.Add(c.timing.Offers)
	if epoch < c.promise {
		return c.stepDown(ReasonDeposed)
	}
	c.promise = epoch
	if won.InSync || last {
		c.restore.begun, c.restore.has = true, true
		return []CandidateCommand{Lead{epoch}, Promote{}}
	}
	c.restore.begun, c.restore.has, c.restore.from = false, false, ""
	return append([]CandidateCommand{Lead{epoch}}, c.decideRestore(now)...)
}

// decideRestore picks the newest snapshot once every edge has made its offer,
// or the time for offers is over. A region that has lived before (epoch above
// 1) is founded anew only when edges are there and none keeps a snapshot:
// without an edge it waits, because the edge that comes may keep one.
func (c *Candidate) decideRestore(now time.Time) []CandidateCommand {
	if c.state != Restoring || c.restore.begun {
		return nil
	}
	best, missing := c.bestOffer()
	inTime := now.Before(c.restore.by)
	switch {
	case best != nil && (!missing || !inTime):
		c.restore.begun, c.restore.from = true, best.Edge
		return []CandidateCommand{Fetch{Edge: best.Edge, Epoch: best.Epoch, Index: best.Index}}
	case best == nil && c.epoch == 1,
		best == nil && !missing && len(c.restore.edges) > 0 && !inTime:
		c.restore.begun = true
		return []CandidateCommand{Found{}}
	case inTime:
		return []CandidateCommand{WakeAt{c.restore.by}}
	}
	return nil
}

func (o Offered) newer(than Offered) bool {
	return cmp.Or(cmp.Compare(o.Epoch, than.Epoch), cmp.Compare(o.Index, than.Index)) > 0
}

func (c *Candidate) bestOffer() (best *Offered, missing bool) {
	for _, o := range c.restore.edges {
		switch {
		case o == nil:
			missing = true
		case o.Epoch == 0:
		case best == nil, o.newer(*best), !best.newer(*o) && o.Edge < best.Edge:
			best = o
		}
	}
	return best, missing
}

// edgeDown goes on with the next best offer when the edge that was asked is gone.
func (c *Candidate) edgeDown(now time.Time, edge string) []CandidateCommand {
	if c.state == Restoring && c.restore.from == edge {
		c.restore.begun, c.restore.from = false, ""
	}
	return c.decideRestore(now)
}
