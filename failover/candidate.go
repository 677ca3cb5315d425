package failover

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// State is the state of a Candidate.
type State uint8

// The states of a Candidate.
const (
	Standby   State = iota // another serves, or nobody yet
	Claiming               // a take-over transaction is under way
	Restoring              // the lock is ours; the state is on its way into the game
	Primary                // serving
	Yielding               // serving, but taking no actions: another is about to lead
	Over                   // this incarnation is no candidate any more
)

var stateNames = [...]string{"standby", "claiming", "restoring", "primary", "yielding", "over"}

// String is the state's name.
func (s State) String() string { return stateNames[s] }

// Candidate decides, in a sidecar, when to take a region over and when to give
// it up. Where an in-sync set is published only its members claim, and a winner
// is promoted with what it has; where none is, anybody may, and restores what the
// edges keep. The zero value is not usable; see NewCandidate.
type Candidate struct {
	timing  Timing
	self    string // incarnation
	session string // Consul session of this incarnation

	state   State
	epoch   uint64 // the last one of ours; 0: none
	promise uint64 // the highest epoch heard of

	view      discovery.View
	holder    string    // the last incarnation seen to hold the lock
	since     time.Time // when the present epoch was first seen
	freeSince time.Time // when the lock was first seen free; zero: it is held
	retryAt   time.Time // no claim before, in the epoch in which one failed
	tried     uint64    // that epoch

	set      []string // the in-sync set, as Consul said last before it forgot
	setKnown bool
	heir     bool // the claim under way is that of a member of it
	barred   bool // our log may lack what the set says that we have; see Bar
	ahead    int  // how many regions come before this one
	yield    yield

	standing map[string]standing // how long the logs of the candidates are

	words     map[string]word // what witnesses said, by witness
	sentence  sentence        // that is to be executed
	destroyed []time.Time     // sessions that we destroyed lately
	restore   restore
}

// NewCandidate returns a machine in Standby for one incarnation. Floor is the
// highest epoch that this process has heard of in earlier incarnations.
func NewCandidate(t Timing, self, session string, floor uint64) *Candidate {
	return &Candidate{
		timing: t, self: self, session: session, promise: floor,
		words: map[string]word{}, standing: map[string]standing{}, restore: newRestore(),
	}
}

// Bar keeps a candidate from claiming on the word of an in-sync set until its log
// has been compared with a primary's: the incarnation has had this region before,
// and may still be in the set for a log that is gone.
func (c *Candidate) Bar() { c.barred = true }

// State is the machine's state.
func (c *Candidate) State() State { return c.state }

// Epoch is the last epoch that this incarnation has won, or 0.
func (c *Candidate) Epoch() uint64 { return c.epoch }

// Promised is the highest epoch heard of.
func (c *Candidate) Promised() uint64 { return c.promise }

// View is the newest view that was stepped in.
func (c *Candidate) View() discovery.View { return c.view }

// Step takes one event and returns what to do. It panics on an answer to a
// command that was not given: that is a bug of the caller.
func (c *Candidate) Step(now time.Time, ev CandidateEvent) []CandidateCommand {
	if c.state == Over {
		return nil
	}
	switch ev := ev.(type) {
	case ViewSeen:
		c.ahead = ev.Ahead
		return c.seeView(now, ev.View)
	case EpochHeard:
		return c.hear(ev.Epoch)
	case Tick:
		return c.tick(now)
	case Witness:
		return c.witness(now, ev)
	case Claimed:
		return c.lead(now, ev)
	case Standing:
		c.standing[ev.From] = standing{ev.Epoch, ev.Index}
		return nil
	case SessionChanged:
		return c.sessionChanged(now, ev.Session)
	case ClaimFailed:
		return c.claimFailed(now, ev)
	case EdgeUp:
		c.restore.edges[ev.Edge], c.restore.up = nil, now
		return c.decideRestore(now)
	case EdgeDown:
		delete(c.restore.edges, ev.Edge)
		delete(c.words, ev.Edge)
		return c.edgeDown(now, ev.Edge)
	case Offered:
		if _, up := c.restore.edges[ev.Edge]; up {
			c.restore.edges[ev.Edge] = &ev
		}
		return c.decideRestore(now)
	case Fetched:
		c.restore.from, c.restore.has = "", c.state == Restoring
		return nil
	case Restored:
		if c.state != Restoring {
			return nil // fenced meanwhile
		}
		c.restore.has = true
		return c.serve(now)
	case RestoreFailed:
		return c.stepDown(ev.Reason)
	case Matched:
		c.barred = false
		return c.tick(now)
	case Retire:
		c.yield.retire = true
		return c.handOver(now)
	case Yielded:
		return c.yielded(now)
	case YieldFailed:
		return c.yieldFailed(now)
	case Freed:
		return c.freed(now, ev)
	case Given:
		return c.inherit(now, ev)
	}
	panic(fmt.Sprintf("failover: unknown candidate event %T", ev))
}

