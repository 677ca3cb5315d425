package trace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// farewell bounds what the end of a process waits for its last spans to be taken.
	farewell = 3 * time.Second
	// quiet is how long after a warning about the exporter there is no other.
	quiet = time.Minute
)

// Setup returns the tracer that the standard variables of OpenTelemetry ask for, nil
// if they ask for none, and a function that sends what is left, which takes at most
// some seconds and must be called once. An error says which variable is wrong and what
// it may be; the tracer is nil then, and the process can go on without. What goes
// wrong later is logged.
//
// OTEL_TRACES_EXPORTER is otlp (the default), console or none; for otlp there must be
// an OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. Their protocol,
// headers, certificates and timeouts, the sampler, the batches and the resource have
// their usual variables, too.
func Setup(ctx context.Context, service string, log *slog.Logger) (t *Tracer, shutdown func(), err error) {
	shutdown = func() {}
	exporter, err := newExporter(ctx)
	if err == nil {
		err = checkSampler(os.Getenv("OTEL_TRACES_SAMPLER"))
	}
	if err != nil || exporter == nil {
		return nil, shutdown, err
	}
	attrs, err := attributes(ctx, service)
	if err != nil {
		return nil, shutdown, errors.Join(err, exporter.Shutdown(ctx))
	}
	otel.SetErrorHandler(&complainer{log: log})
	processor := sdk.NewBatchSpanProcessor(exporter)
	shutdown = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if err := processor.Shutdown(ctx); err != nil {
			log.Warn("could not send the last traces", "event", "traces", "error", err)
		}
	}
	return newTracer(processor, attrs), shutdown, nil
}

// attributes are what the environment says of the process; it may name the service
// otherwise.
func attributes(ctx context.Context, service string) ([]attribute.KeyValue, error) {
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w: write key=value,key=value", err)
	}
	return res.Attributes(), nil
}

// Destination says where traces go by the environment: an address, "console", or
// nothing. It does not check it.
func Destination() string {
	_, endpoint := either("ENDPOINT")
	switch name := os.Getenv("OTEL_TRACES_EXPORTER"); {
	case disabled(), name == "none":
		return ""
	case name == "console":
		return name
	default:
		return endpoint
	}
}

func disabled() bool { return strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") }

// newExporter returns nil if nothing is to be exported.
func newExporter(ctx context.Context) (sdk.SpanExporter, error) {
	if disabled() {
		return nil, nil //nolint:nilnil // there is none
	}
	switch name := os.Getenv("OTEL_TRACES_EXPORTER"); name {
	case "none":
		return nil, nil //nolint:nilnil // there is none
	case "console":
		return stdouttrace.New()
	case "", "otlp":
		return newOTLP(ctx)
	default:
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: choose otlp, console or none", name)
	}
}

func newOTLP(ctx context.Context) (sdk.SpanExporter, error) {
	name, endpoint := either("ENDPOINT")
	if endpoint == "" {
		return nil, nil //nolint:nilnil // nobody takes traces
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s is %q: write http://HOST:PORT or https://HOST:PORT", name, endpoint)
	}
	switch name, protocol := either("PROTOCOL"); protocol {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("%s is %q: choose http/protobuf or grpc", name, protocol)
	}
}

// either is the variable for traces, or else the one for all signals.
func either(what string) (name, value string) {
	for _, name = range []string{"OTEL_EXPORTER_OTLP_TRACES_" + what, "OTEL_EXPORTER_OTLP_" + what} {
		if value = os.Getenv(name); value != "" {
			return name, value
		}
	}
	return name, ""
}

var samplers = []string{
	"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

func checkSampler(name string) error {
	if !slices.Contains(samplers, strings.ToLower(strings.TrimSpace(name))) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER is %q: choose one of %s", name, strings.Join(samplers[1:], ", "))
	}
	return nil
}

// complainer logs what goes wrong with the exporter, once in a while.
type complainer struct {
	log *slog.Logger

	mu   sync.Mutex // guards the fields below
	last time.Time
	more int // errors since
}

// Handle implements otel.ErrorHandler.
func (c *complainer) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.last.IsZero() && now.Sub(c.last) < quiet {
		c.more++
		return
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the collector does not answer: %w", err)
	}
	c.log.Warn("traces are not exported; players do not notice. Check OTEL_EXPORTER_OTLP_ENDPOINT and its protocol",
		"event", "traces", "error", err, "errors_before", c.more)
	c.last, c.more = now, 0
}
