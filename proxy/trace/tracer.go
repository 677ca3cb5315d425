package trace

import (
	"context"
	"log/slog"
	"slices"
	"time"

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
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(processor), sdk.WithResource(resource.NewSchemaless(attrs...)))
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

// Root is the beginning of a trace, of which the rest is told when it is over. If it
// is never told, nobody hears of it. nil is one that nobody hears of anyway.
type Root struct {
	tracer *Tracer
	span   otel.Span
	start  time.Time
	ctx    context.Context //nolint:containedctx // it carries the span, for those below it
}

// Begin begins a trace. Whether it is sampled is decided here, for all who add to it.
func (t *Tracer) Begin(name string, start time.Time) *Root {
	if t == nil {
		return nil
	}
	ctx, span := t.tracer.Start(context.Background(), name, otel.WithTimestamp(start))
	return &Root{t, span, start, ctx}
}

// Parent is what others have to know to add to the trace: a W3C traceparent.
func (r *Root) Parent() string {
	if r == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(r.ctx, carrier)
	return carrier[traceparent]
}

// End tells the trace: the root is s, under its name, and begins when it was said to.
func (r *Root) End(s Span) {
	if r == nil {
		return
	}
	r.span.SetName(s.Name)
	for _, child := range s.Children {
		r.tracer.tell(r.ctx, child)
	}
	s.Start = r.start
	s.finish(r.span)
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

// Log is the trace ID of a traceparent as an attribute of a log record, or nothing.
func Log(parent string) slog.Attr {
	if id := ID(parent); id != "" {
		return slog.String("trace_id", id)
	}
	return slog.Attr{}
}