func (c *Candidate) seeView(now time.Time, v discovery.View) []CandidateCommand {
	if v.Stale {
		c.view.Stale = true // Consul gone: promote nobody, keep what is
		return nil
	}
	if v.Epoch != c.view.Epoch || c.since.IsZero() {
		c.since = now
	}
	c.view = v
	if !c.forgot() {
		c.set, c.setKnown = v.InSync, v.InSyncKnown
	}
	if v.Primary != nil {
		c.freeSince = time.Time{}
		c.holder = v.Primary.Incarnation
	} else if c.freeSince.IsZero() {
		c.freeSince = now
	}
	if c.state == Standby && c.isOurs() {
		c.to(Claiming) // a claim whose answer was lost has won after all
		return c.lead(now, Claimed{Epoch: v.Epoch, InSync: v.InSyncKnown})
	}
	if cmds := c.hear(v.Epoch); cmds != nil {
		return cmds
	}
	if c.leads() && v.Epoch == c.epoch && (v.Primary == nil || v.Primary.Session != c.session) {
		return c.fence(now)
	}
	return c.tick(now)
}

// fence goes back to standby with everything that we have: nobody else has won,
// or we would have heard of a higher epoch. Half a restore is worth nothing.
func (c *Candidate) fence(now time.Time) []CandidateCommand {
	c.to(Standby)
	if !c.restore.has {
		c.epoch = 0
	}
	return append([]CandidateCommand{Fence{}}, c.tick(now)...)
}

// sessionChanged goes on under another session, as the same incarnation.
func (c *Candidate) sessionChanged(now time.Time, session string) []CandidateCommand {
	c.session = session
	if c.leads() {
		return c.fence(now)
	}
	return c.tick(now)
}

func (c *Candidate) isOurs() bool {
	return c.view.Primary != nil && c.view.Primary.Session == c.session && c.view.Epoch != c.yield.gave
}

func (c *Candidate) leads() bool {
	return c.state == Restoring || c.state == Primary || c.state == Yielding
}

func (c *Candidate) hear(epoch uint64) []CandidateCommand {
	c.promise = max(c.promise, epoch)
	if c.state == Claiming || c.state == Yielding {
		return nil // it may be the one that we have just won, and have not been told of; or our heir's
	}
	return c.deposed()
}

// deposed steps down when there is a higher epoch than ours: what we led with is
// not mixed with what replaced it.
func (c *Candidate) deposed() []CandidateCommand {
	if c.epoch > 0 && c.promise > c.epoch {
		return c.stepDown(ReasonDeposed)
	}
	return nil
}

func (c *Candidate) serve(now time.Time) []CandidateCommand {
	c.to(Primary)
	return append([]CandidateCommand{Announce{c.epoch}}, c.handOver(now)...)
}

func (c *Candidate) stepDown(why Reason) []CandidateCommand {
	c.to(Over)
	return []CandidateCommand{StepDown{why}}
}

// mayFollow lists the possible origins of each state.
var mayFollow = map[State][]State{
	Standby:   {Claiming, Restoring, Primary, Yielding},
	Claiming:  {Standby},
	Restoring: {Claiming},
	Primary:   {Restoring, Yielding},
	Yielding:  {Primary},
	Over:      {Standby, Claiming, Restoring, Primary, Yielding},
}

func (c *Candidate) to(next State) {
	if !slices.Contains(mayFollow[next], c.state) {
		panic(fmt.Sprintf("failover: invalid transition %v -> %v", c.state, next))
	}
	c.state = next
}
