package traces

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// process is one that sends what it traces to a collector, with the SDK's own
// exporter.
func process(t *testing.T, endpoint, service, instance string, zip bool) (trace.Tracer, func()) {
	t.Helper()
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(endpoint + path)}
	if zip {
		options = append(options, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	}
	exporter, err := otlptracehttp.New(t.Context(), options...)
	require.NoError(t, err)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", service), attribute.String("service.instance.id", instance))))
	flush := func() { require.NoError(t, provider.ForceFlush(t.Context())) }
	t.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(t.Context())) })
	return provider.Tracer("test"), flush
}

// Two processes make one trace, and it is drawn with the times that they gave.
func TestCollect(t *testing.T) {
	endpoint, c, err := Collect(t.Context())
	require.NoError(t, err)
	require.Contains(t, c.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint)

	one, flushOne := process(t, endpoint, "reseat-sidecar", "90c1aaaabbbb", false)
	two, flushTwo := process(t, endpoint, "reseat-edge", "5f3a", true)
	ctx, root := one.Start(t.Context(), "failover", trace.WithTimestamp(at(0)), trace.WithAttributes(
		attribute.String("reseat.region", "arena"), attribute.Int("reseat.epoch", 2), attribute.Bool("reseat.planned", false),
		attribute.Float64("reseat.share", 0.5), attribute.StringSlice("reseat.set", []string{"a", "b"})))
	_, elect := one.Start(ctx, "elect", trace.WithTimestamp(at(10)), trace.WithSpanKind(trace.SpanKindClient))
	elect.AddEvent("attempt", trace.WithTimestamp(at(12)), trace.WithAttributes(attribute.Int("reseat.attempt", 1)))
	elect.SetStatus(codes.Error, "no lock")
	elect.End(trace.WithTimestamp(at(20)))
	root.End(trace.WithTimestamp(at(40)))
	flushOne()
	_, hold := two.Start(ctx, "hold", trace.WithTimestamp(at(5)))
	hold.End(trace.WithTimestamp(at(30)))
	flushTwo()

	got, err := c.Wait(t.Context(), func(t Trace) bool { return len(t.Spans) == 3 })
	require.NoError(t, err)
	require.Equal(t, root.SpanContext().TraceID().String(), got.ID)
	top, ok := got.Root()
	require.True(t, ok)
	require.Equal(t, "failover", top.Name)
	require.Equal(t, 40*time.Millisecond, top.Duration())
	require.Equal(t, map[string]any{
		"reseat.region": "arena", "reseat.epoch": int64(2), "reseat.planned": false, "reseat.share": 0.5, "reseat.set": []any{"a", "b"},
	}, top.Attributes)
	require.Equal(t, []string{"hold", "elect"}, names(got.Children(top.ID)))
	client, ok := got.Named("elect")
	require.True(t, ok)
	require.Equal(t, "client", client.Kind)
	require.Equal(t, "no lock", client.Error)
	require.True(t, at(12).Equal(client.Events[0].At))
	_, ok = got.Named("nothing")
	require.False(t, ok)

	var out bytes.Buffer
	require.NoError(t, got.Draw(&out))
	want := strings.Join([]string{
		"trace " + got.ID + ": failover, 40.0 ms, 3 spans",
		"",
		"at ms    ms                                         span            process           attributes",
		"    0.0     40.0  ████████████████████████████████  failover        sidecar 90c1aaaa  epoch=2 planned=false region=arena set=[a b] share=0.5",
		"    5.0     25.0  ····█████████████████████·······  ├─ hold         edge 5f3a",
		"   10.0     10.0  ········█████████···············  └─ elect !      sidecar 90c1aaaa",
		"   12.0                    ▲                             · attempt                    attempt=1",
		"",
	}, "\n")
	require.Equal(t, want, out.String())

	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.Contains(t, string(text), `"trace_id":"`+got.ID)
	again, ok := c.Trace(got.ID)
	require.True(t, ok)
	require.Equal(t, got, again)
	c.Reset()
	_, ok = c.Trace(got.ID)
	require.False(t, ok)
	requests, spans := c.Lost()
	require.Zero(t, requests+spans)
}

func names(spans []Span) (out []string) {
	for _, s := range spans {
		out = append(out, s.Name)
	}
	return out
}

