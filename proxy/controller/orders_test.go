package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// ledBy is a mesh whose region r is led by somebody.
func ledBy(incarnation string, epoch uint64, parent string) discovery.Mesh {
	return discovery.Mesh{Regions: map[string]discovery.View{
		"r": {Primary: &discovery.Holder{Incarnation: incarnation, Epoch: epoch, Trace: parent}},
	}}
}

func say(s sdk.ReadOnlySpan, key string) string {
	for _, a := range s.Attributes() {
		if string(a.Key) == "reseat."+key {
			return a.Value.String()
		}
	}
	return ""
}

// An order is told when it is known to be written and to have been followed, whatever
// comes first, and forgotten when it cannot be any more.
func TestOrders(t *testing.T) {
	asked := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return asked.Add(time.Duration(seconds) * time.Second) }
	put := mesh.PutSeats{Region: "r", Order: &mesh.Order{From: "a", To: "b", Why: mesh.WhyAsked, Asked: asked}}
	again := mesh.PutSeats{Region: "r", Order: &mesh.Order{From: "a", To: "c", Why: mesh.WhyDrain}}
	giver := &discovery.Holder{Incarnation: "a", Epoch: 1}
	for name, test := range map[string]struct {
		do   func(o *orders, parent string)
		told bool
		left int
	}{
		"written, followed": {func(o *orders, parent string) {
			o.written(at(2), put, nil)
			o.see(at(3), ledBy("a", 1, "before"))
			o.see(at(3), discovery.Mesh{}) // the lock is free
			o.see(at(3), ledBy("b", 2, parent))
		}, true, 0},
		"followed, and then we hear that it is written": {func(o *orders, parent string) {
			o.see(at(2), ledBy("b", 2, parent))
			o.see(at(2), ledBy("c", 3, "later"))
			o.written(at(2), put, nil)
		}, true, 0},
		"told once": {func(o *orders, parent string) {
			o.written(at(2), put, nil)
			o.see(at(3), ledBy("b", 2, parent))
			o.see(at(4), ledBy("b", 3, parent))
			o.written(at(5), put, nil)
		}, true, 0},
		"not written": {func(o *orders, parent string) {
			o.written(at(2), put, errors.New("raced"))
			o.see(at(3), ledBy("b", 2, parent))
		}, false, 0},
		"not followed yet": {func(o *orders, _ string) {
			o.written(at(2), put, nil)
			o.see(at(60), ledBy("a", 1, "before"))
		}, false, 1},
		"another one leads": {func(o *orders, parent string) {
			o.written(at(2), put, nil)
			o.see(at(3), ledBy("c", 2, "other"))
			o.see(at(4), ledBy("b", 3, parent))
		}, false, 0},
		"not traced": {func(o *orders, _ string) {
			o.written(at(2), put, nil)
			o.see(at(3), ledBy("b", 2, ""))
		}, false, 0},
		"too late": {func(o *orders, parent string) {
			o.written(at(2), put, nil)
			o.see(at(62), ledBy("b", 2, parent))
		}, false, 0},
		"another order took its place": {func(o *orders, parent string) {
			o.decided(at(2), again, giver)
			o.written(at(2), put, nil)
			o.written(at(3), mesh.PutSeats{Region: "r"}, nil)
			o.see(at(3), ledBy("b", 2, parent))
		}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			tracer := trace.New(recorder, "edge")
			root := tracer.Begin("move")
			o := newOrders(tracer)
			o.decided(at(1), put, giver)
			o.decided(at(1), mesh.PutSeats{Region: "r"}, giver) // seats alone
			test.do(o, root.Parent())
			require.Len(t, o.byRegion, test.left)
			if !test.told {
				require.Empty(t, recorder.Ended())
				return
			}
			require.Len(t, recorder.Ended(), 1)
			s := recorder.Ended()[0]
			require.Equal(t, trace.ID(root.Parent()), s.SpanContext().TraceID().String())
			require.Equal(t, []any{"order", at(0), at(2), at(1)}, []any{s.Name(), s.StartTime(), s.EndTime(), s.Events()[0].Time})
			require.Equal(t, []string{"r", "a", "b", "asked", "1"},
				[]string{say(s, "region"), say(s, "from"), say(s, "to"), say(s, "why"), say(s, "epoch_before")})
		})
	}
}

// A controller that is not traced remembers nothing.
func TestOrdersOfNobody(t *testing.T) {
	o := newOrders(nil)
	put := mesh.PutSeats{Region: "r", Order: &mesh.Order{From: "a", To: "b"}}
	o.decided(time.Now(), put, &discovery.Holder{Incarnation: "a", Epoch: 1})
	require.Empty(t, o.byRegion)
	o.written(time.Now(), put, nil)
	o.see(time.Now(), ledBy("b", 2, "x"))
}

// A drain is told from when the controller saw it: the move had to wait for that a backup
// was replaced.
func TestOrderOfADrain(t *testing.T) {
	inBubble(t, func(r *rig) {
		recorder := tracetest.NewSpanRecorder()
		root := trace.New(recorder, "sidecar").Begin("move")
		first, second := started(r, 5, func(c *Config) { c.Tracer = trace.New(recorder, "edge") })
		r.mu.Lock()
		r.parent = root.Parent()
		r.mu.Unlock()
		giver := r.covered().Region("r1").Primary.Incarnation
		events, stop := first.Events()
		defer stop()
		asked := time.Now()
		require.NoError(r, second.Drain(r.ctx, giver))
		r.expect(events, KindDrained)
		m := r.until("moved", func(m discovery.Mesh) bool {
			for _, v := range m.Regions {
				if v.Primary == nil || v.Primary.Incarnation == giver {
					return false
				}
			}
			return true
		})
		time.Sleep(time.Second)

		require.NotEmpty(r, recorder.Ended())
		for _, s := range recorder.Ended() {
			require.Equal(r, []string{"order", "drain", giver}, []string{s.Name(), say(s, "why"), say(s, "from")})
			require.Equal(r, trace.ID(root.Parent()), s.SpanContext().TraceID().String())
			require.WithinDuration(r, asked, s.StartTime(), time.Second)
			require.False(r, s.EndTime().Before(s.Events()[0].Time))
			require.Equal(r, m.Region(say(s, "region")).Primary.Incarnation, say(s, "to"))
		}
	})
}
