package proxy

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// tale is what the trace of a failover needs besides its record. It is told when the
// record is done and everybody has had a durable action who waited for one, by the
// goroutine of the region. Guarded by region.mu.
type tale struct {
	id      uint64    // of the record
	contact time.Time // when the primary was well, as far as this edge knows; zero: unknown
	events  []trace.Event
	parent  string // traceparent of the take-over; empty: there is none that is traced
	over    time.Time
	owing   int // players who wait for a durable action
	owed    int // who did
	slow    [trace.Slowest]debt
	paid    int  // how many have one; the last ones are in slow
	last    debt // the one that was paid last
	lost    []debt
	sent    []trace.Span // of snapshots
}

// debt is what a player waited for: his oldest kept action to be durable.
type debt struct {
	player string
	since  time.Time
	at     time.Time // when it was, or when the player was lost
	why    wire.Code // he was lost
}

// telling is how long a tale waits for players after its record is done: for as long
// as an edge keeps actions.
const telling = 10 * time.Second

// openTale begins the trace of a record; what is known of the one before is all that
// there will be. The caller holds r.mu.
func (r *region) openTale() {
	r.shelve(r.tale)
	r.tale = nil
	if r.edge.tracer != nil {
		r.tale = &tale{id: r.course.id, contact: r.well}
	}
	r.well = time.Time{}
}

func (r *region) shelve(t *tale) {
	if t == nil {
		return
	}
	if t.over.IsZero() {
		t.over = time.Now()
	}
	r.tales = append(r.tales, t) // some in a beat at the most
}

// adopt makes the trace of a take-over that of the failover under way.
func (r *region) adopt(epoch uint64, parent string) {
	t := r.tale
	if t == nil || parent == "" {
		return
	}
	before := uint64(0)
	r.edge.failovers.change(t.id, func(f *Failover) {
		if before = f.EpochBefore; epoch > before {
			f.Trace = trace.ID(parent)
		}
	})
	if epoch > before { // else it is that of an earlier one
		t.parent = parent
	}
}

// traced is the traceparent of the failover under way.
func (r *region) traced() string {
	if r.tale == nil {
		return ""
	}
	return r.tale.parent
}

// owe notes that a player of a region that was without a primary waits for a durable
// action. The caller holds r.mu.
func (r *region) owe(s *session) {
	since, kept := s.actions.Oldest()
	if !kept || r.reseat.since.IsZero() {
		return
	}
	s.owed = since
	if r.tale != nil {
		r.tale.owing++
		r.tale.owed++
	}
}

// pay notes that he has it.
func (r *region) pay(s *session) {
	now := time.Now()
	r.waits.Stall.add(now.Sub(s.owed))
	if t := r.tale; t != nil {
		t.last = debt{player: s.player, since: s.owed, at: now}
		t.slow[t.paid%len(t.slow)] = t.last
		t.paid++
		t.owing--
	}
	s.owed = time.Time{}
}

// waive notes that he waits no longer: he has left, or is asked for anew.
func (r *region) waive(s *session) {
	if !s.owed.IsZero() && r.tale != nil {
		r.tale.owing--
	}
	s.owed = time.Time{}
}

// mourn notes that a failover has cost a player his session.
func (r *region) mourn(s *session, bye wire.Bye) {
	t := r.tale
	if t == nil || len(t.lost) == trace.MaxFailed || bye.Reason != wire.CodeExpired && bye.Reason != wire.CodeLost {
		return
	}
	t.lost = append(t.lost, debt{player: s.player, at: time.Now(), why: bye.Reason})
}