func TestWaitEnds(t *testing.T) {
	_, c, err := Collect(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no patience"))
	_, err = c.Wait(ctx, func(Trace) bool { return true })
	require.ErrorContains(t, err, "no patience")
}

// request is what one process sends of one trace.
func request(trace, spans int) *coltrace.ExportTraceServiceRequest {
	scope := &otlp.ScopeSpans{}
	for i := range spans {
		id := fmt.Sprintf("%08d", i)
		scope.Spans = append(scope.Spans, &otlp.Span{TraceId: fmt.Appendf(nil, "%016d", trace), SpanId: []byte(id), Name: id})
	}
	return &coltrace.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{ScopeSpans: []*otlp.ScopeSpans{scope}}}}
}

func post(t *testing.T, c *Collector, change func(*http.Request), body []byte) int {
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/x-protobuf")
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, req)
	return w.Code
}

func send(t *testing.T, c *Collector, req *coltrace.ExportTraceServiceRequest) int {
	t.Helper()
	body, err := proto.Marshal(req)
	require.NoError(t, err)
	return post(t, c, nil, body)
}

// The trace that has been silent the longest is forgotten first; one that is larger
// than all that may be kept is cut.
func TestCollectorIsBounded(t *testing.T) {
	c := newCollector()
	for i := range 5 {
		require.Equal(t, http.StatusOK, send(t, c, request(i, MaxSpans/4)))
		if i == 1 {
			require.Equal(t, http.StatusOK, send(t, c, request(0, 0))) // nothing new of it
		}
	}
	all := c.Traces()
	require.Len(t, all, 4)
	require.Equal(t, fmt.Sprintf("%032x", "0000000000000001"), all[0].ID)
	_, forgot := c.Lost()
	require.Equal(t, MaxSpans/4, forgot)

	c = newCollector()
	require.Equal(t, http.StatusOK, send(t, c, request(1, MaxSpans+3)))
	require.Len(t, c.Traces()[0].Spans, MaxSpans)
	_, forgot = c.Lost()
	require.Equal(t, 3, forgot)
}

func TestRefused(t *testing.T) {
	c := newCollector()
	wrong := request(1, 1)
	wrong.ResourceSpans[0].ScopeSpans[0].Spans[0].SpanId = []byte("short")
	require.Equal(t, http.StatusBadRequest, send(t, c, wrong))
	for _, test := range []struct {
		name   string
		change func(*http.Request)
		body   string
		code   int
	}{
		{"not protobuf", nil, "\xff\xff", http.StatusBadRequest},
		{"not zipped", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, "plain", http.StatusBadRequest},
		{"json", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, "{}", http.StatusUnsupportedMediaType},
		{"get", func(r *http.Request) { r.Method = http.MethodGet }, "", http.StatusMethodNotAllowed},
		{"logs", func(r *http.Request) { r.URL.Path = "/v1/logs" }, "", http.StatusNotFound},
		{"large", nil, strings.Repeat("x", maxRequest+1), http.StatusBadRequest},
	} {
		require.Equal(t, test.code, post(t, c, test.change, []byte(test.body)), test.name)
	}
	refused, _ := c.Lost()
	require.Equal(t, 7, refused)
	require.Empty(t, c.Traces())
}

// Parents that are wrong, in a circle or not there do not keep a trace from being
// drawn: what has no parent that is there is drawn from its own beginning.
func TestDrawWhatIsBroken(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Trace{ID: "t"}.Draw(&out))
	require.Equal(t, "trace t is empty\n", out.String())
	_, ok := Trace{}.Root()
	require.False(t, ok)

	out.Reset()
	tr := Trace{ID: "t", Spans: []Span{
		{ID: "1", Parent: "gone", Name: "orphan", Start: at(0), End: at(0)},
		{ID: "2", Parent: "3", Name: "egg", Start: at(0), End: at(0)},
		{ID: "3", Parent: "2", Name: "hen", Start: at(0), End: at(0)},
		{ID: "4", Parent: "4", Name: "self", Start: at(0), End: at(0)},
	}}
	require.NoError(t, tr.Draw(&out))
	require.Contains(t, out.String(), "orphan")
	require.Contains(t, out.String(), "self")
	require.NotContains(t, out.String(), "hen")
	root, ok := tr.Root()
	require.True(t, ok)
	require.Equal(t, "orphan", root.Name)
}
