package proxy

import (
	"time"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/journal"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// EventKind says what an edge saw of a region.
type EventKind string

// The kinds of events. From Held to Durable they are the stages of a failover.
const (
	EventSuspect    EventKind = "suspect"    // the primary looks dead: backups are told
	EventHeld       EventKind = "held"       // no primary serves: actions are kept
	EventElected    EventKind = "elected"    // a sidecar says that it holds the lock
	EventServing    EventKind = "serving"    // it says that it serves
	EventSwitch     EventKind = "switch"     // players are being attached to it
	EventResent     EventKind = "resent"     // all are, and what it lacks is on its way
	EventDurable    EventKind = "durable"    // the first action since is durable
	EventProtection EventKind = "protection" // what is durable survives any one process, or does not any more
	EventStranded   EventKind = "stranded"   // players left for a region that this edge does not serve
)

// Event is one thing that an edge saw of a region.
type Event struct {
	Kind      EventKind
	At        time.Time
	Region    string
	Server    string // incarnation that it is about, may be empty
	Epoch     uint64
	Reason    failover.Reason // of Suspect and Held
	Failover  uint64          // ID of the Failover that it is a stage of; 0: of none
	Trace     string          // of that, in hex, when it is known
	To        string          // region, of Stranded
	Players   int             // of Stranded: since the last one
	Actions   int             // kept when Held, sent again when Resent
	Protected bool
}

// keptEvents bounds what a reader may be behind: some hundred failovers.
const keptEvents = 1024

// Events returns a reader of what happens from now on. It must be closed.
func (e *Edge) Events() *journal.Reader[Event] { return e.events.ReadNew() }

// tell writes an event of the region, and notes it in the failover under way.
// The caller holds r.mu, under which writing to memory is all that may be done.
func (r *region) tell(ev Event) {
	ev.Region = r.name
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	if ev.Failover = r.course.id; ev.Failover != 0 {
		r.edge.failovers.change(ev.Failover, func(f *Failover) { f.note(ev) })
		ev.Trace = trace.ID(r.traced())
	}
	r.remark(ev)
	r.edge.events.Add(ev)
}

// strandedPause is the least time between two events of players who are stranded: they
// may come in crowds.
const strandedPause = 10 * time.Second

// tellStranded counts a player who has left for a region that is not served here. The
// caller holds r.mu.
func (r *region) tellStranded(s *session, to string) {
	now := time.Now()
	r.sums.stranded++
	if !r.sums.told.IsZero() && now.Sub(r.sums.told) < strandedPause {
		return
	}
	n := r.sums.stranded - r.sums.said
	r.sums.told, r.sums.said = now, r.sums.stranded
	r.tell(Event{Kind: EventStranded, At: now, To: to, Server: r.last.incarnation, Epoch: r.machine.Epoch(), Players: int(n)})
	s.log.Warn("players leave for a region that this edge does not serve: add it to its regions", "event", "stranded", "to", to, "players", n)
}

// The hooks below are called where a region does what they are named after, with
// r.mu held.

func (r *region) tellHeld(cmd failover.Hold, kept uint64) {
	r.begin(cmd.Epoch, cmd.Reason)
	r.tell(Event{
		Kind: EventHeld, At: r.since, Server: r.last.incarnation, Epoch: cmd.Epoch, Reason: cmd.Reason,
		Players: len(r.players), Actions: int(kept),
	})
}

// tellElected is told again by each stream that opens, and by all of one take-over.
func (r *region) tellElected(incarnation string, epoch uint64, parent string) {
	if epoch <= r.course.elected || epoch < r.machine.Promised() {
		return
	}
	r.course.elected = epoch
	r.adopt(epoch, parent)
	r.tell(Event{Kind: EventElected, Server: incarnation, Epoch: epoch})
}

// tellSwitch comes after the players were attached, of which served is the moment
// before.
func (r *region) tellSwitch(cmd failover.Switch, served time.Time) {
	now := reign{cmd.Incarnation, cmd.Epoch}
	if r.course.id == 0 && r.last != (reign{}) && r.last != now {
		r.begin(r.last.epoch, failover.ReasonDeposed) // the new primary's word came first
		r.tell(Event{Kind: EventHeld, At: served, Server: r.last.incarnation, Epoch: r.last.epoch, Reason: failover.ReasonDeposed, Players: len(r.players)})
	}
	r.adopt(cmd.Epoch, r.serving.trace)
	r.last, r.since = now, time.Now()
	r.course.resent, r.course.waits = false, r.course.id != 0
	r.tell(Event{Kind: EventServing, At: served, Server: cmd.Incarnation, Epoch: cmd.Epoch})
	r.tell(Event{Kind: EventSwitch, At: r.since, Server: cmd.Incarnation, Epoch: cmd.Epoch, Players: len(r.players)})
}

func (r *region) tellResent(epoch uint64) {
	r.tell(Event{Kind: EventResent, Server: r.last.incarnation, Epoch: epoch, Players: r.reseat.players, Actions: r.reseat.actions})
	r.course.resent = true
	r.finish(!r.course.waits || r.buf.Stats().Kept == 0)
}

// tellDurable is called for the first durable action after a switch only.
func (r *region) tellDurable(epoch uint64) {
	r.course.waits = false
	r.tell(Event{Kind: EventDurable, Server: r.last.incarnation, Epoch: epoch})
	r.finish(r.course.resent)
}
