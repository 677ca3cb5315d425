package recovery

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/traces"
)

func TestTraced(t *testing.T) {
	fault := time.Now()
	attributes := map[string]any{"reseat.epoch": int64(7)}
	whole := traces.Trace{ID: "1", Spans: []traces.Span{
		{ID: "c", Parent: "a", Name: "detect", Start: fault.Add(-6 * ms), End: fault.Add(2 * ms)},
		{ID: "a", Name: "failover", Start: fault.Add(-4 * ms), End: fault.Add(30 * ms), Attributes: attributes},
		{ID: "b", Parent: "a", Name: "switch", Start: fault.Add(20 * ms), End: fault.Add(30 * ms)},
	}}
	require.True(t, tells(7)(whole))
	require.False(t, tells(8)(whole), "another failover")
	require.False(t, tells(7)(traces.Trace{Spans: whole.Spans[:2]}), "the edge has not spoken yet")
	move := whole.Spans[1]
	move.Name = "move"
	require.True(t, tells(7)(traces.Trace{Spans: []traces.Span{move, whole.Spans[2]}}), "of a planned one")

	one := Traced{Result: newResult(Cell{Fault: "kill", Load: measure.Load{Players: 3, Rate: 2}}, report(demo.Round{}), nil), Fault: fault, Trace: whole}
	var text bytes.Buffer
	require.NoError(t, one.Print(&text))
	require.Contains(t, text.String(), "the fault came 6.0 ms after the trace begins")
	require.Contains(t, text.String(), "noticed 2.0 ms held 3.0 ms elected 20 ms back 40 ms")
	require.Contains(t, text.String(), "└─ switch")
}

func TestTheLargestLoadIsTraced(t *testing.T) {
	c := Config{Faults: []string{"drain", "kill"}, Loads: []measure.Load{{Players: 10, Rate: 60}, {Players: 1000, Rate: 2}, {Players: 100, Rate: 20}}}
	require.Equal(t, "kill 1000x2", c.largest().String())
	c.Faults = c.Faults[:1]
	require.Equal(t, "drain 1000x2", c.largest().String(), "where no kill is measured")
}
