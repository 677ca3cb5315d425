package proxy

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// keptFailovers bounds the records of failovers: what a person looks at.
	keptFailovers = 100
	// maxStages bounds the stages of one: each primary that dies of taking over
	// adds one.
	maxStages = 32
	// hindsight is how much later a link can show that its peer had died.
	hindsight = time.Second
)

// Failover is one change of primary as an edge saw it: from the moment when it
// held a region's actions until they were durable at the next primary. A primary
// that is followed again after its link was lost counts too: its players waited.
type Failover struct {
	ID          uint64
	Region      string
	From        string // incarnations
	To          string // empty: nobody yet
	EpochBefore uint64
	Epoch       uint64 // 0: none yet
	Reason      failover.Reason
	Started     time.Time
	Stages      []Stage // in the order in which they were reached
	Players     int
	Actions     int  // that were sent again
	Done        bool // nothing is under way any more
	// Trace is the ID of its OpenTelemetry trace, in hex; empty: none.
	Trace string

	counted bool
}

// Stage is a point that a failover has reached.
type Stage struct {
	Kind EventKind
	At   time.Time
}

// note takes in an event of the failover.
func (f *Failover) note(ev Event) {
	switch ev.Kind {
	case EventSuspect, EventProtection, EventStranded:
		return
	case EventSwitch:
		f.To, f.Epoch, f.Players = ev.Server, ev.Epoch, ev.Players
	case EventResent:
		f.Players, f.Actions = ev.Players, ev.Actions
	default:
	}
	if len(f.Stages) < maxStages {
		f.Stages = append(f.Stages, Stage{ev.Kind, ev.At})
	}
}

// failovers are the last ones of all regions, the oldest first.
type failovers struct {
	mu   sync.Mutex // guards the fields below; taken under region.mu, and never the other way round
	last uint64     // ID
	list []*Failover
	sums map[FailoverCount]uint64 // N is 0 in the keys
}

// FailoverCount is how many failovers a region had for a reason.
type FailoverCount struct {
	Region string
	Reason failover.Reason
	N      uint64
}

func (l *failovers) begin(f Failover) (id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	f.ID = l.last
	if len(l.list) == keptFailovers {
		l.count(l.list[:1])
		l.list = slices.Delete(l.list, 0, 1)
	}
	l.list = append(l.list, &f)
	return f.ID
}

// change changes a record, if it is still kept.
func (l *failovers) change(id uint64, how func(*Failover)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		if f.ID == id {
			how(f)
		}
	}
}

// get returns a copy of a record, if it is still kept.
func (l *failovers) get(id uint64) (out Failover, kept bool) {
	l.change(id, func(f *Failover) {
		out, kept = *f, true
		out.Stages = slices.Clone(f.Stages)
	})
	return out, kept
}

// count adds records to the sums, once. The caller holds l.mu.
func (l *failovers) count(list []*Failover) {
	if l.sums == nil {
		l.sums = map[FailoverCount]uint64{}
	}
	for _, f := range list {
		if f.counted {
			continue
		}
		f.counted = true
		why := f.Reason
		if _, known := wire.ParseCode(string(why)); !known {
			why = failover.ReasonNone // a sidecar may say what it likes: the list of reasons must not grow
		}
		l.sums[FailoverCount{Region: f.Region, Reason: why}]++
	}
}

// counts are the sums of all failovers so far whose reason does not change any more,
// by region and reason.
func (l *failovers) counts(now time.Time) (out []FailoverCount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	young := slices.IndexFunc(l.list, func(f *Failover) bool { return now.Sub(f.Started) < hindsight })
	if young < 0 {
		young = len(l.list)
	}
	l.count(l.list[:young])
	for key, n := range l.sums {
		key.N = n
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b FailoverCount) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// Failovers returns the last failovers that this edge saw, the oldest first.
func (e *Edge) Failovers() []Failover {
	e.failovers.mu.Lock()
	defer e.failovers.mu.Unlock()
	out := make([]Failover, len(e.failovers.list))
	for i, f := range e.failovers.list {
		out[i] = *f
		out[i].Stages = slices.Clone(f.Stages)
	}
	return out
}

// ForgetFailovers forgets the recorded failovers. One that is under way is not
// recorded further.
func (e *Edge) ForgetFailovers() {
	e.failovers.mu.Lock()
	defer e.failovers.mu.Unlock()
	e.failovers.count(e.failovers.list)
	e.failovers.list = nil
}

// reign is who serves a region, and in which epoch.
type reign struct {
	incarnation string
	epoch       uint64
}

// course is the failover under way in a region.
type course struct {
	id      uint64 // 0: none
	last    uint64 // ID of the last one, when it is over too
	from    string // who led before that one
	elected uint64 // the highest epoch that somebody was heard to be elected in
	resent  bool   // all players are attached
	waits   bool   // for the first durable action
}

// begin records that a region lost its primary. A failover that was under way is
// over, as far as it came: what it kept is part of this one.
func (r *region) begin(epoch uint64, why failover.Reason) {
	r.finish(true)
	r.since = time.Now()
	r.course.id = r.edge.failovers.begin(Failover{
		Region: r.name, From: r.last.incarnation, EpochBefore: epoch, Reason: why, Started: r.since, Players: len(r.players),
	})
	r.course.last, r.course.from = r.course.id, r.last.incarnation
	r.course.resent, r.course.waits = false, false
	r.openTale()
	r.consult()
}

// learn corrects the record when it shows why the primary was lost: often the word of
// its successor comes first, and says only that there is one, or its stream ends
// before its own word has been read.
func (r *region) learn(incarnation string, why failover.Reason) {
	if r.course.last == 0 || incarnation != r.course.from || !why.Cause() {
		return
	}
	r.edge.failovers.change(r.course.last, func(f *Failover) {
		if f.Reason.Vague() && time.Since(f.Started) < hindsight {
			f.Reason = why
		}
	})
}

// heard is learn for the last word of a link.
func (r *region) heard(incarnation string, why wire.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learn(incarnation, failover.Reason(why.String()))
}

// wonders tells whether it is yet to be learned why that primary was lost.
func (r *region) wonders(incarnation string) (does bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.course.last != 0 && incarnation == r.course.from {
		r.edge.failovers.change(r.course.last, func(f *Failover) { does = f.Reason.Vague() && time.Since(f.Started) < hindsight })
	}
	return does
}

// consult looks what Consul says of the server that was lost: its sidecar has told
// there what it told us, too, if that did not come.
func (r *region) consult() {
	if s, there := r.view.Server(r.course.from); there && s.Fault != "" {
		r.learn(s.Incarnation, failover.Reason(s.Fault))
	}
}

// finish ends the record of the failover under way, if it is over.
func (r *region) finish(over bool) {
	if over && r.course.id != 0 {
		r.edge.failovers.change(r.course.id, func(f *Failover) { f.Done = true })
		r.course.id, r.course.waits = 0, false
		if t := r.tale; t != nil && t.over.IsZero() {
			t.over = time.Now()
		}
	}
}
