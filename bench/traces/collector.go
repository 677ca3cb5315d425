package traces

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	// MaxSpans bounds what a Collector keeps: several hundred failovers, at some
	// kilobytes a span.
	MaxSpans = 20_000
	// maxRequest bounds a request, unzipped. The SDK sends at most 512 spans in one.
	maxRequest = 16 << 20
	// path is where OTLP/HTTP sends traces to.
	path = "/v1/traces"
)

// Collector keeps the traces that it is sent. It is safe for concurrent use.
type Collector struct {
	endpoint string

	mu      sync.Mutex // guards the fields below
	traces  []*Trace   // the one that was heard of last comes last
	spans   int
	refused int
	forgot  int
	grown   chan struct{} // closed, and made anew, when something arrives
}

// Collect listens on a free port of loopback until ctx ends. The endpoint is what
// OTEL_EXPORTER_OTLP_ENDPOINT must be, with the protocol http/protobuf; see
// [Collector.Environ].
func Collect(ctx context.Context) (endpoint string, c *Collector, err error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for traces: %w", err)
	}
	c = newCollector()
	c.endpoint = "http://" + ln.Addr().String()
	server := &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(ln) }()
	return c.endpoint, c, nil
}

func newCollector() *Collector { return &Collector{grown: make(chan struct{})} }

// Environ is what makes a process send all its traces here, soon: variables to be
// added to its environment.
func (c *Collector) Environ() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER=always_on", "OTEL_BSP_SCHEDULE_DELAY=100",
	}
}

// ServeHTTP implements http.Handler: the receiving end of OTLP/HTTP, protobuf only.
func (c *Collector) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	spans, status, err := read(w, req)
	if err != nil {
		c.mu.Lock()
		c.refused++
		c.mu.Unlock()
		http.Error(w, err.Error(), status)
		return
	}
	c.take(spans)
	answer, _ := proto.Marshal(&coltrace.ExportTraceServiceResponse{}) // cannot fail
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

var errSpan = errors.New("a span without a trace ID of 16 bytes and a span ID of 8")

func read(w http.ResponseWriter, req *http.Request) ([]received, int, error) {
	switch {
	case req.URL.Path != path:
		return nil, http.StatusNotFound, fmt.Errorf("only %s is here", path)
	case req.Method != http.MethodPost:
		return nil, http.StatusMethodNotAllowed, errors.New("only POST is answered")
	case req.Header.Get("Content-Type") != "application/x-protobuf":
		return nil, http.StatusUnsupportedMediaType, errors.New("set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf")
	}
	var body io.Reader = http.MaxBytesReader(w, req.Body, maxRequest)
	if req.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(body)
		if err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("gzip: %w", err)
		}
		body = unzip
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxRequest+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("read: %w", err)
	case len(raw) > maxRequest:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("more than %d bytes", maxRequest)
	}
	var export coltrace.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &export); err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("not an ExportTraceServiceRequest: %w", err)
	}
	spans, bad := decode(&export)
	if bad > 0 {
		return nil, http.StatusBadRequest, errSpan
	}
	return spans, http.StatusOK, nil
}

func (c *Collector) take(spans []received) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, got := range spans {
		t := c.touch(got.trace)
		if len(t.Spans) >= MaxSpans {
			c.forgot++
			continue
		}
		t.add(got.span)
		c.spans++
	}
	for c.spans > MaxSpans {
		c.spans -= len(c.traces[0].Spans)
		c.forgot += len(c.traces[0].Spans)
		c.traces = slices.Delete(c.traces, 0, 1)
	}
	close(c.grown)
	c.grown = make(chan struct{})
}

// touch returns a trace, and makes it the one that was heard of last.
func (c *Collector) touch(id string) *Trace {
	i := slices.IndexFunc(c.traces, func(t *Trace) bool { return t.ID == id })
	if i < 0 {
		c.traces = append(c.traces, &Trace{ID: id})
		return c.traces[len(c.traces)-1]
	}
	t := c.traces[i]
	c.traces = append(slices.Delete(c.traces, i, i+1), t)
	return t
}

// Traces returns copies of all traces, the one that was heard of last at the end.
func (c *Collector) Traces() []Trace {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Trace, len(c.traces))
	for i, t := range c.traces {
		out[i] = t.clone()
	}
	return out
}

// Trace returns a copy of what has arrived of a trace, and whether anything has.
func (c *Collector) Trace(id string) (Trace, bool) {
	for _, t := range c.Traces() {
		if t.ID == id {
			return t, true
		}
	}
	return Trace{}, false
}

// Wait waits until there is a trace that is enough, by the word of the caller, and
// returns it. When ctx ends first it returns what ended ctx.
func (c *Collector) Wait(ctx context.Context, enough func(Trace) bool) (Trace, error) {
	for {
		c.mu.Lock()
		grown := c.grown
		c.mu.Unlock()
		all := c.Traces()
		if i := slices.IndexFunc(all, enough); i >= 0 {
			return all[i], nil
		}
		select {
		case <-ctx.Done():
			return Trace{}, fmt.Errorf("no such trace has arrived: %w", context.Cause(ctx))
		case <-grown:
		}
	}
}

// Reset forgets all traces.
func (c *Collector) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.traces, c.spans = nil, 0
}

// Lost tells how many requests were refused, and how many spans were forgotten for
// want of room.
func (c *Collector) Lost() (requests, spans int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused, c.forgot
}
