package proxy_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// witness records the spans of all processes of a mesh, as one collector would.
type witness struct {
	t        *testing.T
	recorder *tracetest.SpanRecorder
}

// inTracedMesh is inMesh with processes that are traced, and a Consul to which it is a
// millisecond, as it is to everybody.
func inTracedMesh(t *testing.T, test func(m *mesh, w *witness)) *witness {
	t.Helper()
	w := &witness{t: t, recorder: tracetest.NewSpanRecorder()}
	synctest.Test(t, func(t *testing.T) {
		w.t = t
		m := w.mesh(latency)
		defer m.close()
		test(m, w)
	})
	w.t = t
	return w
}

// mesh is one whose processes are traced.
func (w *witness) mesh(away time.Duration) *mesh {
	edges := trace.New(w.recorder, "edge")
	m := newMeshAt(w.t, away, func(cfg *proxy.Config) { cfg.Tracer = edges })
	m.tracer, m.edgeTracer = trace.New(w.recorder, "sidecar"), edges
	return m
}

// below is what may be below each span.
var below = map[string][]string{
	"failover": {"order", "detect", "yield", "elect", "promote", "secure", "hold", "switch", "resend", "first_durable", "restore"},
	"move":     {"order", "detect", "yield", "elect", "promote", "secure", "hold", "switch", "resend", "first_durable", "restore"},
	"promote":  {"fetch", "load"}, "first_durable": {"player"}, "hold": {"player"},
}

// sane holds what is true of any trace, whatever has failed: each has one root at the
// most (who was to tell it may be dead), spans are where they belong and do not end
// before they begin, and what is in a root that was told is a chain to its end.
func (w *witness) sane() {
	w.t.Helper()
	ended := w.recorder.Ended()
	byID := map[otel.SpanID]sdk.ReadOnlySpan{}
	for _, s := range ended {
		require.NotContains(w.t, byID, s.SpanContext().SpanID())
		byID[s.SpanContext().SpanID()] = s
	}
	for _, s := range ended {
		require.False(w.t, s.EndTime().Before(s.StartTime()), s.Name())
		require.LessOrEqual(w.t, len(s.Events()), trace.MaxEvents, s.Name())
		if parent := byID[s.Parent().SpanID()]; parent != nil {
			require.Contains(w.t, below[parent.Name()], s.Name())
			require.Equal(w.t, parent.SpanContext().TraceID(), s.SpanContext().TraceID())
		}
	}
	require.NotEmpty(w.t, w.traces(), "nothing was told")
	roots := map[otel.TraceID]bool{}
	for _, o := range w.traces() {
		id := o.root.SpanContext().TraceID()
		require.False(w.t, roots[id], "two roots")
		roots[id] = true
		mine := func(s sdk.ReadOnlySpan) bool { return instance(s) == instance(o.root) }
		if service(o.root) == "edge" {
			continue
		}
		end := o.next("sidecar", o.root.StartTime(), "detect", mine)
		end = o.next("sidecar", end, "elect", mine)
		end = o.next("sidecar", end, "promote", mine)
		if secure := slices.DeleteFunc(o.of("sidecar", "secure", o.root), func(s sdk.ReadOnlySpan) bool { return !mine(s) }); len(secure) > 0 {
			end = o.next("sidecar", end, "secure", mine)
		}
		require.Equal(w.t, o.root.EndTime(), end)
	}
}

// told is a trace that was told.
type told struct {
	t     *testing.T
	root  sdk.ReadOnlySpan
	spans []sdk.ReadOnlySpan
}

// traces are all that were told.
func (w *witness) traces() (out []told) {
	w.t.Helper()
	for _, root := range w.recorder.Ended() {
		if root.Parent().IsValid() {
			continue
		}
		one := told{t: w.t, root: root}
		for _, s := range w.recorder.Ended() {
			if s.SpanContext().TraceID() == root.SpanContext().TraceID() {
				one.spans = append(one.spans, s)
			}
		}
		out = append(out, one)
	}
	return out
}

// only is the only trace that there is.
func (w *witness) only() told {
	w.t.Helper()
	all := w.traces()
	require.Len(w.t, all, 1)
	return all[0]
}

