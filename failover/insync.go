package failover

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/discovery"
)

// InSync decides, at a primary, who is in the region's in-sync set, and says what
// durability rests on meanwhile. Its rules are two:
//
//   - Whoever may be in the set must have a record before the record is durable.
//     While a change is under way or its outcome unknown, that is everybody in
//     the old set and in the new one.
//   - A set of nobody but the primary is no set. It is taken down (the region is
//     cold then, and rests on the edges' snapshots) once the edges keep all that
//     is durable, and not before.
//
// The zero value is not usable; see NewInSync. It is not safe for concurrent use.
type InSync struct {
	timing Timing
	self   string
	began  time.Time

	set     []string // as published, sorted; with self
	known   bool     // one is published
	version discovery.SetVersion
	change  *SetChange // under way, or of unknown outcome
	retryAt time.Time  // no change before

	backups map[string]bool // with a link; true: caught up
	lost    map[string]bool // members that are not waited for: their link has ended in this epoch, or nobody listens at their address
	places  map[string]bool // who has a place in the region; nil: everybody
	covered bool            // the edges keep all that is durable; forgotten when backups come or go
}

// SetChange is a change of the set that is to be published: from a version to
// Members, or to none at all when Clear is set.
type SetChange struct {
	From    discovery.SetVersion
	Members []string
	Clear   bool
}

// NewInSync returns a machine for the primary self that has just taken over, with the
// set as the take-over has left it: from the first moment on nothing is durable without
// its members.
func NewInSync(t Timing, self string, set SetSeen) *InSync {
	s := &InSync{timing: t, self: self, backups: map[string]bool{}, lost: map[string]bool{}}
	s.see(set)
	return s
}

func (s *InSync) see(ev SetSeen) {
	s.set, s.known, s.version, s.change = slices.Sorted(slices.Values(ev.Members)), ev.Known, ev.Version, nil
	s.covered = false
}

// SetEvent is what a primary tells its InSync machine; it also takes Tick.
type SetEvent interface{ setEvent() }

// The events of an InSync.
type (
	// SetSeen is the set as Consul has it: after a change, and whenever it was read
	// because a change failed.
	SetSeen struct {
		Members []string
		Known   bool
		Version discovery.SetVersion
	}
	// ChangeFailed says that a change was not answered, or was refused because
	// the set is of another version; the caller reads it then.
	ChangeFailed struct{}
	// BackupUp says that a backup's link stands.
	BackupUp struct{ Incarnation string }
	// CaughtUp says that a backup has all that is durable, and that its game has
	// the region.
	CaughtUp struct{ Incarnation string }
	// BackupGone says that a backup's link has ended, or that it is too slow.
	BackupGone struct{ Incarnation string }
	// MemberDead says that the kernel of a member's host refuses our packets: nobody
	// listens there any more.
	MemberDead struct{ Incarnation string }
	// Places says who has a place in the region, fixed or a seat; nil: everybody.
	// Others stay in the set until somebody who has one is in it.
	Places struct{ Incarnations []string }
	// EdgesCover says that every edge keeps a snapshot of all that is durable.
	EdgesCover struct{}
)

func (SetSeen) setEvent()      {}
func (ChangeFailed) setEvent() {}
func (BackupUp) setEvent()     {}
func (CaughtUp) setEvent()     {}
func (BackupGone) setEvent()   {}
func (MemberDead) setEvent()   {}
func (Places) setEvent()       {}
func (EdgesCover) setEvent()   {}
func (Tick) setEvent()         {}

// Required are the backups, sorted, that must have a record for it to be durable.
func (s *InSync) Required() []string {
	all := s.set
	if s.change != nil {
		all = union(all, s.change.Members)
		if fault.Bug(fault.ShrinkNotPublished) {
			all = s.change.Members
		}
	}
	return without(all, s.self)
}

// NeedsEdges tells whether nothing is durable that the edges' snapshots do not
// cover: there is no set, or nobody but the primary in it, or it is not certain
// that there is one (yet, or still).
func (s *InSync) NeedsEdges() bool {
	return !s.known || s.change != nil && s.change.Clear || len(s.Required()) == 0
}

