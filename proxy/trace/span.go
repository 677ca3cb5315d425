package trace

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"
)

const (
	// Slowest is how many of a failover's players get a span of their own.
	Slowest = 5
	// MaxFailed is how many of those who were lost in it do.
	MaxFailed = 32
	// MaxEvents is how many events of a span are worth noting. The SDK drops what is
	// above 128.
	MaxEvents = 32
)

// Span is a span that is over, or is told as if it were.
type Span struct {
	Name       string
	Start, End time.Time // an end before the start counts as the start
	Client     bool      // it waited for another service
	Error      string    // it failed; empty: it did not
	Attrs      []Attr
	Events     []Event
	Children   []Span
}

// Event is a moment within a span.
type Event struct {
	Name  string
	At    time.Time
	Attrs []Attr
}

// Attr is an attribute of a span or an event. Those without a value (an empty string)
// are left out.
type Attr struct{ kv attribute.KeyValue }

const space = "reseat."

// Str is an attribute with a text.
func Str(key, value string) Attr { return Attr{attribute.String(space+key, value)} }

// Int is an attribute with a number.
func Int[N int | uint64](key string, value N) Attr {
	return Attr{attribute.Int64(space+key, int64(value))} //nolint:gosec // epochs and indices are below 1<<62
}

// Bool is an attribute that is true or false.
func Bool(key string, value bool) Attr { return Attr{attribute.Bool(space+key, value)} }

// Strs is an attribute with several texts.
func Strs(key string, values []string) Attr { return Attr{attribute.StringSlice(space+key, values)} }

func plain(attrs []Attr) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		if a.kv.Value.Type() != attribute.STRING || a.kv.Value.AsString() != "" {
			out = append(out, a.kv)
		}
	}
	return out
}

// options are those with which a span begins.
func (s Span) options() []otel.SpanStartOption {
	kind := otel.SpanKindInternal
	if s.Client {
		kind = otel.SpanKindClient
	}
	return []otel.SpanStartOption{otel.WithTimestamp(s.Start), otel.WithSpanKind(kind)}
}

// finish fills a begun span in and ends it.
func (s Span) finish(span otel.Span) {
	span.SetAttributes(plain(s.Attrs)...)
	for _, e := range s.Events {
		span.AddEvent(e.Name, otel.WithTimestamp(e.At), otel.WithAttributes(plain(e.Attrs)...))
	}
	if s.Error != "" {
		span.SetStatus(codes.Error, s.Error)
	}
	end := s.End
	if end.Before(s.Start) {
		end = s.Start
	}
	span.End(otel.WithTimestamp(end))
}
