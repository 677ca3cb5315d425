package failover

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
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
	destroyed []time.Time     // sessions that we destroyed lately
	restore   restore
}

// standing is where a candidate's log ends.
type standing struct{ epoch, index uint64 }

type word struct {
	session string
	reason  Reason
	at      time.Time
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

// tick claims a free lock when this candidate's turn has come, and lets a
// restore go on whose offers do not all come.
func (c *Candidate) tick(now time.Time) []CandidateCommand {
	switch {
	case c.state == Restoring:
		return c.decideRestore(now)
	case c.state == Primary:
		return c.handOver(now)
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

// given tells whether the lock that is free was given up for us.
func (c *Candidate) given() bool { return c.yield.ours > 0 && c.yield.ours == c.view.Epoch }

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

// forgot tells whether Consul knows of fewer epochs than we do: it was wiped, or
// restored to another day. What it said of the set before still counts.
func (c *Candidate) forgot() bool { return c.view.Epoch < c.promise }

// mayClaim tells whether the take-over could succeed: where a set is published,
// it is for its members only.
func (c *Candidate) mayClaim() bool {
	return fault.Bug(fault.TakeOverByNonMember) || !c.setKnown || !c.barred && slices.Contains(c.set, c.self)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
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

// witness weighs what observers say. Two independent ones, within
// Timing.Witness, about the session that holds the lock now, are evidence.
func (c *Candidate) witness(now time.Time, ev Witness) []CandidateCommand {
	s := ev.Suspicion
	c.words[ev.From] = word{session: s.Session, reason: s.Reason, at: now}
	h := c.view.Primary
	if c.state != Standby || c.view.Stale || h == nil || h.Session != s.Session || h.Session == c.session {
		return nil
	}
	count, refused := 0, false
	for _, w := range c.words {
		if w.session == s.Session && now.Sub(w.at) <= c.timing.Witness {
			count++
			refused = refused || w.reason == ReasonRefused
		}
	}
	if count < 2 || (!refused && now.Sub(c.since) < c.timing.MinEpoch) || !c.mayDestroy(now) {
		return nil
	}
	c.destroyed = append(c.destroyed, now)
	clear(c.words)
	return []CandidateCommand{DestroySession{s}}
}

func (c *Candidate) mayDestroy(now time.Time) bool {
	recent := c.destroyed[:0]
	for _, t := range c.destroyed {
		if now.Sub(t) < c.timing.Window {
			recent = append(recent, t)
		}
	}
	c.destroyed = recent
	return len(recent) < c.timing.Limit
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
