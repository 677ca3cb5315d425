package demo

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

// TestEmpty: a server is empty when it leads nothing, and backs nothing that it is
// not configured with.
func TestEmpty(t *testing.T) {
	th := newTheater(t, Region{Name: "fixed", fixed: []string{"b", "a", "c"}}, Region{Name: "pool"})
	s := &scene{Round: &Round{Servers: []string{"a"}}, d: &demo{stage: th.stage}, drained: "inc-a"}
	empty := func() bool {
		over, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("not yet"))
		return s.emptied(over) == nil
	}
	pool := &th.known.regions["pool"].view
	require.False(t, empty(), "it leads")
	pool.Primary = nil
	require.False(t, empty(), "nobody leads")
	pool.Primary = &discovery.Holder{Incarnation: "inc-b"}
	require.False(t, empty(), "it backs")
	pool.InSync = []string{"inc-b", "inc-c"}
	require.True(t, empty(), "it backs only what it is configured with")
}

func TestFaults(t *testing.T) {
	for list, want := range map[string][]string{"kill, many": {"kill", "many"}, "many:3,controller:2": {"many:3", "controller:2"}} {
		chosen, err := ParseFaults(list)
		require.NoError(t, err)
		var names []string
		for _, f := range chosen {
			names = append(names, f.Name)
		}
		require.Equal(t, want, names)
	}
	three, err := ParseFaults("many:3")
	require.NoError(t, err)
	require.NoError(t, three[0].Check(Config{Servers: 5, Edges: 1, Regions: 1}))
	require.ErrorContains(t, three[0].Check(Config{Servers: 4}), "--servers 5 or more")
	for _, bad := range []string{"", "kill,", "many:", "many:x", "many:-1", "edge:2"} {
		_, err := ParseFaults(bad)
		require.Error(t, err, bad)
	}
	n, name := numbered("many", 0, 3)
	require.Equal(t, 2, n)
	require.Equal(t, "many", name)
	n, name = numbered("many", 5, 15)
	require.Equal(t, 5, n)
	require.Equal(t, "many:5", name)
}
