package trace

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func named(t *testing.T, r *tracetest.SpanRecorder, name string) sdk.ReadOnlySpan {
	t.Helper()
	for _, s := range r.Ended() {
		if s.Name() == name {
			return s
		}
	}
	require.Fail(t, "no span "+name)
	return nil
}

// What one process begins another adds to, before the first one has told it.
func TestOneTrace(t *testing.T) {
	r := tracetest.NewSpanRecorder()
	sidecar, edge := New(r, "sidecar").As("90c1"), New(r, "edge").As("5f3a")
	root := sidecar.Begin("failover")
	parent := root.Parent()
	require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", parent)
	require.Empty(t, r.Ended())

	id := edge.Tell(parent, Span{Name: "hold", Start: at(2), End: at(9), Attrs: []Attr{Str("region", "arena"), Str("empty", "")}})
	require.Equal(t, ID(parent), id)
	root.End(Span{
		Name: "move", Start: at(0), End: at(10), Error: "why", Attrs: []Attr{Int("epoch", 2), Bool("new", true), Strs("set", []string{"a", "b"})},
		Children: []Span{{
			Name: "elect", Start: at(3), End: at(1), Client: true, Events: []Event{{"claim", at(3), []Attr{Str("x", "y")}}},
			Children: []Span{{Name: "below", Start: at(3), End: at(3)}},
		}},
	})

	move, hold, elect := named(t, r, "move"), named(t, r, "hold"), named(t, r, "elect")
	require.Len(t, r.Ended(), 4)
	require.False(t, move.Parent().IsValid())
	for _, s := range r.Ended() {
		require.Equal(t, id, s.SpanContext().TraceID().String())
	}
	require.Equal(t, move.SpanContext().SpanID(), hold.Parent().SpanID())
	require.Equal(t, move.SpanContext().SpanID(), elect.Parent().SpanID())
	require.Equal(t, elect.SpanContext().SpanID(), named(t, r, "below").Parent().SpanID())
	require.True(t, strings.Contains(parent, move.SpanContext().SpanID().String()))

	require.Equal(t, []time.Time{at(0), at(10)}, []time.Time{move.StartTime(), move.EndTime()})
	require.Equal(t, at(3), elect.EndTime(), "not before its start")
	require.Equal(t, otel.SpanKindClient, elect.SpanKind())
	require.Equal(t, sdk.Status{Code: codes.Error, Description: "why"}, move.Status())
	require.Equal(t, []attribute.KeyValue{
		attribute.Int64("reseat.epoch", 2), attribute.Bool("reseat.new", true), attribute.StringSlice("reseat.set", []string{"a", "b"}),
	}, move.Attributes())
	require.Equal(t, []attribute.KeyValue{attribute.String("reseat.region", "arena")}, hold.Attributes())
	require.Equal(t, at(3), elect.Events()[0].Time)
	require.Equal(t, "service.instance.id=5f3a,service.name=edge", hold.Resource().Encoded(attribute.DefaultEncoder()))
	require.Equal(t, "service.instance.id=90c1,service.name=sidecar", move.Resource().Encoded(attribute.DefaultEncoder()))
}

// A trace that is not sampled is nobody's, and neither is a part of it.
func TestNotSampled(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	r := tracetest.NewSpanRecorder()
	tracer := New(r, "sidecar")
	root := tracer.Begin("failover")
	require.Regexp(t, "-00$", root.Parent())
	require.Empty(t, ID(root.Parent()))
	log := slog.New(slog.DiscardHandler)
	require.Same(t, log, Log(log, root.Parent()))
	require.Empty(t, tracer.Tell(root.Parent(), Span{Name: "hold", Start: at(0), End: at(1)}))
	root.End(Span{Name: "failover", Start: at(0), End: at(1)})
	require.Empty(t, r.Ended())

	t.Setenv("OTEL_TRACES_SAMPLER", "")
	other := New(r, "edge") // asked to sample everything, but the trace is another's
	require.Empty(t, other.Tell(root.Parent(), Span{Name: "hold", Start: at(0), End: at(1)}))
	require.Empty(t, r.Ended())
}

// A parent that is none, from Consul or a link, makes a trace of its own, and no harm.
func TestWrongParent(t *testing.T) {
	r := tracetest.NewSpanRecorder()
	tracer := New(r, "edge")
	ids := map[string]bool{}
	for _, parent := range []string{
		"", "t", "00-trace", "00-00000000000000000000000000000000-0000000000000000-01", strings.Repeat("0", 55), strings.Repeat("x", 4096),
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
	} {
		require.Empty(t, ID(parent))
		id := tracer.Tell(parent, Span{Name: "hold", Start: at(0), End: at(1)})
		require.Len(t, id, 32)
		ids[id] = true
	}
	require.Len(t, ids, 7)
	for _, s := range r.Ended() {
		require.False(t, s.Parent().IsValid())
	}
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", ID("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	var out strings.Builder
	Log(slog.New(slog.NewTextHandler(&out, nil)), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").Info("switching", "epoch", 2)
	require.Contains(t, out.String(), " trace_id=4bf92f3577b34da6a3ce929d0e0e4736 epoch=2")
}

// Without an exporter everything may be called.
func TestNoTracer(t *testing.T) {
	var tracer *Tracer
	require.Nil(t, tracer.As("x"))
	root := tracer.Begin("failover")
	require.Empty(t, root.Parent())
	root.End(Span{})
	require.Empty(t, tracer.Tell("", Span{}))
}
