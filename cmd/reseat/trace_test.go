package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/traces"
)

// Real processes tell a failover in one trace, whose stages add up: from the new
// primary's detect to its root's end, and from an edge's loss to the last player's
// durable action.
func TestDemoTraced(t *testing.T) {
	if testing.Short() {
		t.Skip("starts nine processes")
	}
	endpoint, c, err := traces.Collect(t.Context())
	require.NoError(t, err)
	for _, v := range c.Environ() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	// So many actions a second that somebody acts in the few milliseconds in which nobody
	// serves, and waits for it; and all of it twice.
	out, err := call(t, "demo", "--players", "40", "--rate", "40", "--fault", "kill", "--rounds", "2")
	require.NoError(t, err, out)
	require.Contains(t, out, "traces of failovers go to "+endpoint)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := c.Wait(ctx, func(t traces.Trace) bool {
		_, told := t.Named("secure")
		_, durable := t.Named("first_durable")
		return told && durable
	})
	require.NoError(t, err, "what did arrive:%s", drawn(t, c.Traces()...))
	t.Log(drawn(t, got))

	root, ok := got.Root()
	require.True(t, ok)
	require.Equal(t, []string{"failover", "reseat-sidecar"}, []string{root.Name, root.Service})
	// The registry in memory may be faster with its news than the dead game's sidecar.
	require.Contains(t, []any{"game", "consul"}, root.Attributes["reseat.detector"])
	end := root.Start
	for _, name := range []string{"detect", "elect", "promote", "secure"} {
		s := of(t, got, root.Instance, name)
		require.True(t, end.Equal(s.Start), "%s begins where the last one ended", name)
		end = s.End
	}
	require.True(t, root.End.Equal(end))

	first, _ := got.Named("first_durable")
	require.Equal(t, "reseat-edge", first.Service)
	end = of(t, got, first.Instance, "hold").Start
	for _, name := range []string{"hold", "switch", "first_durable"} {
		s := of(t, got, first.Instance, name)
		require.True(t, end.Equal(s.Start), "%s begins where the last one ended", name)
		end = s.End
	}
	require.NotEmpty(t, got.Children(first.ID), "the slowest players")
	requests, spans := c.Lost()
	require.Zero(t, requests+spans)
}

// drawn is a picture of each trace.
func drawn(t *testing.T, all ...traces.Trace) string {
	t.Helper()
	var out strings.Builder
	for _, one := range all {
		out.WriteString("\n")
		require.NoError(t, one.Draw(&out))
	}
	return out.String()
}

// of is the span of that name of one process.
func of(t *testing.T, all traces.Trace, instance, name string) traces.Span {
	t.Helper()
	for _, s := range all.Spans {
		if s.Instance == instance && s.Name == name {
			return s
		}
	}
	require.Fail(t, "no span "+name)
	return traces.Span{}
}
