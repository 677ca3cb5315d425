package proxy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	otel "go.opentelemetry.io/otel/trace"

	"github.com/reseat-proxy/reseat/proxy/trace"
)

// witness records the spans of all processes of a mesh, as one collector would.
type witness struct {
	t        *testing.T
	recorder *tracetest.SpanRecorder
	tracers  [2]*trace.Tracer // of edges and of sidecars
}

func newWitness(t *testing.T) *witness {
	w := &witness{t: t, recorder: tracetest.NewSpanRecorder()}
	w.tracers = [2]*trace.Tracer{trace.New(w.recorder, "edge"), trace.New(w.recorder, "sidecar")}
	return w
}

// trace is the one trace with a root of that name that began after.
func (w *witness) trace(root string, after time.Time) (out []sdk.ReadOnlySpan) {
	w.t.Helper()
	var id otel.TraceID
	for _, s := range w.recorder.Ended() {
		if !s.Parent().IsValid() && s.EndTime().After(after) {
			require.Equal(w.t, root, s.Name())
			require.False(w.t, id.IsValid(), "there is another one")
			id = s.SpanContext().TraceID()
		}
	}
	for _, s := range w.recorder.Ended() {
		if s.SpanContext().TraceID() == id {
			out = append(out, s)
		}
	}
	require.NotEmpty(w.t, out, "no trace")
	return out
}

func dump(spans []sdk.ReadOnlySpan) {
	for _, s := range spans {
		fmt.Println(s.Name(), s.StartTime().Format("05.000000"), s.EndTime().Format("05.000000"), s.Resource().Attributes(), s.Attributes(), s.Status())
		for _, e := range s.Events() {
			fmt.Println("    ", e.Name, e.Time.Format("05.000000"), e.Attributes)
		}
	}
}

var _ = attribute.String

func TestTraceOfAKill(t *testing.T) {
	inTracedMesh(t, func(m *mesh, w *witness) {
		m.serve(3)
		m.guarded(3)
		ann, bob := m.join("ann"), m.join("bob")
		ann.act(5)
		bob.act(5)
		ann.settle()
		bob.settle()
		time.Sleep(2 * time.Second) // virtual
		s, _ := m.primary(0)
		began := time.Now()
		fmt.Println("killed", began.Format("05.000000"))
		s.killGame()
		ann.act(20)
		ann.settle()
		bob.act(1)
		bob.settle()
		m.finished(1)
		time.Sleep(time.Second)
		dump(w.trace("failover", began))
	})
}