// of are the spans of that name which are below another one, by start.
func (o told) of(of, name string, parent sdk.ReadOnlySpan) (out []sdk.ReadOnlySpan) {
	for _, s := range o.spans {
		if s.Name() == name && service(s) == of && s.Parent().SpanID() == parent.SpanContext().SpanID() {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b sdk.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return out
}

// one is the only span of that name below the root, of those that are meant.
func (o told) one(of, name string, meant ...func(sdk.ReadOnlySpan) bool) sdk.ReadOnlySpan {
	o.t.Helper()
	all := o.of(of, name, o.root)
	for _, is := range meant {
		all = slices.DeleteFunc(all, func(s sdk.ReadOnlySpan) bool { return !is(s) })
	}
	require.Len(o.t, all, 1, "%s of %s", name, of)
	return all[0]
}

// chain demands that spans below the root follow each other without a gap.
func (o told) chain(of string, from time.Time, names ...string) (to time.Time) {
	o.t.Helper()
	for _, name := range names {
		from = o.next(of, from, name)
	}
	return from
}

// next is the end of a span that begins then.
func (o told) next(of string, from time.Time, name string, meant ...func(sdk.ReadOnlySpan) bool) (to time.Time) {
	o.t.Helper()
	s := o.one(of, name, meant...)
	require.Equal(o.t, from, s.StartTime(), name)
	return s.EndTime()
}

func say(s sdk.ReadOnlySpan, key string) string { return attr(s.Attributes(), "reseat."+key) }

// happened is when an event of a span did.
func happened(t *testing.T, s sdk.ReadOnlySpan, name string) time.Time {
	t.Helper()
	i := slices.IndexFunc(s.Events(), func(e sdk.Event) bool { return e.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s has no event %s: %v", s.Name(), name, s.Events())
	return s.Events()[i].Time
}

// A game dies under players at one edge, while another edge has none. All that took
// part tell of it in one trace, and its times are those of the virtual clock.
func TestTraceOfAKill(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		t := m.t
		m.addEdge()
		m.serve(3)
		m.guarded(3)
		ann, bob := m.join("ann"), m.join("bob")
		ann.act(5)
		bob.act(5)
		ann.settle()
		bob.settle()
		time.Sleep(2*time.Second + 17*time.Millisecond) // virtual: between two heartbeats of the game
		before := m.arena()
		s, _ := m.primary(0)
		killed := time.Now()
		s.killGame()
		ann.act(20)
		bob.act(1)
		ann.settle()
		f := m.finished(1)[0]
		time.Sleep(200 * time.Millisecond) // virtual: some beats of the edges

		o := w.only()
		require.Equal(t, "failover", o.root.Name())
		require.Equal(t, f.Trace, o.root.SpanContext().TraceID().String())
		for key, want := range map[string]string{
			"region": "arena", "from": before.Primary, "to": f.To, "epoch": "2", "epoch_before": "1", "reason": "game_exit", "detector": "game", "players": "2",
		} {
			require.Equal(t, want, say(o.root, key), key)
		}

		// Each sidecar tells what it saw: its own game's end, or the word of it.
		saw := map[string]sdk.ReadOnlySpan{}
		for _, s := range o.of("sidecar", "detect", o.root) {
			saw[instance(s)] = s
		}
		require.Len(t, saw, 3)
		require.Equal(t, killed, happened(t, saw[before.Primary], "game_exit"))
		require.Less(t, killed.Sub(saw[before.Primary].StartTime()), 50*time.Millisecond, "the game's last heartbeat")
		require.True(t, saw[before.Primary].StartTime().Before(killed))
		won := saw[f.To]
		require.Equal(t, killed.Add(latency), happened(t, won, "down"))
		require.WithinDuration(t, saw[before.Primary].StartTime().Add(latency), won.StartTime(), time.Microsecond, "the same heartbeat, a packet's way later")

		// The stages of who took over are the whole of the root.
		require.Equal(t, won.StartTime(), o.root.StartTime())
		require.Equal(t, won.EndTime(), happened(t, won, "lock_free"))
		require.Equal(t, o.root.EndTime(), o.chain("sidecar", won.EndTime(), "elect", "promote", "secure"))
		elect := o.one("sidecar", "elect")
		require.Equal(t, 2*latency, elect.EndTime().Sub(elect.StartTime()), "once to Consul and back")
		require.Equal(t, otel.SpanKindClient, elect.SpanKind())
		require.Equal(t, "1", say(elect, "attempts"))
		require.Len(t, o.of("sidecar", "load", o.one("sidecar", "promote")), 1)
		happened(t, o.one("sidecar", "promote"), "seal")

		// Those of the edge are its record's, and a packet's way behind.
		here := func(s sdk.ReadOnlySpan) bool { return instance(s) == m.edge.Status().Incarnation }
		require.Equal(t, f.Started, o.one("edge", "detect", here).EndTime())
		served := o.next("edge", f.Started, "hold", here)
		require.Equal(t, o.one("sidecar", "promote").EndTime().Add(latency), served)
		require.Equal(t, at(f, proxy.EventServing), served)
		require.Equal(t, at(f, proxy.EventSwitch), o.next("edge", served, "switch", here))
		resend := o.one("edge", "resend", here)
		require.Equal(t, at(f, proxy.EventResent), resend.EndTime())
		require.Equal(t, "21", say(resend, "actions"))
		first := o.one("edge", "first_durable", here)
		require.Equal(t, o.root.EndTime().Add(latency), first.EndTime())
		require.Equal(t, at(f, proxy.EventDurable), happened(t, first, "durable"))
		require.Equal(t, []string{"2", "0"}, []string{say(first, "players"), say(first, "waiting")})
		players := o.of("edge", "player", first)
		require.Len(t, players, 2)
		for _, p := range players {
			require.Equal(t, killed.Add(latency), p.StartTime(), "when his first action came that was kept")
			require.Equal(t, first.EndTime(), p.EndTime())
		}
		require.Len(t, o.of("edge", "hold", o.root), 2, "the other edge's")
		require.Len(t, o.of("edge", "first_durable", o.root), 1, "nobody waited there")
	})
}

// A host dies without a word. Two witnesses notice, and say when the link stood last.
func TestTraceOfADeadHost(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		t := m.t
		m.serve(3)
		m.guarded(3)
		ann := m.join("ann")
		ann.act(5)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual
		s, _ := m.primary(0)
		killed := time.Now()
		s.die(true)
		ann.act(10)
		ann.settle()
		m.finished(1)
		time.Sleep(200 * time.Millisecond) // virtual

		o := w.only()
		require.Equal(t, []string{"refused", "link"}, []string{say(o.root, "reason"), say(o.root, "detector")})
		won := o.one("sidecar", "detect", func(s sdk.ReadOnlySpan) bool { return instance(s) == say(o.root, "to") })
		require.True(t, happened(t, won, "suspect").After(killed))
		require.True(t, happened(t, won, "link").After(killed))
		require.Equal(t, won.EndTime(), happened(t, won, "lock_free"))
		require.False(t, o.root.StartTime().After(killed.Add(latency)), "what was on its way still came")
		require.Less(t, killed.Sub(o.root.StartTime()), 125*time.Millisecond, "a keep-alive, and a refusal's way")
		require.Equal(t, o.root.EndTime(), o.chain("sidecar", won.EndTime(), "elect", "promote", "secure"))
		happened(t, o.one("sidecar", "secure"), "caught_up") // the dead one is not waited for
		hold := o.one("edge", "hold")
		require.Equal(t, hold.StartTime(), happened(t, hold, "suspect"))
	})
}

