package failover

import (
	"fmt"
	"maps"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Phase is the state of a Region.
type Phase uint8

// The phases of a Region.
const (
	Holding Phase = iota // no primary serves: actions are kept
	Serving              // actions flow to Primary
)

// String is the phase's name.
func (p Phase) String() string {
	if p == Serving {
		return "serving"
	}
	return "holding"
}

// Region is an edge's view of who serves a region. The zero value is not
// usable; see NewRegion.
type Region struct {
	timing  Timing
	phase   Phase
	primary string // incarnation, while Serving
	epoch   uint64 // of primary, while Serving; else of the last one
	promise uint64 // the highest epoch heard of; lower ones are refused

	view     discovery.View
	reason   Reason            // why we hold
	lost     map[string]Reason // incarnations that fell silent, until they are heard again: one may hold the lock
	reported time.Time
	up       map[string]bool // incarnations with a live link
}

// Suspicion is what a witness says: the holder of Session looked dead to it.
type Suspicion struct {
	Epoch       uint64
	Session     string // the session that was seen, never "whoever holds the lock"
	Incarnation string
	Reason      Reason
}

// NewRegion returns a machine that holds.
func NewRegion(t Timing) *Region {
	return &Region{timing: t, reason: ReasonNoLock, lost: map[string]Reason{}, up: map[string]bool{}}
}

// Phase tells whether a primary serves.
func (r *Region) Phase() Phase { return r.phase }

// Primary is the incarnation that serves, or "".
func (r *Region) Primary() string {
	if r.phase == Serving {
		return r.primary
	}
	return ""
}

// Epoch is the epoch of the primary that serves, or of the last one that did.
func (r *Region) Epoch() uint64 { return r.epoch }

// Promised is the highest epoch heard of.
func (r *Region) Promised() uint64 { return r.promise }

// Reason says why the region holds.
func (r *Region) Reason() Reason { return r.reason }

// RegionEvent is what an edge tells its Region machine.
type RegionEvent interface{ regionEvent() }

// The events of a Region.
type (
	// ViewSeen is the latest view of Consul. Ahead is for candidates: how many other
	// regions wait for a primary that should have one before this region.
	ViewSeen struct {
		View  discovery.View
		Ahead int
	}
	// LinkUp says that the link to a sidecar stands.
	LinkUp struct{ Incarnation string }
	// LinkDown says that it has ended, and why.
	LinkDown struct {
		Incarnation string
		Reason      Reason
	}
	// ElectedHeard is a sidecar's word that it holds the lock of Epoch.
	ElectedHeard struct {
		Incarnation string
		Epoch       uint64
	}
	// ServingHeard is a sidecar's word that it serves Epoch.
	ServingHeard struct {
		Incarnation string
		Epoch       uint64
	}
	// DownHeard is a sidecar's word that it stopped serving.
	DownHeard struct {
		Incarnation string
		Epoch       uint64
		Reason      Reason
	}
	// EpochHeard says that somebody has promised Epoch.
	EpochHeard struct{ Epoch uint64 }
	// Tick lets time pass; send one every Timing.Report or so while holding.
	Tick struct{}
)

func (ViewSeen) regionEvent()     {}
func (LinkUp) regionEvent()       {}
func (LinkDown) regionEvent()     {}
func (ElectedHeard) regionEvent() {}
func (ServingHeard) regionEvent() {}
func (DownHeard) regionEvent()    {}
func (EpochHeard) regionEvent()   {}
func (Tick) regionEvent()         {}

// RegionCommand is what a Region wants done.
type RegionCommand interface{ regionCommand() }

// The commands of a Region.
type (
	// Hold stops sending, keeps actions, and tells the players.
	Hold struct {
		Epoch  uint64
		Reason Reason
	}
	// Switch sends to this sidecar from now on, and attaches every player there.
	Switch struct {
		Incarnation string
		Epoch       uint64
	}
	// MakeOffer tells this sidecar which snapshot we keep.
	MakeOffer struct {
		Incarnation string
		Epoch       uint64
	}
	// Report tells every backup with a live link.
	Report struct{ Suspicion Suspicion }
	// Refuse tells this sidecar that a higher epoch is promised; it is counted.
	Refuse struct {
		Incarnation string
		Epoch       uint64 // the promise
	}
)

func (Hold) regionCommand()      {}
func (Switch) regionCommand()    {}
func (MakeOffer) regionCommand() {}
func (Report) regionCommand()    {}
func (Refuse) regionCommand()    {}

// Step takes one event and returns what to do.
func (r *Region) Step(now time.Time, ev RegionEvent) []RegionCommand {
	switch ev := ev.(type) {
	case ViewSeen:
		return append(r.seeView(ev.View), r.tick(now)...) // it may name one who is silent
	case LinkUp:
		r.up[ev.Incarnation] = true
		delete(r.lost, ev.Incarnation) // it lives
		return nil
	case LinkDown:
		return r.linkDown(now, ev)
	case ElectedHeard:
		return r.elected(ev)
	case ServingHeard:
		return r.serving(ev)
	case DownHeard:
		return r.down(ev)
	case EpochHeard:
		return r.hear(ev.Epoch)
	case Tick:
		return r.tick(now)
	}
	panic(fmt.Sprintf("failover: unknown region event %T", ev))
}

func (r *Region) seeView(v discovery.View) []RegionCommand {
	if v.Stale {
		r.view.Stale = true // fail static: what we follow stays
		return nil
	}
	r.view = v
	maps.DeleteFunc(r.lost, func(incarnation string, _ Reason) bool {
		_, there := v.Server(incarnation)
		return !there && (v.Primary == nil || v.Primary.Incarnation != incarnation)
	})
	return r.hear(v.Epoch)
}

// hear raises the promise. A primary below the promise is followed no longer.
func (r *Region) hear(epoch uint64) []RegionCommand {
	if epoch <= r.promise {
		return nil
	}
	r.promise = epoch
	if r.phase == Serving && r.epoch < epoch {
		return r.hold(ReasonDeposed)
	}
	return nil
}

func (r *Region) elected(ev ElectedHeard) []RegionCommand {
	if ev.Epoch < r.promise {
		return []RegionCommand{Refuse{ev.Incarnation, r.promise}}
	}
	cmds := r.hear(ev.Epoch)
	return append(cmds, MakeOffer(ev))
}

func (r *Region) serving(ev ServingHeard) []RegionCommand {
	if ev.Epoch < r.promise {
		return []RegionCommand{Refuse{ev.Incarnation, r.promise}}
	}
	r.promise = ev.Epoch
	r.phase, r.primary, r.epoch = Serving, ev.Incarnation, ev.Epoch
	r.reason = ReasonNone
	delete(r.lost, ev.Incarnation)
	return []RegionCommand{Switch(ev)}
}

func (r *Region) down(ev DownHeard) []RegionCommand {
	if r.phase != Serving || ev.Incarnation != r.primary || ev.Epoch != r.epoch {
		return nil
	}
	return r.hold(ev.Reason)
}

func (r *Region) linkDown(now time.Time, ev LinkDown) []RegionCommand {
	delete(r.up, ev.Incarnation)
	if ev.Reason.Witnessed() {
		r.lost[ev.Incarnation] = ev.Reason
	}
	switch {
	case r.phase == Holding:
		return r.tick(now) // it may have been elected, and not have served yet
	case ev.Incarnation != r.primary:
		return nil
	}
	return append(r.hold(ev.Reason), r.report(now)...)
}

func (r *Region) hold(why Reason) []RegionCommand {
	r.phase, r.primary, r.reason = Holding, "", why
	return []RegionCommand{Hold{Epoch: r.epoch, Reason: why}}
}

// tick repeats a report while the suspect's session stands: the first one may
// have reached a backup that was not yet sure itself.
func (r *Region) tick(now time.Time) []RegionCommand {
	if now.Sub(r.reported) < r.timing.Report {
		return nil
	}
	return r.report(now)
}

func (r *Region) report(now time.Time) []RegionCommand {
	h := r.view.Primary
	if r.phase == Serving || h == nil || len(r.up) == 0 {
		return nil
	}
	why, lost := r.lost[h.Incarnation]
	if !lost {
		return nil
	}
	r.reported = now
	return []RegionCommand{Report{Suspicion{
		Epoch: max(r.epoch, h.Epoch), Session: h.Session, Incarnation: h.Incarnation, Reason: why,
	}}}
}
