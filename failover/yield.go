package failover

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// yield is a planned hand-over, as its giver sees it: Primary, Yielding while the
// rest becomes durable, then Standby with the same log, as the heir's backup.
type yield struct {
	retire bool      // this server is about to stop, and claims nothing any more
	to     string    // the heir of the hand-over under way
	gave   uint64    // the epoch that we have given up; 0: none
	ours   uint64    // the epoch that was given up for us; 0: none
	until  time.Time // it is left to the heir till then
	after  time.Time // no other try before
}

// handOver begins a hand-over if somebody else should lead and can.
func (c *Candidate) handOver(now time.Time) []CandidateCommand {
	if c.state != Primary || c.view.Stale || c.view.Epoch != c.epoch {
		return nil
	}
	heir := c.heirApparent()
	switch {
	case heir == "":
		return nil
	case now.Before(c.yield.after):
		return []CandidateCommand{WakeAt{c.yield.after}}
	}
	c.to(Yielding)
	c.yield.to = heir
	return []CandidateCommand{Yield{To: heir}}
}

// heirApparent is who should lead instead of us: of the in-sync set, and there.
func (c *Candidate) heirApparent() string {
	can := func(inc string) bool {
		s, ok := c.view.Server(inc)
		return ok && s.Passing && inc != c.self && slices.Contains(c.view.InSync, inc)
	}
	if lead := c.view.Seats.Lead; lead != "" && can(lead) {
		return lead
	}
	if !c.yield.retire {
		return ""
	}
	i := slices.IndexFunc(Order(c.view, c.self), func(s discovery.Server) bool { return can(s.Incarnation) })
	if i < 0 {
		return ""
	}
	return Order(c.view, c.self)[i].Incarnation
}

// yielded makes us a backup. What the heir does not take is ours again after a
// while: our log has everything.
func (c *Candidate) yielded(now time.Time) []CandidateCommand {
	if c.state != Yielding {
		return nil // fenced meanwhile
	}
	c.yield.gave, c.epoch, c.restore.has = c.epoch, 0, false
	c.yield.until = now.Add(c.timing.Reserve)
	c.to(Standby)
	return []CandidateCommand{Release{Epoch: c.yield.gave, To: c.yield.to}, WakeAt{c.yield.until}}
}

// yieldFailed goes on as before.
func (c *Candidate) yieldFailed(now time.Time) []CandidateCommand {
	if c.state != Yielding {
		return nil
	}
	c.yield.after = now.Add(c.timing.Reserve)
	c.to(Primary)
	if cmds := c.deposed(); cmds != nil {
		return cmds
	}
	return []CandidateCommand{WakeAt{c.yield.after}}
}

// Leaving tells whether something is to happen that a stop should wait for: somebody
// else is about to lead in our stead, or, where nobody can, the edges are about to have
// what is published to be ours alone.
func (c *Candidate) Leaving() bool {
	if c.state != Primary || c.view.Stale {
		return c.state == Yielding
	}
	return c.heirApparent() != "" || c.yield.retire && c.view.InSyncKnown
}

// freed takes a lock for free on the word of who freed it: Consul's news of that come
// later, most of all when much else changes. Were the word wrong, the claim would be
// refused.
func (c *Candidate) freed(now time.Time, ev Freed) []CandidateCommand {
	if c.view.Primary == nil || c.view.Epoch != ev.Epoch {
		return nil // we know, or know better
	}
	c.view.Primary, c.freeSince = nil, now
	if ev.Heir {
		c.yield.ours = ev.Epoch
	}
	return c.tick(now)
}

// inherit leads with a lock that was passed on to us. If Consul's news came first we do
// already; and what is above that epoch is somebody else's.
func (c *Candidate) inherit(now time.Time, ev Given) []CandidateCommand {
	if c.state != Standby || c.session == "" || ev.Epoch < c.promise || ev.Epoch <= c.view.Epoch {
		return nil
	}
	c.to(Claiming)
	return c.lead(now, Claimed{Epoch: ev.Epoch, InSync: true})
}

// given tells whether the lock that is free was given up for us.
func (c *Candidate) given() bool { return c.yield.ours > 0 && c.yield.ours == c.view.Epoch }