// Protected tells whether durable actions survive the loss of any one process:
// a backup is certainly in the set, and stays there.
func (s *InSync) Protected() bool { return !s.NeedsEdges() && len(s.set) > 1 }

// WantsCover tells whether the set waits to be taken down until the edges keep
// all that is durable.
func (s *InSync) WantsCover() bool {
	return s.known && s.change == nil && !s.covered && len(s.target()) < 2
}

// Members is the published set; known is false when there is none.
func (s *InSync) Members() (members []string, known bool) { return s.set, s.known }

// Step takes one event and returns what to do: a SetChange that is to be
// published, and when to send a Tick (zero: not needed). While a change is under
// way there is no other.
func (s *InSync) Step(now time.Time, ev SetEvent) (change *SetChange, wake time.Time) {
	if s.began.IsZero() {
		s.began = now
	}
	switch ev := ev.(type) {
	case SetSeen:
		s.see(ev)
	case ChangeFailed:
		s.retryAt = now.Add(s.timing.Retry)
		return nil, s.retryAt
	case BackupUp:
		s.backups[ev.Incarnation], s.covered = false, false
		delete(s.lost, ev.Incarnation)
	case MemberDead:
		s.lost[ev.Incarnation] = true
	case CaughtUp:
		if _, up := s.backups[ev.Incarnation]; up {
			s.backups[ev.Incarnation] = true
		}
	case BackupGone:
		delete(s.backups, ev.Incarnation)
		s.lost[ev.Incarnation] = true
		s.covered = false
	case Places:
		s.places = nil
		for _, inc := range ev.Incarnations {
			if s.places == nil {
				s.places = map[string]bool{}
			}
			s.places[inc] = true
		}
	case EdgesCover:
		s.covered = true
	case Tick:
	default:
		panic(fmt.Sprintf("failover: unknown set event %T", ev))
	}
	return s.decide(now)
}

func (s *InSync) decide(now time.Time) (*SetChange, time.Time) {
	if now.Before(s.retryAt) {
		return nil, s.retryAt
	}
	if s.change != nil {
		if s.retryAt.IsZero() {
			return nil, time.Time{} // under way
		}
		s.retryAt = time.Time{}
		return s.change, time.Time{} // again: its outcome is unknown
	}
	target := s.target()
	if wait := s.began.Add(s.timing.Grace); now.Before(wait) && len(s.awaited()) > 0 {
		return nil, wait // members of the last epoch may still be on their way
	}
	switch {
	case len(target) >= 2 && (!s.known || !slices.Equal(target, s.set)):
		s.change = &SetChange{From: s.version, Members: target}
	case len(target) < 2 && s.known && s.covered:
		s.change = &SetChange{From: s.version, Clear: true}
	default:
		return nil, time.Time{}
	}
	return s.change, time.Time{}
}

// target is who should be in the set: self, and everybody who has caught up. A
// member whose link stands is one of them even if it has not said anything in
// this epoch yet; if it never does, it is late. Who has no place is one only while
// nobody is who has.
func (s *InSync) target() []string {
	var placed, others []string
	for inc, caughtUp := range s.backups {
		switch {
		case !caughtUp && !slices.Contains(s.set, inc):
		case s.places == nil || s.places[inc]:
			placed = append(placed, inc)
		default:
			others = append(others, inc)
		}
	}
	if len(placed) == 0 {
		placed = others
	}
	placed = append(placed, s.self)
	slices.Sort(placed)
	return placed
}

// awaited are the members whose links may be on their way.
func (s *InSync) awaited() []string {
	return slices.DeleteFunc(without(s.set, s.self), func(inc string) bool {
		_, up := s.backups[inc]
		return up || s.lost[inc]
	})
}

func without(set []string, inc string) []string {
	return slices.DeleteFunc(slices.Clone(set), func(s string) bool { return s == inc })
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}
