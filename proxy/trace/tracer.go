package trace

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
)

// scope is the name under which spans are made.
const scope = "github.com/reseat-proxy/reseat"

// Tracer makes spans of what has happened. It is safe for concurrent use; nil is one
// that makes none.
type Tracer struct {
	processor sdk.SpanProcessor
	resource  []attribute.KeyValue
	tracer    otel.Tracer
}

// New returns a tracer whose spans go to a processor, as those of a service. Sampler
// and limits are those of the environment (OTEL_TRACES_SAMPLER, OTEL_SPAN_*).
func New(processor sdk.SpanProcessor, service string, attrs ...attribute.KeyValue) *Tracer {
	return newTracer(processor, append([]attribute.KeyValue{attribute.String("service.name", service)}, attrs...))
}

func newTracer(processor sdk.SpanProcessor, attrs []attribute.KeyValue) *Tracer {
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(processor), sdk.WithIDGenerator(ids{}), sdk.WithResource(resource.NewSchemaless(attrs...)))
	return &Tracer{processor, attrs, provider.Tracer(scope)}
}

// As returns a tracer for one incarnation of the service: its spans say so, and go
// the same way.
func (t *Tracer) As(incarnation string) *Tracer {
	if t == nil {
		return nil
	}
	return newTracer(t.processor, append(slices.Clone(t.resource), attribute.String("service.instance.id", incarnation)))
}

// Root is a trace that has begun, and of which all is told when it is over. If it is
// never told, nobody hears of it. nil is one that nobody hears of anyway.
type Root struct {
	tracer *Tracer
	span   otel.SpanContext
}

// Begin begins a trace. Whether it is sampled is decided here, for all who add to it.
func (t *Tracer) Begin(name string) *Root {
	if t == nil {
		return nil
	}
	_, span := t.tracer.Start(context.Background(), name) // for its IDs only: when it began is known better at its end
	return &Root{t, span.SpanContext()}
}

// Resume is the trace that somebody else has begun, for us to tell. A parent that names
// none makes one that nobody hears of.
func (t *Tracer) Resume(parent string) *Root {
	span := otel.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceparent: parent}))
	if t == nil || !span.IsValid() {
		return nil
	}
	return &Root{t, span}
}

// Parent is what others have to know to add to the trace: a W3C traceparent.
func (r *Root) Parent() string {
	if r == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(otel.ContextWithSpanContext(context.Background(), r.span), carrier)
	return carrier[traceparent]
}

// End tells the trace.
func (r *Root) End(s Span) {
	if r != nil {
		r.tracer.tell(context.WithValue(context.Background(), given{}, r.span), s)
	}
}

// given is the key of the IDs that a context gives to its next root.
type given struct{}

// ids gives a root the IDs that its trace has already.
type ids struct{}

var _ sdk.IDGenerator = ids{}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (otel.TraceID, otel.SpanID) {
	if c, ok := ctx.Value(given{}).(otel.SpanContext); ok {
		return c.TraceID(), c.SpanID()
	}
	return randomTrace(), randomSpan()
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(context.Context, otel.TraceID) otel.SpanID { return randomSpan() }

func randomTrace() (id otel.TraceID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()|1) // all zeros is no ID
	return id
}

func randomSpan() (id otel.SpanID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}

// Tell adds spans to the trace of a parent, or makes a trace of each if there is none.
// It returns the ID of the (last) trace if that is sampled; see ID.
func (t *Tracer) Tell(parent string, spans ...Span) (id string) {
	if t == nil {
		return ""
	}
	ctx := context.Background()
	if parent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: parent})
	}
	for _, s := range spans {
		id = idOf(t.tell(ctx, s))
	}
	return id
}

func (t *Tracer) tell(ctx context.Context, s Span) otel.SpanContext {
	ctx, span := t.tracer.Start(ctx, s.Name, s.options()...)
	for _, child := range s.Children {
		t.tell(ctx, child)
	}
	s.finish(span)
	return span.SpanContext()
}

const traceparent = "traceparent"

// ID is the trace ID of a traceparent, in hexadecimal; empty if there is none or it is
// not sampled: nobody could look it up.
func ID(parent string) string {
	if parent == "" {
		return ""
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{traceparent: parent})
	return idOf(otel.SpanContextFromContext(ctx))
}

func idOf(c otel.SpanContext) string {
	if !c.IsValid() || !c.IsSampled() {
		return ""
	}
	return c.TraceID().String()
}

// Log is a logger whose records have the trace ID of a traceparent, if there is one.
func Log(log *slog.Logger, parent string) *slog.Logger {
	if id := ID(parent); id != "" {
		return log.With("trace_id", id)
	}
	return log
}
