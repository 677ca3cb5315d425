package sidecar

import (
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// story is what one region of one incarnation notes for the trace of a failover (see
// package trace): of the end of a primary, and of the time in which this sidecar takes
// over. Nothing of it decides anything. Each entry is cheap, and none is on the way of
// an action. It is safe for concurrent use, and calls nobody who waits.
type story struct {
	tracer *trace.Tracer
	region string

	mu      sync.Mutex // guards the fields below; may be taken under region.mu
	from    string     // the primary whose end it is about
	before  uint64     // its epoch
	contact time.Time  // when it was last known to be well; zero: unknown
	settled bool       // it has said so itself
	reason  failover.Reason
	noticed failover.Detector // by the first word that tells; empty: nobody
	signs   []trace.Event     // of its end
	words   []string          // whose they are
	free    time.Time         // when the lock was first seen free
	giver   bool              // we are about to give it up
	root    *trace.Root       // of our claim; nil: no claim yet
	take    takeover
}

// takeover is our way to serving, once we claim.
type takeover struct {
	claim, won, served time.Time
	epoch              uint64
	orderly            bool // the lock was given up in good order
	players            int
	elect              []trace.Event
	promote            []trace.Event
	parts              []trace.Span // of promote
	secure             []trace.Event
}

// testimony notes a witness's word against who holds the lock. Only the control
// goroutine calls it.
func (r *region) testimony(w failover.Witness) {
	h := r.machine.View().Primary
	switch {
	case h == nil || h.Session != w.Suspicion.Session || h.Incarnation == r.life.id:
	case w.From == r.life.id:
		r.story.word("link", failover.ByLink, w.Suspicion.Reason, w.From)
	default:
		r.story.word("suspect", failover.ByLink, w.Suspicion.Reason, w.From)
	}
}

// note adds an event to a list that is bounded, and returns when that was.
func note(events *[]trace.Event, name string, attrs ...trace.Attr) (at time.Time) {
	at = time.Now()
	if len(*events) < trace.MaxEvents {
		*events = append(*events, trace.Event{Name: name, At: at, Attrs: attrs})
	}
	return at
}

// follow says who leads. A trace of that one's take-over gets what we have noted of
// the end of his predecessor.
func (s *story) follow(incarnation string, epoch uint64, parent string, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ours || epoch <= s.before || s.tracer == nil {
		return
	}
	if parent != "" && s.noticed != "" && s.before > 0 {
		if s.giver {
			s.isFree() // Consul's news may be here before its answer
		}
		span := s.detect(s.signs[len(s.signs)-1].At)
		if s.giver {
			span.Name = "yield"
		}
		s.tracer.Tell(parent, span)
	}
	s.reset(incarnation, epoch)
}

// reset begins anew, with another primary.
func (s *story) reset(incarnation string, epoch uint64) {
	s.from, s.before, s.root, s.take = incarnation, epoch, nil, takeover{}
	s.contact, s.settled, s.free, s.giver = time.Time{}, false, time.Time{}, false
	s.reason, s.noticed, s.signs, s.words = failover.ReasonNone, "", nil, nil
}

// heard notes when an incarnation was well, if it is the primary. What comes after the
// first sign of its end proves that it was until then.
func (s *story) heard(incarnation string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.signs) > 0 && at.After(s.signs[0].At) {
		at = s.signs[0].At
	}
	if incarnation == s.from && !s.settled && at.After(s.contact) {
		s.contact = at
	}
}

// sign notes a word of the primary's end. The first one names reason and detector;
// an empty detector names neither.
func (s *story) sign(name string, detector failover.Detector, why failover.Reason) {
	s.word(name, detector, why, "")
}

// word is a sign that came from a witness; of what he repeats the first counts.
func (s *story) word(name string, detector failover.Detector, why failover.Reason, witness string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := name + " " + witness
	if s.tracer == nil || slices.Contains(s.words, said) || len(s.words) == trace.MaxEvents {
		return
	}
	s.words = append(s.words, said)
	if s.noticed == "" && detector != "" {
		s.noticed, s.reason = detector, why
	}
	note(&s.signs, name, trace.Str("reason", string(why)), trace.Str("witness", witness))
}

// lastWord is the primary's own: it has been as good as silent for so long. It may come
// when we are about to take over already.
func (s *story) lastWord(incarnation string, epoch uint64, why failover.Reason, silent time.Duration) {
	s.mu.Lock()
	theirs := incarnation == s.from && epoch == s.before
	if theirs {
		s.contact, s.settled = time.Now().Add(-silent), true
	}
	s.mu.Unlock()
	if !theirs {
		return
	}
	s.sign("down", why.Detector(), why)
}

// gives notes that we have given the lock up, for an heir, and since when actions
// were held back for that.
func (s *story) gives(heir string, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracer == nil {
		return
	}
	s.giver, s.contact, s.settled, s.reason, s.noticed = true, since, true, failover.ReasonDrain, failover.Planned
	note(&s.signs, "calm", trace.Str("heir", heir))
}

// released notes that the lock of an epoch is free, by Consul's news or the word of who
// freed it.
func (s *story) released(epoch uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch >= s.before {
		s.isFree()
	}
}

func (s *story) isFree() {
	if s.free.IsZero() {
		s.free = note(&s.signs, "lock_free") // the same instant: it may be the first sign
	}
}

// began is when the failover did: at the last good contact, or when the first sign of
// its end came.
func (s *story) began(now time.Time) time.Time {
	first := now
	if len(s.signs) > 0 {
		first = s.signs[0].At
	}
	if !s.contact.IsZero() && s.contact.Before(first) {
		return s.contact
	}
	return first
}

