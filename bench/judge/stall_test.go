package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMeasure(t *testing.T) {
	w := Window{From: 100, To: 200}
	tests := map[string]struct {
		samples []Sample
		want    Stall
	}{
		"nothing sent": {nil, Stall{}},
		"durable before the fault": {
			[]Sample{{Intended: 10, Sent: 11, Durable: 100, Replied: 50}}, Stall{},
		},
		"in flight: counts from the fault": {
			[]Sample{{Intended: 90, Sent: 91, Durable: 130, Replied: 95}}, Stall{Durable: 30, InFlight: 1},
		},
		"in flight, reply too": {
			[]Sample{{Intended: 90, Sent: 91, Durable: 130, Replied: 140}}, Stall{Durable: 30, Reply: 40, InFlight: 1},
		},
		"durable in time, but the reply late": {
			[]Sample{{Intended: 90, Sent: 91, Durable: 95, Replied: 140}}, Stall{Reply: 40},
		},
		"sent in the window: counts from its intended time": {
			[]Sample{{Intended: 110, Sent: 150, Durable: 170, Replied: 160}}, Stall{Durable: 60, Reply: 50},
		},
		"intended before the fault, sent only after it": {
			[]Sample{{Intended: 80, Sent: 150, Durable: 170, Replied: 171}}, Stall{Durable: 70, Reply: 71},
		},
		"after the window": {
			[]Sample{{Intended: 201, Sent: 202, Durable: 999, Replied: 999}}, Stall{},
		},
		"at the window's end, long after": {
			[]Sample{{Intended: 200, Sent: 202, Durable: 900, Replied: 800}}, Stall{Durable: 700, Reply: 600},
		},
		"never durable: counts until now": {
			[]Sample{{Intended: 90, Sent: 91}}, Stall{Durable: 900, InFlight: 1, Unreplied: 1},
		},
		"never even sent": {
			[]Sample{{Intended: 120}}, Stall{Durable: 880, Unreplied: 1},
		},
		"the largest of several": {
			[]Sample{
				{Intended: 95, Sent: 95, Durable: 150, Replied: 96},
				{Intended: 105, Sent: 106, Durable: 165, Replied: 125},
				{Intended: 115, Sent: 116, Durable: 166, Replied: 166},
				{Intended: 180, Sent: 181, Durable: 190, Replied: 191},
			}, Stall{Durable: 60, Reply: 51, InFlight: 1},
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			test.want.Player = "ann"
			require.Equal(t, test.want, Measure("ann", test.samples, w, 1000))
		})
	}
}

// TestEveryActionIsInAWindowOrQuiet: no latency may fall between the two.
func TestEveryActionIsInAWindowOrQuiet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		intended := rapid.Int64Range(1, 1000).Draw(t, "intended")
		a := Sample{Intended: intended, Sent: intended, Durable: intended + rapid.Int64Range(1, 500).Draw(t, "took")}
		windows := []Window{{From: 100, To: 200}, {From: 400, To: 650}}
		quiet, _ := Quiet([]Sample{a}, windows)
		longest := time.Duration(0)
		for _, w := range windows {
			longest = max(longest, Measure("", []Sample{a}, w, 2000).Durable)
		}
		if longest == 0 {
			require.Equal(t, []time.Duration{time.Duration(a.Durable - a.Intended)}, quiet)
		} else {
			require.Empty(t, quiet)
		}
	})
}

func TestQuiet(t *testing.T) {
	durable, reply := Quiet([]Sample{
		{Intended: 10, Sent: 11, Durable: 15, Replied: 12},
		{Intended: 20, Sent: 21, Durable: 29}, // no reply
		{Intended: 90, Sent: 91, Durable: 130, Replied: 95},
		{Intended: 210, Sent: 211}, // not durable
	}, []Window{{From: 100, To: 200}})
	require.Equal(t, []time.Duration{5, 9}, durable)
	require.Equal(t, []time.Duration{2}, reply)
}

func TestSpreadIsOfValuesThatOccurred(t *testing.T) {
	require.Equal(t, Spread{}, SpreadOf(nil))
	require.Equal(t, Spread{N: 1, P50: 7, P99: 7, Max: 7}, SpreadOf([]time.Duration{7}))
	require.Equal(t, Spread{N: 2, P50: 3, P99: 7, Max: 7}, SpreadOf([]time.Duration{7, 3}))
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	require.Equal(t, Spread{N: 100, P50: 50, P99: 99, Max: 100}, SpreadOf(hundred))
}
