package trace

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// setup is Setup in an environment that says this and nothing else of OpenTelemetry.
func setup(t *testing.T, environ ...string) (*Tracer, func(), error) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	return Setup(t.Context(), "reseat-edge", slog.New(slog.DiscardHandler))
}

func TestSetupWithoutExporter(t *testing.T) {
	for _, environ := range [][]string{
		nil,
		{"OTEL_TRACES_EXPORTER=otlp"}, // and nobody takes them
		{"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"},
		{"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT=nonsense"},
	} {
		tracer, shutdown, err := setup(t, environ...)
		require.NoError(t, err, environ)
		require.Nil(t, tracer, environ)
		shutdown()
	}
}

func TestSetupWithExporter(t *testing.T) {
	for _, environ := range [][]string{
		{"OTEL_TRACES_EXPORTER=console"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector.example:4318/v1/traces", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"},
	} {
		tracer, shutdown, err := setup(t, environ...)
		require.NoError(t, err, environ)
		require.NotNil(t, tracer, environ)
		shutdown()
	}
}

// What is wrong is said with the variable's name and what it may be.
func TestSetupRefuses(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for _, test := range []struct {
		environ []string
		want    string
	}{
		{[]string{"OTEL_TRACES_EXPORTER=zipkin"}, `OTEL_TRACES_EXPORTER is "zipkin": choose otlp, console or none`},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317"}, `OTEL_EXPORTER_OTLP_ENDPOINT is "localhost:4317": write http://HOST:PORT`},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://"}, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is "http://": write`},
		{[]string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": choose http/protobuf or grpc`},
		{[]string{endpoint, "OTEL_TRACES_SAMPLER=sometimes"}, `OTEL_TRACES_SAMPLER is "sometimes": choose one of always_on`},
		{[]string{endpoint, "OTEL_RESOURCE_ATTRIBUTES=nonsense"}, "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		tracer, shutdown, err := setup(t, test.environ...)
		require.ErrorContains(t, err, test.want)
		require.Nil(t, tracer)
		shutdown()
	}
}

// A collector that hangs, refuses or speaks nonsense holds nobody up who tells, though
// the queue is full; nor the end of the process for longer than some seconds.
func TestBadCollectors(t *testing.T) {
	done := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	nonsense := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write([]byte("\xff\xffnonsense"))
	}))
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and says nothing: for gRPC
	require.NoError(t, err)
	defer silent.Close()
	defer nonsense.Close()
	defer hang.Close()
	defer close(done)
	for name, environ := range map[string][]string{
		"hangs":           {"OTEL_EXPORTER_OTLP_ENDPOINT=" + hang.URL},
		"refuses":         {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"},
		"speaks nonsense": {"OTEL_EXPORTER_OTLP_ENDPOINT=" + nonsense.URL},
		"hangs, grpc":     {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + silent.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		"refuses, grpc":   {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, shutdown, err := setup(t, append(environ, "OTEL_BSP_SCHEDULE_DELAY=1")...)
			require.NoError(t, err)
			began := time.Now()
			for range 10_000 { // several times what is queued
				tracer.Tell("", Span{Name: "hold", Start: began, End: began})
			}
			require.Less(t, time.Since(began), farewell, "telling must not wait for the collector")
			began = time.Now()
			shutdown()
			require.Less(t, time.Since(began), farewell+2*time.Second)
		})
	}
}

// What a person reads of it is one line a minute.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := &complainer{log: slog.New(slog.NewTextHandler(&out, nil))}
		for range 90 {
			c.Handle(errors.New("connection refused"))
			time.Sleep(time.Second)
		}
		require.Equal(t, 2, strings.Count(out.String(), "\n"))
		require.Contains(t, out.String(), "connection refused")
		require.Contains(t, out.String(), "errors_before=59")
		time.Sleep(time.Minute)
		c.Handle(context.DeadlineExceeded)
		require.Contains(t, out.String(), "the collector does not answer")
	})
}
