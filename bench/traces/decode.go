package traces

import (
	"encoding/hex"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
)

const (
	traceIDBytes = 16
	spanIDBytes  = 8
)

// received is a span and the trace that it is of.
type received struct {
	trace string
	span  Span
}

// decode reads a request. Spans without valid IDs are counted, not returned.
func decode(req *coltrace.ExportTraceServiceRequest) (out []received, bad int) {
	for _, of := range req.GetResourceSpans() {
		resource := attributes(of.GetResource().GetAttributes())
		service, _ := resource["service.name"].(string)
		instance, _ := resource["service.instance.id"].(string)
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				if len(s.GetTraceId()) != traceIDBytes || len(s.GetSpanId()) != spanIDBytes {
					bad++
					continue
				}
				span := spanOf(s)
				span.Service, span.Instance = service, instance
				out = append(out, received{hex.EncodeToString(s.GetTraceId()), span})
			}
		}
	}
	return out, bad
}

func spanOf(s *otlp.Span) Span {
	span := Span{
		ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()), Name: s.GetName(),
		Kind: kinds[s.GetKind()], Start: nano(s.GetStartTimeUnixNano()), End: nano(s.GetEndTimeUnixNano()),
		Attributes: attributes(s.GetAttributes()),
	}
	if status := s.GetStatus(); status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
		span.Error = "error"
		if status.GetMessage() != "" {
			span.Error = status.GetMessage()
		}
	}
	for _, e := range s.GetEvents() {
		span.Events = append(span.Events, Event{Name: e.GetName(), At: nano(e.GetTimeUnixNano()), Attributes: attributes(e.GetAttributes())})
	}
	return span
}

var kinds = map[otlp.Span_SpanKind]string{
	otlp.Span_SPAN_KIND_SERVER: "server", otlp.Span_SPAN_KIND_CLIENT: "client",
	otlp.Span_SPAN_KIND_PRODUCER: "producer", otlp.Span_SPAN_KIND_CONSUMER: "consumer",
}

func nano(n uint64) time.Time { return time.Unix(0, int64(n)) } //nolint:gosec // until the year 2262

func attributes(all []*common.KeyValue) map[string]any {
	if len(all) == 0 {
		return nil
	}
	out := make(map[string]any, len(all))
	for _, a := range all {
		out[a.GetKey()] = value(a.GetValue())
	}
	return out
}

// value is a plain value; what is none of those that we know is nil.
func value(v *common.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return v.StringValue
	case *common.AnyValue_BoolValue:
		return v.BoolValue
	case *common.AnyValue_IntValue:
		return v.IntValue
	case *common.AnyValue_DoubleValue:
		return v.DoubleValue
	case *common.AnyValue_ArrayValue:
		list := make([]any, 0, len(v.ArrayValue.GetValues()))
		for _, one := range v.ArrayValue.GetValues() {
			list = append(list, value(one))
		}
		return list
	}
	return nil
}
