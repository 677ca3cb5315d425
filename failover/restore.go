package failover

import (
	"time"
)

// restore is what a new primary knows of the snapshots that its edges keep.
type restore struct {
	edges map[string]*Offered // edges that have the region open; nil: no offer yet
	from  string              // the edge that is asked; "" while none is
	begun bool                // a fetch or a new world is under way
	has   bool                // the state of the epoch is here
	by    time.Time           // from then on we do not wait for missing offers
	anew  time.Time           // and from then on not for edges that are not there
	up    time.Time           // when the newest of the edges came
	late  time.Time           // from then on we are content with a snapshot of an older epoch than the last
}

// absence is how many times Timing.Offers a new primary waits for an edge that
// keeps a snapshot, when those that are there keep none: one of them may have been
// started a moment ago, while the one that has it all is out of reach.
const absence = 40

// gathering is how many times Timing.Offers a new primary waits after an edge has
// come, before it believes that this is all of them: after an outage they dial at
// about the same time, and the first is not the one that keeps most. Edges that
// have been there all along cost nothing.
const gathering = 4

// seniority is how many times Timing.Offers a new primary waits for a snapshot of the
// epoch before its own, when the edges that are there keep older ones only: whoever led
// then has probably cut, and the edge that keeps that is cut off from us, or is being
// started. Three seconds are less than players' actions live.
const seniority = 12

func newRestore() restore { return restore{edges: map[string]*Offered{}} }

// lead starts the epoch. A member of the in-sync set is promoted with what it
// has, and so is who led the last epoch that anybody has heard of. Others restore
// what the edges keep: earlier offers are of another epoch's time, so every edge
// is asked anew.
func (c *Candidate) lead(now time.Time, won Claimed) []CandidateCommand {
	c.to(Restoring)
	epoch, next := won.Epoch, c.epoch > 0 && won.Epoch == c.epoch+1
	since := c.epoch > 0 && !next && !won.InSync // somebody else may have led since
	last := c.restore.has && next || c.heir
	c.epoch = epoch
	for edge := range c.restore.edges {
		c.restore.edges[edge] = nil
	}
	c.restore.by, c.restore.anew = now.Add(c.timing.Offers), now.Add(absence*c.timing.Offers)
	c.restore.late = now.Add(seniority * c.timing.Offers)
	if epoch < c.promise || since {
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
// or the time for offers is over, and no edge has come a moment ago, and that is of the
// last epoch or none of it comes. A region that has lived before (epoch above
// 1) is founded anew only when edges are there and none has kept a snapshot for
// a good while: without one it waits, because the edge that comes may keep one.
func (c *Candidate) decideRestore(now time.Time) []CandidateCommand {
	if c.state != Restoring || c.restore.begun {
		return nil
	}
	best, missing := c.bestOffer()
	inTime := now.Before(c.restore.by)
	gathered := c.restore.up.Add(gathering * c.timing.Offers)
	if best != nil && best.Epoch+1 < c.epoch {
		gathered = later(gathered, c.restore.late)
	}
	complete := !now.Before(gathered) || !now.Before(c.restore.anew)
	switch {
	case best != nil && (!missing || !inTime) && complete:
		c.restore.begun, c.restore.from = true, best.Edge
		return []CandidateCommand{Fetch{Edge: best.Edge, Epoch: best.Epoch, Index: best.Index}}
	case best == nil && c.epoch == 1,
		best == nil && !missing && len(c.restore.edges) > 0 && !now.Before(c.restore.anew):
		c.restore.begun = true
		return []CandidateCommand{Found{}}
	case inTime && (missing || best == nil):
		return []CandidateCommand{WakeAt{c.restore.by}}
	case best != nil:
		return []CandidateCommand{WakeAt{gathered}}
	case best == nil && now.Before(c.restore.anew):
		return []CandidateCommand{WakeAt{c.restore.anew}}
	}
	return nil
}

func (c *Candidate) bestOffer() (best *Offered, missing bool) {
	for _, o := range c.restore.edges {
		switch {
		case o == nil:
			missing = true
		case o.Epoch == 0:
		case best == nil, o.Epoch > best.Epoch, o.Epoch == best.Epoch && o.Index > best.Index,
			o.Epoch == best.Epoch && o.Index == best.Index && o.Edge < best.Edge:
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