// A planned move is a trace, too: from when its giver held actions back.
func TestTraceOfAMove(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		t := m.t
		m.serve(3)
		m.guarded(3)
		ann := m.join("ann")
		ann.act(5)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual
		before := m.arena().Primary
		heir := slices.DeleteFunc(slices.Clone(m.inSync().Members), func(inc string) bool { return inc == before })[0]
		asked := time.Now()
		require.NoError(t, m.planner().try("arena", heir))
		m.eventually("moved", func() bool { return m.arena().Primary == heir })
		ann.act(5)
		ann.settle()
		m.finished(1)
		time.Sleep(200 * time.Millisecond) // virtual

		o := w.only()
		require.Equal(t, "move", o.root.Name())
		require.Equal(t, []string{"drain", "planned", heir}, []string{say(o.root, "reason"), say(o.root, "detector"), say(o.root, "to")})
		yield := o.one("sidecar", "yield")
		require.Equal(t, before, instance(yield))
		require.True(t, yield.StartTime().After(asked))
		require.WithinDuration(t, yield.StartTime().Add(latency), o.root.StartTime(), time.Microsecond, "when it held actions back")
		require.Equal(t, yield.EndTime(), happened(t, yield, "lock_free"))
		require.Len(t, o.of("edge", "hold", o.root), 1)
	})
}