// claims notes that we are about to take the lock, and returns the traceparent that
// goes into its value. A region that nobody has led has no failover.
func (s *story) claims(floor uint64) (parent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracer == nil || floor == 0 {
		return ""
	}
	if s.root == nil {
		s.isFree() // or we would not claim
		s.take = takeover{claim: time.Now()}
		s.root = s.tracer.Begin("failover")
	}
	note(&s.take.elect, "claim")
	return s.root.Parent()
}

// passes begins the trace of a hand-over that the heir will tell, and returns the
// traceparent that goes into the lock's value.
func (s *story) passes() (parent string) { return s.tracer.Begin("move").Parent() }

// inherits notes that the lock was passed on to us, and takes up the trace of that.
func (s *story) inherits(epoch uint64, parent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracer == nil || s.root != nil {
		return
	}
	s.isFree()
	s.take = takeover{claim: time.Now(), epoch: epoch, orderly: true}
	s.root = s.tracer.Resume(parent)
	note(&s.take.elect, "given")
}

// claimed notes how that went.
func (s *story) claimed(epoch uint64, orderly bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		note(&s.take.elect, "claim_failed", trace.Str("error", err.Error()))
		return
	}
	s.take.epoch, s.take.orderly = epoch, orderly
}

// wins notes that the epoch is ours, and returns the traceparent for frames.
func (s *story) wins(epoch uint64) (parent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take.won, s.take.epoch = time.Now(), epoch
	return s.root.Parent()
}

// progress notes an event on the way from the lock to the first durable action.
func (s *story) progress(name string, attrs ...trace.Attr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.open():
	case s.take.served.IsZero():
		note(&s.take.promote, name, attrs...)
	default:
		note(&s.take.secure, name, attrs...)
	}
}

// begins notes that a part of it begins, ends that it is over.
func (s *story) begins(part string, attrs ...trace.Attr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open() && s.take.served.IsZero() && len(s.take.parts) < trace.MaxEvents {
		s.take.parts = append(s.take.parts, trace.Span{Name: part, Start: time.Now(), Attrs: attrs})
	}
}

func (s *story) ends(part string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.take.parts {
		if p := &s.take.parts[i]; p.Name == part && p.End.IsZero() {
			p.End = time.Now()
		}
	}
}

// serves notes that edges are told to switch.
func (s *story) serves(self string, players int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take.served, s.take.players = time.Now(), players
	if s.root == nil {
		s.reset(self, s.take.epoch) // nothing to be told, and the next one is about us
	}
}

// open tells whether a take-over of ours is under way, or has not been told.
func (s *story) open() bool { return s.root != nil && !s.take.won.IsZero() }

// over tells the trace: durable, with the first action that is; not, with what has
// come to pass until now. Nothing happens if there is none to be told.
func (s *story) over(self string, durable bool, why string) {
	s.mu.Lock()
	if !s.open() {
		s.mu.Unlock()
		return
	}
	root, span := s.root, s.whole(self, time.Now(), durable, why)
	s.reset(self, s.take.epoch)
	s.mu.Unlock()
	root.End(span)
}

// whole is the root with all that is below it.
func (s *story) whole(self string, now time.Time, durable bool, why string) trace.Span {
	t := &s.take
	end := now
	if !durable && !t.served.IsZero() {
		end = t.served // nobody did anything that could have become durable
	}
	root := trace.Span{
		Name: "failover", Start: s.began(t.claim), End: end, Attrs: append(s.about(), trace.Str("to", self), trace.Int("players", t.players)),
	}
	if t.orderly {
		root.Name = "move"
	}
	free := s.free
	if free.IsZero() || free.After(t.claim) {
		free = t.claim
	}
	detect := s.detect(free)
	elect := trace.Span{
		Name: "elect", Start: free, End: t.won, Client: true, Events: t.elect,
		Attrs: []trace.Attr{trace.Int("attempts", attempts(t.elect))},
	}
	promote := trace.Span{Name: "promote", Start: t.won, End: t.served, Events: t.promote, Children: t.parts}
	if t.served.IsZero() {
		promote.End, promote.Error, root.Error = end, why, why
	}
	for i := range promote.Children {
		if p := &promote.Children[i]; p.End.IsZero() {
			p.End, p.Error = promote.End, "it did not come to its end"
		}
	}
	root.Children = []trace.Span{detect, elect, promote}
	if !t.served.IsZero() && durable {
		root.Children = append(root.Children, trace.Span{Name: "secure", Start: t.served, End: now, Events: t.secure})
	}
	return root
}

func attempts(events []trace.Event) (n int) {
	for _, e := range events {
		if e.Name == "claim" {
			n++
		}
	}
	return n
}

// detect is from the last good contact to the end of what there was to see.
func (s *story) detect(end time.Time) trace.Span {
	return trace.Span{
		Name: "detect", Start: s.began(end), End: end, Events: slices.Clone(s.signs),
		Attrs: []trace.Attr{trace.Str("reason", string(s.why())), trace.Str("detector", string(s.detector()))},
	}
}

// about is what root and metrics are looked up by.
func (s *story) about() []trace.Attr {
	return []trace.Attr{
		trace.Str("region", s.region), trace.Str("from", s.from), trace.Int("epoch_before", s.before), trace.Int("epoch", s.take.epoch),
		trace.Str("reason", string(s.why())), trace.Str("detector", string(s.detector())),
	}
}

func (s *story) detector() failover.Detector {
	switch {
	case s.take.orderly:
		return failover.Planned
	case s.noticed == "":
		return failover.ByConsul // nobody said a word, and the lock was free
	}
	return s.noticed
}

func (s *story) why() failover.Reason {
	switch {
	case s.take.orderly:
		return failover.ReasonDrain
	case s.noticed == "":
		return failover.ReasonSession
	}
	return s.reason
}