// sentSnapshot notes that a snapshot was sent to who takes over, or was not.
func (r *region) sentSnapshot(u *uplink, snap *buffer.Snapshot, began time.Time, err error) {
	span := trace.Span{Name: "restore", Start: began, End: time.Now(), Attrs: []trace.Attr{
		trace.Str("region", r.name), trace.Str("to", u.incarnation), trace.Int("snapshot_epoch", snap.Epoch), trace.Int("index", snap.Index),
		trace.Int("bytes", snap.Size()),
	}}
	if err != nil {
		span.Error = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tale; t != nil && len(t.sent) < trace.MaxEvents {
		t.sent = append(t.sent, span)
	}
}

// remark notes an event of the failover under way.
func (r *region) remark(ev Event) {
	if t := r.tale; t != nil && len(t.events) < trace.MaxEvents && (ev.Kind == EventSuspect || ev.Kind == EventElected) {
		t.events = append(t.events, trace.Event{Name: string(ev.Kind), At: ev.At, Attrs: []trace.Attr{
			trace.Str("server", ev.Server), trace.Int("epoch", ev.Epoch), trace.Str("reason", string(ev.Reason)),
		}})
	}
}

// tellTales tells the traces that are ready, or all. It takes r.mu, but not while it
// tells.
func (r *region) tellTales(now time.Time, all bool) {
	r.mu.Lock()
	if t := r.tale; t != nil && (all || !t.over.IsZero() && (t.owing <= 0 || now.Sub(t.over) > telling)) {
		r.shelve(t)
		r.tale = nil
	}
	ready := r.tales
	r.tales = nil
	r.mu.Unlock()
	for _, t := range ready {
		if f, kept := r.edge.failovers.get(t.id); kept {
			t.tell(r.edge, f)
		}
	}
}

// tell adds to the trace of who took over, or makes one.
func (t *tale) tell(e *Edge, f Failover) {
	spans := t.spans(f)
	if t.parent != "" {
		e.tracer.Tell(t.parent, spans...)
		return
	}
	root := trace.Span{Name: "failover", Start: spans[0].Start, Children: spans, Attrs: append(about(f), trace.Int("epoch_before", f.EpochBefore),
		trace.Str("from", f.From), trace.Str("to", f.To), trace.Str("reason", string(f.Reason)), trace.Str("detector", string(f.Reason.Detector())),
		trace.Int("players", f.Players), trace.Int("actions", f.Actions))}
	if f.Reason == failover.ReasonDrain {
		root.Name = "move"
	}
	for _, s := range spans {
		if s.End.After(root.End) {
			root.End = s.End
		}
	}
	id := e.tracer.Tell("", root)
	e.failovers.change(t.id, func(f *Failover) { f.Trace = id })
}

func about(f Failover) []trace.Attr {
	return []trace.Attr{trace.Str("region", f.Region), trace.Int("epoch", f.Epoch)}
}

// spans are what this edge did, in the order of its beginnings.
func (t *tale) spans(f Failover) (out []trace.Span) {
	add := func(name string, from, to time.Time, more ...trace.Attr) *trace.Span {
		out = append(out, trace.Span{Name: name, Start: from, End: to, Attrs: append(about(f), more...)})
		return &out[len(out)-1]
	}
	if !t.contact.IsZero() && t.contact.Before(f.Started) {
		add("detect", t.contact, f.Started, trace.Str("reason", string(f.Reason)), trace.Str("detector", string(f.Reason.Detector())))
	}
	served, switched, resent := f.reached(EventServing), f.reached(EventSwitch), f.reached(EventResent)
	if switched.IsZero() {
		hold := add("hold", f.Started, t.over, trace.Str("reason", string(f.Reason)), trace.Int("players", f.Players))
		hold.Events, hold.Error = t.events, "nobody took over"
		hold.Children = players(f, t.lost)
		return out
	}
	add("hold", f.Started, served, trace.Str("reason", string(f.Reason)), trace.Int("players", f.Players)).Events = t.events
	add("switch", served, switched, trace.Str("to", f.To), trace.Int("players", f.Players))
	if !resent.IsZero() {
		add("resend", switched, resent, trace.Int("players", f.Players), trace.Int("actions", f.Actions))
	}
	if t.paid > 0 || len(t.lost) > 0 {
		first := add("first_durable", switched, t.last.at, trace.Int("players", t.paid), trace.Int("waiting", t.owing), trace.Int("actions", f.Actions))
		if at := f.reached(EventDurable); !at.IsZero() {
			first.Events = []trace.Event{{Name: "durable", At: at}}
		}
		first.Children = append(players(f, t.slow[:min(t.paid, len(t.slow))]), players(f, t.lost)...)
	}
	return append(out, t.sent...)
}

func players(f Failover, debts []debt) (out []trace.Span) {
	for _, d := range debts {
		s := trace.Span{Name: "player", Start: d.since, End: d.at, Attrs: []trace.Attr{trace.Str("player", d.player)}}
		if s.Start.IsZero() {
			s.Start = f.Started
		}
		if d.why != wire.CodeNone {
			s.Error = d.why.String()
		}
		out = append(out, s)
	}
	return out
}

// reached is when the failover came to a stage the last time; zero: it did not.
func (f Failover) reached(kind EventKind) (at time.Time) {
	for _, s := range f.Stages {
		if s.Kind == kind {
			at = s.At
		}
	}
	return at
}
