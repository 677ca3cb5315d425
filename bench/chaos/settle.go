package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// quiet takes what players' clients log: what matters of it is recorded.
var quiet = slog.New(slog.DiscardHandler)

// settle sees everything durable and whole again, and collects what all sides
// have to say. It goes on after an error: what there is, is judged.
func (s *scene) settle(ctx context.Context) error {
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	durable := func() error {
		ctx, cancel := context.WithTimeout(ctx, settling)
		defer cancel()
		return s.crowd.Settle(ctx)
	}
	keep(durable())
	keep(s.whole(ctx))
	var err error
	s.after, err = s.audit(ctx)
	if keep(err); err == nil {
		keep(durable())
	}
	s.result, s.settled = s.crowd.Result(), true
	s.dumps = s.replicas(ctx)
	return errors.Join(errs...)
}

func (s *scene) audit(ctx context.Context) (*history.Audit, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("none after %v", patience))
	defer cancel()
	call := time.Now()
	books, err := s.crowd.Audit(ctx)
	if err != nil {
		return nil, err
	}
	return &history.Audit{Call: call.UnixNano(), Return: time.Now().UnixNano(), Books: books[region]}, nil
}

// answering is how long a process may take to say what it is asked for; one that
// is frozen says nothing.
const answering = 300 * time.Millisecond

// ask asks all processes for their counters and dumps, and waits for them. It
// returns how many events there were before.
func (s *stage) ask(ctx context.Context) (mark int) {
	mark = s.seen()
	var asked []string
	for _, n := range slices.Concat(s.servers, s.edges) {
		if p := n.process(); running(p) && p.Ask() == nil {
			asked = append(asked, n.name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	_ = s.await(ctx, "counters", func(k *known) bool { // who does not answer is frozen
		for _, name := range asked {
			if !slices.ContainsFunc(k.events[mark:], func(e fleet.Event) bool { return e.From == name && last(e) }) {
				return false
			}
		}
		return true
	})
	return mark
}

// last tells whether an event is the last one of an answer: a sidecar between two
// incarnations has none.
func last(e fleet.Event) bool { return e.Name == "dump" || e.Name == "kept" }

// agreeing is how long the replicas may take to agree when nothing comes any more.
const agreeing = 3 * time.Second

// replicas are the dumps of all sidecars, when all in sync say the same, or else
// the last ones.
func (s *scene) replicas(ctx context.Context) (dumps []history.Dump) {
	for began := time.Now(); ; {
		mark := s.ask(ctx)
		s.mu.Lock()
		dumps = dumpsOf(s.known.events[mark:], s.known.view.InSync)
		s.mu.Unlock()
		if agree(dumps) || time.Since(began) > agreeing || measure.Pause(ctx, 50*time.Millisecond) != nil {
			return dumps
		}
	}
}

func dumpsOf(events []fleet.Event, inSync []string) (out []history.Dump) {
	for _, e := range events {
		var d history.Dump
		if e.Name != "dump" || e.Decode("dump", &d) != nil {
			continue
		}
		d.From = e.From
		d.InSync = !d.Primary && slices.Contains(inSync, d.Incarnation)
		out = append(out, d)
	}
	return out
}

func agree(dumps []history.Dump) bool {
	members := 0
	var first *history.Dump
	for i := range dumps {
		d := &dumps[i]
		if !d.Primary && !d.InSync {
			continue
		}
		members++
		if first == nil {
			first = d
		}
		if d.End != first.End || d.Commit != d.End || !slices.EqualFunc(d.Rows, first.Rows, func(a, b history.Row) bool {
			return a.Player == b.Player && a.Have == b.Have && a.Applied == b.Applied
		}) {
			return false
		}
	}
	return members == servers
}

// tally is what processes count, as far as it is of interest.
type tally struct{ duplicates, stale, gaps uint64 }

func (t *tally) add(o tally) {
	t.duplicates += o.duplicates
	t.stale += o.stale
	t.gaps += o.gaps
}

// stats are the counters of edges and sidecars, and of what an edge keeps.
type stats struct {
	Repeats uint64
	Gaps    uint64
	Stale   uint64
	Refused map[wire.Code]uint64
}

// countersOf adds up what all lives of all processes have counted: a process that
// listens has begun a new one.
func countersOf(events []fleet.Event) map[string]uint64 {
	var sum tally
	now := map[string]map[string]tally{} // by process and event
	for _, e := range events {
		switch e.Name {
		case "listening":
			for _, t := range now[e.From] {
				sum.add(t)
			}
			now[e.From] = map[string]tally{}
		case "counters", "kept":
			var st stats
			if e.Decode("stats", &st) == nil && now[e.From] != nil {
				now[e.From][e.Name] = tally{
					st.Repeats, st.Stale + st.Refused[wire.CodeStaleEpoch] + st.Refused[wire.CodeStaleAttach], st.Gaps,
				}
			}
		}
	}
	for _, lives := range now {
		for _, t := range lives {
			sum.add(t)
		}
	}
	return map[string]uint64{"duplicates": sum.duplicates, "stale": sum.stale, "gaps": sum.gaps}
}
