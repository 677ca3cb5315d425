package failover

import (
	"cmp"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
)

// standing is where a candidate's log ends.
type standing struct{ epoch, index uint64 }

// tick claims a free lock when this candidate's turn has come, and lets a
// restore go on whose offers do not all come.
func (c *Candidate) tick(now time.Time) []CandidateCommand {
	switch {
	case c.state == Restoring:
		return c.decideRestore(now)
	case c.state == Primary:
		return c.handOver(now)
	case c.state == Standby && c.freeSince.IsZero():
		return c.execute(now)
	case c.state != Standby || c.view.Stale || c.freeSince.IsZero() || c.session == "" || c.yield.retire || !c.mayClaim():
		return nil
	}
	if at := c.turn(); now.Before(at) {
		return []CandidateCommand{WakeAt{at}}
	}
	c.to(Claiming)
	c.tried = c.view.Epoch
	c.heir = c.forgot() && c.setKnown // mayClaim: and we are in it
	return []CandidateCommand{Claim{Floor: c.promise, Given: c.given()}}
}

// turn is when we may claim the lock that is free.
func (c *Candidate) turn() time.Time {
	at := c.freeSince
	if !c.given() { // else nobody else's turn is before ours
		at = at.Add(c.timing.ClaimDelay(c.rank()))
		if c.waitsForHeir() {
			at = at.Add(c.timing.Heir)
		}
		if c.ahead >= c.timing.Recoveries {
			at = later(at, c.freeSince.Add(c.timing.MaxWait))
		}
	}
	if c.view.Epoch == c.yield.gave {
		at = later(at, c.yield.until)
	}
	if c.view.Epoch == c.tried {
		at = later(at, c.retryAt)
	}
	return at
}

// rank is our turn: who is to lead first, then those whose logs are longer, then the
// order on which all candidates agree.
func (c *Candidate) rank() int {
	lost := c.holder
	if lost == c.self {
		lost = "" // our own lock was lost: our log is still the longest
	}
	view := c.view
	view.InSync, view.InSyncKnown = c.set, c.setKnown
	order := Order(view, lost)
	slices.SortStableFunc(order, func(a, b discovery.Server) int {
		x, y := c.standing[a.Incarnation], c.standing[b.Incarnation]
		return cmp.Or(c.toLead(a, b), cmp.Compare(y.epoch, x.epoch), cmp.Compare(y.index, x.index))
	})
	i := slices.IndexFunc(order, func(s discovery.Server) bool { return s.Incarnation == c.self })
	if i < 0 {
		return len(order)
	}
	return i
}

// waitsForHeir tells whether another is to lead, and can.
func (c *Candidate) waitsForHeir() bool {
	lead := c.view.Seats.Lead
	if lead == "" || lead == c.self || c.setKnown && !slices.Contains(c.set, lead) {
		return false
	}
	s, ok := c.view.Server(lead)
	return ok && s.Passing
}

func (c *Candidate) toLead(a, b discovery.Server) int {
	switch c.view.Seats.Lead {
	case "":
		return 0
	case a.Incarnation:
		return -1
	case b.Incarnation:
		return 1
	}
	return 0
}

// forgot tells whether Consul knows of fewer epochs than we do: it was wiped, or
// restored to another day. What it said of the set before still counts.
func (c *Candidate) forgot() bool { return c.view.Epoch < c.promise }

// mayClaim tells whether the take-over could succeed: where a set is published,
// it is for its members only.
func (c *Candidate) mayClaim() bool {
	return fault.Bug(fault.TakeOverByNonMember) || !c.setKnown || !c.barred && slices.Contains(c.set, c.self)
}

func (c *Candidate) claimFailed(now time.Time, ev ClaimFailed) []CandidateCommand {
	c.to(Standby)
	if !c.isOurs() {
		if cmds := c.deposed(); cmds != nil {
			return cmds
		}
	}
	if ev.Final {
		c.session = "" // until there is a new one
		return nil
	}
	c.retryAt = now.Add(c.timing.Retry)
	return []CandidateCommand{WakeAt{c.retryAt}}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