// The controller's order is part of the trace of the move that it leads to.
func TestTraceOfAnOrder(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		t := m.t
		m.edges[0].control()
		m.pool(3)
		look := m.looks()
		look.until("covered", m.covered)
		ann := m.join("ann")
		ann.act(5)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual
		before := m.arena().Primary
		heir := slices.DeleteFunc(slices.Clone(m.inSync().Members), func(inc string) bool { return inc == before })[0]
		asked := time.Now()
		require.NoError(t, m.edges[0].runner.Move(t.Context(), "arena", heir))
		m.eventually("moved", func() bool { return m.arena().Primary == heir })
		ann.act(5)
		ann.settle()
		m.finished(1)
		time.Sleep(200 * time.Millisecond) // virtual

		o := w.only()
		require.Equal(t, "move", o.root.Name())
		order := o.one("edge", "order")
		require.Equal(t, m.edge.Status().Incarnation, instance(order))
		require.Equal(t, []time.Time{asked, asked.Add(2 * latency)}, []time.Time{order.StartTime(), order.EndTime()})
		require.Equal(t, asked, happened(t, order, "decided"))
		for key, want := range map[string]string{"region": "arena", "from": before, "to": heir, "why": "asked", "epoch_before": "1"} {
			require.Equal(t, want, say(order, key), key)
		}
		require.False(t, o.one("sidecar", "yield").StartTime().Before(asked.Add(latency)), "what is not in Consul is not obeyed")
	})
}

// Where nobody takes over the edge tells what it saw when it stops, and who was lost.
func TestTraceOfNoTakeOver(t *testing.T) {
	w := inTracedMesh(t, func(m *mesh, _ *witness) {
		m.serve(1)
		ann := m.join("ann")
		ann.act(3)
		ann.settle()
		m.servers[0].die(true)
		ann.act(3)
		m.eventually("ann is lost", func() bool { return len(m.edge.Status().Regions) == 1 && m.arena().Players == 0 })
	})
	o := w.only()
	require.Equal(t, "failover", o.root.Name())
	require.Equal(t, "edge", service(o.root))
	require.Equal(t, []string{"arena", "refused", "link", ""}, []string{say(o.root, "region"), say(o.root, "reason"), say(o.root, "detector"), say(o.root, "to")})
	hold := o.one("edge", "hold")
	require.Equal(t, "nobody took over", hold.Status().Description)
	lost := o.of("edge", "player", hold)
	require.Len(t, lost, 1)
	require.Equal(t, "expired", lost[0].Status().Description)
	require.Equal(t, o.root.EndTime(), hold.EndTime())
}

// With no backup, the edge that is asked for its snapshot tells how long that took.
func TestTraceOfARestore(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		t := m.t
		m.serve(1)
		ann := m.join("ann")
		ann.act(3)
		ann.settle()
		time.Sleep(2 * time.Second) // virtual
		m.servers[0].die(true)
		ann.act(3)
		m.serve(1)
		ann.settle()
		m.finished(1)
		time.Sleep(200 * time.Millisecond) // virtual

		o := w.only()
		promote := o.one("sidecar", "promote")
		fetch := o.of("sidecar", "fetch", promote)
		require.Len(t, fetch, 1)
		restore := o.one("edge", "restore")
		require.Equal(t, fetch[0].StartTime().Add(latency), restore.StartTime())
		require.Equal(t, say(fetch[0], "index"), say(restore, "index"))
		load := o.of("sidecar", "load", promote)
		require.Len(t, load, 1)
		require.Equal(t, fetch[0].EndTime(), load[0].StartTime())
		require.Equal(t, m.arena().Primary, say(o.root, "to"))
	})
}

// at is when a failover came to a stage.
func at(f proxy.Failover, kind proxy.EventKind) time.Time {
	i := slices.IndexFunc(f.Stages, func(s proxy.Stage) bool { return s.Kind == kind })
	return f.Stages[i].At
}

func instance(s sdk.ReadOnlySpan) string {
	return attr(s.Resource().Attributes(), "service.instance.id")
}

func service(s sdk.ReadOnlySpan) string { return attr(s.Resource().Attributes(), "service.name") }

func attr(all []attribute.KeyValue, key string) string {
	for _, a := range all {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}
