package sidecar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/reseat-proxy/reseat/proxy/trace"
)

// A claim may be the first that anybody hears of the end of a primary: Consul's news
// came before every other word. Then there was no time in which it could be detected,
// and the stages still follow each other without a gap.
func TestStoryWithoutSigns(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	s := story{tracer: trace.New(sdk.NewSimpleSpanProcessor(kept), "test"), region: "arena"}
	s.follow("other", 1, "", false)
	require.NotEmpty(t, s.claims(1))
	s.claimed(2, false, nil)
	s.wins(2)
	s.serves("self", 10)
	s.over("self", true, "")

	spans := map[string]tracetest.SpanStub{}
	for _, one := range kept.GetSpans() {
		spans[one.Name] = one
	}
	end := spans["failover"].StartTime
	for _, name := range []string{"detect", "elect", "promote", "secure"} {
		require.Equal(t, end, spans[name].StartTime, "%s begins where the last one ended", name)
		end = spans[name].EndTime
	}
	require.Equal(t, spans["failover"].EndTime, end)
	require.Equal(t, spans["detect"].StartTime, spans["detect"].EndTime)
}
